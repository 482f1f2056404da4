"""What must be so before anything runs: a folder to write in, a free port, tables, static files, the demo company."""

import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from daeris.secrets import not_writable


class CannotRun(Exception):
    """A reason in one sentence, with what to do about it."""


def claim_folder(folder: Path) -> int:
    """Make the data folder ours for as long as the returned descriptor is open. Raises CannotRun."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotRun(not_writable(folder, error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise CannotRun(f"Daeris already runs with the data in {folder}; stop it with Ctrl+C first.") from error
    return lock


def check_port(host: str, port: int) -> None:
    """Raise CannotRun unless we may listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError:
            raise CannotRun(f"Port {port} does not exist; choose one from 1024 to 65535.") from None
        except PermissionError as error:
            raise CannotRun(f"Port {port} is not for everybody; choose one from 1024 to 65535.") from error
        except OSError as error:
            raise CannotRun(
                f"Port {port} is taken ({error.strerror}); choose another one, for example: make run PORT={port + 1}"
            ) from error


def prepare(say: Callable[[str], None]) -> None:
    """Tables, static files and, in the demo, the company; each only when it is missing."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("Preparing the database…")
        call_command("migrate", verbosity=0, interactive=False)
    if not (settings.STATIC_ROOT / "staticfiles.json").exists():
        say("Collecting the static files…")
        call_command("collectstatic", verbosity=0, interactive=False)
    if settings.DEMO:
        from daeris import demo_company

        if demo_company.is_missing():
            say("Founding the demo company…")
            call_command("demo", verbosity=0)
