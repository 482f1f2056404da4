"""Where the others live: an environment of their own, so that the product's dependencies stay clean."""

import re
import subprocess

from tests.lab.postgres import FOLDERS
from tests.lab.proc import program
from tests.lab.stack import PROJECT

PYTHON = PROJECT / ".venv-bench/bin/python"
LOCK = PROJECT / "requirements/bench.lock"
NAMED = ("django", "celery", "psycopg", "aiosmtplib", "uvloop", "django-post-office", "django-mailer")


def versions() -> str:
    """What it was measured with."""
    locked = dict(re.findall(r"^([a-z-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    servers = {
        "PostgreSQL": program("postgres", package="postgresql", folders=FOLDERS),
        "Redis": program("redis-server", package="redis-server"),
    }
    found = {name: _version(path) for name, path in servers.items()} | {name: locked[name] for name in NAMED}
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _version(path: str) -> str:
    said = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout
    numbers = re.search(r"\d+(\.\d+)+", said)
    return numbers[0] if numbers else said.strip()
