"""One story with every kind of secret in it; then all that was kept, written and shown is searched for them."""

import base64
import json
import logging
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.signals import got_request_exception
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from django.views.debug import ExceptionReporter

from daeris.models import User
from mail import fields
from mail.fields import encrypt
from mail.models import Grant, Mail, OAuthClient, Options, Server
from tests.lab.ca import Authority
from tests.mail.conftest import MakeMails, deliver_all
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/settings/mail/servers/"
PASSWORD, TYPED, WRONG = "la-clave-guardada-7hQ2", "la-clave-escrita-9Zk4", "la-clave-equivocada-3Wd8"
CLIENT_SECRET, ACCESS, REFRESH = "el-secreto-del-cliente-5Tp6", "ya29.un-acceso-8Lm1", "1//una-renovacion-2Xc9"


class Told:
    """Everything that anybody could read afterwards, by where it was read."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}

    def add(self, where: str, text: str) -> None:
        self.parts[where] = self.parts.get(where, "") + text

    def places_of(self, secret: str) -> list[str]:
        plain = base64.b64encode(f"\0ana\0{secret}".encode()).decode()
        written = {secret, base64.b64encode(secret.encode()).decode(), plain, json.dumps(secret)[1:-1]}
        return [where for where, text in self.parts.items() if any(form in text for form in written)]


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", "boss@miempresa.example", "una-clave-larga")


@pytest.fixture
def client(boss: User) -> Client:
    client = Client(raise_request_exception=False, headers={"accept-language": "en"})
    client.force_login(boss)
    return client


@pytest.fixture
def reports() -> Iterator[list[str]]:
    """What would be sent to the administrators of a site when a request fails."""
    written: list[str] = []

    def write(sender: object, request: Any, **kwargs: object) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        written.extend([reporter.get_traceback_html(), reporter.get_traceback_text()])

    got_request_exception.connect(write)
    yield written
    got_request_exception.disconnect(write)


def form(double: SmtpDouble, **changes: Any) -> dict[str, Any]:
    where = {"host": double.host, "port": str(double.port), "security": "none"}
    login = {"authentication": "password", "username": "ana", "password": TYPED}
    return {"name": "Nuevo", "priority": "10", "active": "on", "verify_certificate": "on", **where, **login, **changes}


def test_no_secret_is_found_anywhere(
    make_server: Callable[..., Server],
    make_mails: MakeMails,
    smtp_double: SmtpDouble,
    client: Client,
    boss: User,
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    reports: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told()
    caplog.set_level(logging.DEBUG)
    connection.force_debug_cursor = True
    pair = authority.issue("secret", purpose="client")
    key = pair.key.read_text()
    key_line = key.splitlines()[3]

    # -- Secrets are stored and used: a right one, a wrong one, one that the server itself repeats.
    smtp_double.users["ana"] = PASSWORD
    server = make_server(smtp_double, name="Ventas", authentication="password", username="ana")
    server.set_password(PASSWORD)
    server.client_certificate, server.client_key = pair.pem, encrypt(key)
    server.save()
    OAuthClient.objects.create(provider="google", client_id="id.google", client_secret=encrypt(CLIENT_SECRET))
    Grant.objects.create(
        server=make_server(smtp_double, name="Gmail", priority=90, preset="gmail", authentication="google"),
        provider="google", account="ana@gmail.com", access_token=encrypt(ACCESS), refresh_token=encrypt(REFRESH),
        expires_at=now(), connected_at=now(),
    )  # fmt: skip
    make_mails("a@levante.example", user=boss)
    deliver_all()
    assert Mail.objects.filter(state="sent").count() == 1
    server.set_password(WRONG)
    server.save()
    smtp_double.answer("AUTH", f"535 5.7.8 Wrong: {WRONG}")
    make_mails("b@levante.example", user=boss)
    deliver_all()
    assert Mail.objects.filter(state="queued").exists()

    smtp_double.behave()

    # -- Forms: saved, refused, tested, with files.
    told.add("saved", client.post(f"{LIST}new/", form(smtp_double)).content.decode())
    told.add("refused", client.post(f"{LIST}new/", form(smtp_double, port="99999999")).content.decode())
    told.add("tested", client.post(f"{LIST}test/", form(smtp_double)).content.decode())
    files = {
        "client_certificate_file": SimpleUploadedFile("own.crt", pair.certificate.read_bytes()),
        "client_key_file": SimpleUploadedFile("own.key", pair.key.read_bytes()),
    }
    by_certificate = form(smtp_double, name="Por certificado", authentication="certificate", security="starttls")
    told.add("uploaded", client.post(f"{LIST}new/", {**by_certificate, **files}).content.decode())
    assert Server.objects.filter(name="Por certificado").exists()

    # -- Every screen.
    for path in [
        *("/settings/general/", LIST, f"{LIST}new/", f"{LIST}simulator/", "/settings/mail/aliases/"),
        *(f"{LIST}{pk}/" for pk in Server.objects.values_list("pk", flat=True)),
        *(f"/settings/mail/mails/{pk}/" for pk in Mail.objects.values_list("pk", flat=True)),
        "/settings/mail/mails/",
    ]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        told.add(path, answer.content.decode())

    # -- Commands and files.
    source = tmp_path / "configuration.json"
    source.write_text(json.dumps({"servers": [{"name": "Ventas", "password": WRONG}]}))
    for command in (["mail_config", "import", str(source)], ["mail_config", "export"], ["mail_queue"],
                    ["mail_route", "--from", "ana@miempresa.example"], ["mail_secrets", "check"]):  # fmt: skip
        out = StringIO()
        call_command(*command, json=True, stdout=out, stderr=out)
        told.add(" ".join(command[:2]), out.getvalue())
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("mail_test", "Ventas", json=True, stdout=out, stderr=out)
    told.add("mail_test", out.getvalue())

    # -- A defect in the middle of saving.
    def defect(text: str) -> str:
        raise RuntimeError("a defect while a secret is in hand")

    monkeypatch.setattr(fields, "encrypt", defect)
    monkeypatch.setattr("mail.models.server.encrypt", defect)
    answer = client.post(f"{LIST}new/", form(smtp_double, name="Con defecto"))
    assert answer.status_code == 500
    told.add("error page", answer.content.decode())
    assert reports
    told.add("error reports", "".join(reports))

    told.add("logs", "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records))
    told.add("database", "\n".join(connection.connection.iterdump()))
    connection.force_debug_cursor = False

    assert "Ventas" in told.parts["database"]
    assert Options.objects.exists()
    found = {
        name: places
        for name, secret in {
            "password": PASSWORD, "typed": TYPED, "wrong": WRONG, "key": key_line,
            "client secret": CLIENT_SECRET, "access token": ACCESS, "refresh token": REFRESH,
        }.items()
        if (places := told.places_of(secret))
    }  # fmt: skip
    assert not found
