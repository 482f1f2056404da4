"""What every answer, every cookie and every failure owes to those who use the machine next."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import NoReverseMatch, get_resolver, reverse

from daeris.models import User
from mail.models import Server
from tests.conftest import give
from tests.daeris.test_settings import PRODUCTION, run

pytestmark = pytest.mark.django_db
SECRET = "correct-horse-battery"


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.mark.parametrize("path", ["/settings/mail/mails/", "/crm/opportunities/", "/search/?q=x", "/none/", "/login/"])
def test_no_cache_keeps_a_page(as_alice: Client, path: str) -> None:
    """Whoever presses Back after somebody logged out, on the same machine or behind the same proxy, sees nothing."""
    kept = as_alice.get(path).headers["Cache-Control"]

    assert {"private", "no-store"} <= set(kept.split(", "))


def test_also_the_way_to_https_carries_the_policy(client: Client) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        answer = Client().get("/login/")

    assert answer.status_code == 301
    assert "Content-Security-Policy" in answer.headers


def test_cookies_are_out_of_the_reach_of_script(client: Client, alice: User) -> None:
    client.get("/login/")
    client.post("/login/", {"username": "alice", "password": "una-clave-larga"})
    client.post("/theme/", {"theme": "dark"})
    client.post("/language/", {"language": "en"})

    assert {"sessionid", "csrftoken", "theme", "django_language"} <= set(client.cookies)
    assert [name for name, one in client.cookies.items() if not (one["httponly"] and one["samesite"] == "Lax")] == []


def test_production_shows_no_debug_page(tmp_path: Path) -> None:
    done = run("manage.py", "check", folder=tmp_path, **PRODUCTION, DEBUG="true")

    assert done.returncode == 1
    assert done.stderr.startswith("Daeris cannot start: DEBUG is on; ")


def test_every_post_wants_its_token(alice: User, opportunity: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)

    answers = {path: strict.post(path).status_code for path in _every_path(opportunity.pk)}

    # A page that is only read says so whoever asks; all others ask for the token before they do anything.
    assert {path: code for path, code in answers.items() if code not in {403, 404}} == {}


def test_a_stranger_reaches_nothing_but_the_door(opportunity: Any) -> None:
    open_to_all = {"/login/", "/logout/", "/theme/", "/language/", "/healthz"}
    client = Client()

    for path in set(_every_path(opportunity.pk)) - open_to_all:
        for answer in (client.get(path), client.post(path), client.get(path, headers={"HX-Request": "true"})):
            assert answer.status_code in {302, 405}, path
            assert answer.status_code == 405 or answer.headers["Location"].startswith("/login/?next="), path


def test_who_may_nothing_reaches_no_settings(client: Client, charlie: User) -> None:
    client.force_login(charlie)
    names = ("options", "servers", "server_new", "simulator", "pauses", "aliases", "domain_new", "identity_new")

    assert {client.get(reverse(f"mail:{name}")).status_code for name in names} == {403}
    assert client.post(reverse("mail:server_test_new"), {"host": "127.0.0.1", "port": 22}).status_code == 403


def test_our_own_mistakes_tell_no_secret(alice: User, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("something broke")

    monkeypatch.setattr("mail.models.Server.save", fail)
    client = Client(raise_request_exception=False)
    client.force_login(give(alice, "mail.manage_servers"))
    form = {"name": "Principal", "priority": 1, "host": "smtp.miempresa.example", "port": 587, "security": "starttls"}
    form |= {"authentication": "password", "username": "ana", "password": SECRET, "verify_certificate": "on"}

    answer = client.post(reverse("mail:server_new"), form)

    assert answer.status_code == 500
    page = answer.content.decode()
    assert SECRET not in page + caplog.text
    assert "RuntimeError" not in page
    assert "Traceback" not in page
    assert "something broke" not in page
    assert not Server.objects.exists()


def _every_path(pk: int) -> list[str]:
    """Every address there is, with this key wherever one is wanted."""
    found = []
    for namespace, names in _names().items():
        for name, wanted in names:
            found.append(_path_of(f"{namespace}:{name}" if namespace else name, pk, wanted))
    return sorted(set(found))


def _path_of(name: str, pk: int, wanted: int) -> str:
    try:
        return reverse(name, args=[pk] * wanted)
    except NoReverseMatch:
        return reverse(name, args=[uuid.UUID(int=pk)] * wanted)


def _names() -> dict[str, list[tuple[str, int]]]:
    root = get_resolver()
    spaces = {"": root, **{name: resolver for name, (_prefix, resolver) in root.namespace_dict.items()}}
    return {
        space: [
            (name, len(possibilities[0][0][0][1]))
            for name in {key for key in resolver.reverse_dict if isinstance(key, str)}
            for possibilities in [resolver.reverse_dict.getlist(name)]
        ]
        for space, resolver in spaces.items()
    }
