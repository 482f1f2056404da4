"""The demo company: colleagues, customers, records and a few conversations, so that a newcomer sees a house lived in.

Its people exist nowhere, and neither do their domains: what is sent to them stays in the demo mailbox.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction
from django.utils import translation

from daeris.demo_founding import DEMO_SERVER, Founding
from daeris.models import User
from mail.models import Server

__all__ = [
    "DEFERRED_ADDRESS",
    "DEMO_SERVER",
    "REFUSED_ADDRESS",
    "Login",
    "found",
    "is_missing",
    "logins",
    "set_demo_server",
]

# The demo mail server refuses the first for good (550) and puts the second off (451).
REFUSED_ADDRESS = "buzon.inexistente@clinicavega.example"
DEFERRED_ADDRESS = "buzon.ocupado@hotelmirador.example"
ROLES = {
    "marta": "Administradora: todo",
    "ivan": "Ventas: oportunidades y pedidos",
    "lucia": "Facturación: facturas",
}


@dataclass(frozen=True, slots=True)
class Login:
    """How one colleague logs in to this installation."""

    username: str
    password: str
    role: str


def is_missing() -> bool:
    """Whether the demo company was never founded here."""
    return not User.objects.filter(username__in=ROLES).exists()


def logins() -> list[Login]:
    """The log-ins of this installation; nothing before the company is founded."""
    try:
        known = json.loads(_logins_path().read_text())
    except FileNotFoundError:
        return []
    return [Login(name, known[name], role) for name, role in ROLES.items() if name in known]


def found() -> bool:
    """Found the company, and make sure that its log-ins are written down. False: it was there already.

    All of it or nothing, and once: whoever runs this at the same time waits and finds it done.
    """
    with _logins_file() as file, translation.override("es"):
        known: dict[str, str] = json.loads(file.read() or "{}")
        fresh = {name: secrets.token_urlsafe(9) for name in ROLES if name not in known}
        with transaction.atomic():
            founded = is_missing()
            if founded:
                Founding().found()
            for user in User.objects.filter(username__in=fresh):
                user.set_password(fresh[user.username])
                user.save(update_fields=["password"])
            # Before the commit: passwords nobody knows would lock everyone out.
            _write(file, {**known, **fresh})
    return founded


def set_demo_server(host: str, port: int) -> None:
    """Tell the company's outgoing server where the demo mail server listens this time."""
    server = Server.objects.filter(name=DEMO_SERVER, is_environment=False).first()
    if server is None:  # someone deleted it, and means it
        return
    if (server.host, server.port) != (host, port):
        server.host, server.port = host, port
        server.save(update_fields=["host", "port"])
    # What went wrong at the address of an earlier start says nothing about this one.
    server.unblock()


def _logins_path() -> Path:
    path: Path = settings.DATA_DIR / "demo-logins.json"
    return path


@contextmanager
def _logins_file() -> Iterator[IO[str]]:
    """The private file of the log-ins, held by us alone."""
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(_logins_path(), os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _write(file: IO[str], known: dict[str, str]) -> None:
    file.seek(0)
    file.truncate()
    json.dump(known, file, indent=2)
    file.flush()
    os.fsync(file.fileno())
