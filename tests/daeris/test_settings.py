"""What each mode asks of its environment before anything starts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.stack import PROJECT

pytestmark = pytest.mark.peers  # each starts a Python of its own

PRODUCTION = {
    "DAERIS_MODE": "production",
    "SECRET_KEY": "k" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "DAERIS_FIELD_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "DAERIS_TOKEN_KEY": "t" * 50,
    "DATABASE_URL": "postgres://daeris@127.0.0.1:1/daeris",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ALLOWED_HOSTS": "correo.miempresa.example",
    "BASE_URL": "https://correo.miempresa.example",
}


def run(*arguments: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Python in an environment that has nothing but this."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "DAERIS_DATA": str(folder / "data"), **env},
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["SECRET_KEY", "DAERIS_FIELD_KEYS", "DAERIS_TOKEN_KEY", "DATABASE_URL", "REDIS_URL"])
def test_production_refuses_to_start_without(name: str, tmp_path: Path) -> None:
    env = {key: value for key, value in PRODUCTION.items() if key != name}

    done = run("manage.py", "check", folder=tmp_path, **env)

    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"Daeris cannot start: {name} is not set; production needs ")
    # Nor does it make any of its own.
    assert not (tmp_path / "data").exists()


def test_an_unknown_mode_is_named_with_the_ones_there_are(tmp_path: Path) -> None:
    done = run("manage.py", "check", folder=tmp_path, DAERIS_MODE="staging")

    assert done.returncode == 1
    assert done.stderr == "Daeris cannot start: DAERIS_MODE is 'staging'; use 'embedded' or 'production'.\n"


def test_check_deploy_finds_nothing_in_a_proper_production(tmp_path: Path) -> None:
    done = run(
        "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING", folder=tmp_path, **PRODUCTION
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_a_database_or_broker_that_is_gone_without_a_word_is_noticed_within_half_a_minute(tmp_path: Path) -> None:
    env = {**PRODUCTION, "DATABASE_URL": PRODUCTION["DATABASE_URL"] + "?sslmode=require&connect_timeout=3"}

    database, broker = found(
        "[settings.DATABASES['default'], settings.CELERY_BROKER_TRANSPORT_OPTIONS]", folder=tmp_path, **env
    )

    options = database["OPTIONS"]
    # An answer that is awaited: silence, then unanswered questions; and a word that nobody acknowledges.
    idle = options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"]
    assert 0 < idle <= 20
    assert 0 < options["tcp_user_timeout"] <= 20_000
    assert 0 < broker["socket_timeout"] <= 20
    assert 0 < broker["socket_connect_timeout"] <= 20
    assert 0 < broker["health_check_interval"] <= 15
    # What the URL says wins, and is kept.
    assert (options["connect_timeout"], options["sslmode"]) == (3, "require")
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is False


def test_a_pooler_is_told_by_one_setting(tmp_path: Path) -> None:
    database = found("settings.DATABASES['default']", folder=tmp_path, **PRODUCTION, DISABLE_SERVER_SIDE_CURSORS="true")

    assert database["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_attachments_may_lie_in_another_storage(tmp_path: Path) -> None:
    env = {
        "FILES_STORAGE": "django.core.files.storage.InMemoryStorage",
        "FILES_STORAGE_OPTIONS": '{"base_url": "/elsewhere/"}',
    }
    storage = "django.core.files.storage.storages['default']"

    kind, url = found(f"[type({storage}).__name__, {storage}.url('x')]", folder=tmp_path, **PRODUCTION, **env)

    assert (kind, url) == ("InMemoryStorage", "/elsewhere/x")


def found(expression: str, *, folder: Path, **env: str) -> Any:
    """What an expression over `settings` gives in this environment."""
    code = "import json, django, django.core.files.storage\nfrom django.conf import settings\ndjango.setup()\n"
    done = run(
        "-c", f"{code}print(json.dumps({expression}))", folder=folder, DJANGO_SETTINGS_MODULE="daeris.settings", **env
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_production_has_no_demo(tmp_path: Path) -> None:
    look = """
import django, json
django.setup()
from django.apps import apps
from django.conf import settings
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
found = {"installed": apps.is_installed("daeris.demo"), "demo": settings.DEMO, "reached": []}
for path in ("/demo/mailbox/", "/demo/mailbox/1/", "/demo/mailbox/1/raw/", "/demo/mailbox/1/body/"):
    try:
        found["reached"].append(str(resolve(path)))
    except Resolver404:
        pass
try:
    found["reached"].append(reverse("demo:mailbox"))
except NoReverseMatch:
    pass
print(json.dumps(found))
"""
    # Not even when somebody asks for it.
    env = {**PRODUCTION, "DAERIS_DEMO": "1", "DJANGO_SETTINGS_MODULE": "daeris.settings"}

    done = run("-c", look, folder=tmp_path, **env)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"installed": False, "demo": False, "reached": []}


def test_run_is_not_for_production(tmp_path: Path) -> None:
    done = run("manage.py", "run", folder=tmp_path, **PRODUCTION)

    assert done.returncode == 1
    assert "DAERIS_MODE is production" in done.stderr
    assert "Traceback" not in done.stderr


def test_new_keys_make_a_production_environment(tmp_path: Path) -> None:
    done = run("-m", "daeris.keys", folder=tmp_path)

    made = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert sorted(made) == [
        "DAERIS_FIELD_KEYS",
        "DAERIS_TOKEN_KEY",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "SECRET_KEY",
    ]
    # Compose puts them into URLs as they stand, and reads `$` in .env as a name.
    assert made["POSTGRES_PASSWORD"].isalnum()
    assert made["REDIS_PASSWORD"].isalnum()
    assert made["POSTGRES_PASSWORD"] != made["REDIS_PASSWORD"]
    assert not any("$" in value or "#" in value for value in made.values())
    started = run("-c", "import daeris.settings", folder=tmp_path, **{**PRODUCTION, **made})
    assert (started.returncode, started.stderr) == (0, "")


def test_another_project_gets_the_same_defaults(tmp_path: Path) -> None:
    ask = (
        "import json; from daeris import settings; from mail.defaults import DEFAULTS;"
        "print(json.dumps([{name: getattr(settings, name) for name in DEFAULTS}, DEFAULTS]))"
    )

    done = run("-c", ask, folder=tmp_path)

    ours, theirs = json.loads(done.stdout)
    assert ours == theirs
