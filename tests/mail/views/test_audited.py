"""Every way in which settings are changed is written down, by whom it was."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from mail.models import Change, Domain, Lane, Options, Server
from tests.mail.views.conftest import MakeMail
from tests.mail.views.test_servers import SECRET, form

SERVERS = "/settings/mail/servers/"


def told() -> list[tuple[str, str, str]]:
    return list(Change.objects.order_by("pk").values_list("user_name", "kind", "field"))


@pytest.fixture
def stored(company: Domain) -> Server:
    server = Server(name="Corporativo", host="smtp.miempresa.example", port=587, security="starttls")
    server.authentication, server.username = "password", "ana"
    server.set_password(SECRET)
    server.save()
    return server


def test_the_form_of_a_server(company: Domain, as_alice: Client) -> None:
    as_alice.post(f"{SERVERS}new/", form(password=SECRET))
    server = Server.objects.get()
    as_alice.post(f"{SERVERS}{server.pk}/", form(name="Otro", password="otra-clave"))
    assert told() == [("Alice", "server", ""), ("Alice", "server", "name"), ("Alice", "server", "password")]
    page = as_alice.get(f"{SERVERS}{server.pk}/changes/").content.decode()
    assert "changed" in page
    assert SECRET not in page + repr(list(Change.objects.values()))
    assert "otra-clave" not in page + repr(list(Change.objects.values()))


def test_its_page_leads_to_its_story(stored: Server, as_alice: Client) -> None:
    assert f"{SERVERS}{stored.pk}/changes/" in as_alice.get(f"{SERVERS}{stored.pk}/").content.decode()
    assert "/settings/general/changes/" in as_alice.get("/settings/general/").content.decode()
    assert "/settings/mail/aliases/changes/" in as_alice.get("/settings/mail/aliases/").content.decode()


def test_archiving_by_the_form_asks_first(stored: Server, make_mail: MakeMail, as_alice: Client) -> None:
    Server.objects.create(name="Otro", host="h.example")
    make_mail(None, state="queued", server=stored)
    response = as_alice.post(f"{SERVERS}{stored.pk}/", form(name="Con otro nombre", active=None))
    assert response.url == f"{SERVERS}{stored.pk}/active/"
    server = Server.objects.get(pk=stored.pk)
    assert (server.name, server.active) == ("Con otro nombre", True)
    assert "1 waiting e-mail will take another way" in as_alice.get(response.url).content.decode()


def test_archiving_by_the_form_where_nobody_counts_on_it(stored: Server, as_alice: Client) -> None:
    Server.objects.create(name="Otro", host="h.example")
    assert as_alice.post(f"{SERVERS}{stored.pk}/", form(active=None)).url == f"{SERVERS}{stored.pk}/"
    assert not Server.objects.get(pk=stored.pk).active


def test_the_form_shows_how_much_is_used_and_pauses(stored: Server, as_alice: Client) -> None:
    Server.objects.update(limit_hour=100)
    page = as_alice.get(f"{SERVERS}{stored.pk}/").content.decode()
    assert "0 / 100 per hour" in page
    assert f"{SERVERS}{stored.pk}/pause/" in page


def test_the_form_says_when_it_starts_again(stored: Server, make_mail: MakeMail, as_alice: Client) -> None:
    from mail import limits

    Server.objects.update(limit_hour=2)
    limits.record({stored.pk: 2})
    assert "it starts again at about" in as_alice.get(f"{SERVERS}{stored.pk}/").content.decode()


def test_options(company: Domain, as_alice: Client) -> None:
    data = {"custom_servers": "on", "dmarc_protection": "always", "public_providers": "gmail.com", "confirmed": "1"}
    as_alice.post("/settings/general/", {**data, "alias_domain": "otra.example"})
    assert ("Alice", "options", "dmarc_protection") in told()
    assert ("Alice", "domain", "name") in told()


def test_aliases(company: Domain, as_alice: Client) -> None:
    as_alice.post("/settings/mail/aliases/", {"default_from": "avisos", "confirmed": "1"})
    change = Change.objects.get(field="default_from")
    assert (change.object_name, change.old, change.new) == ("miempresa.example", "notificaciones", "avisos")


def test_the_configuration_file(stored: Server, tmp_path: Path) -> None:
    file = tmp_path / "mail.json"
    entry: dict[str, Any] = {
        "name": "Corporativo",
        "host": "smtp.miempresa.example",
        "priority": 3,
        "password": "nueva",
    }
    entry |= {"port": 587, "security": "starttls", "authentication": "password", "username": "ana"}
    file.write_text(json.dumps({"options": {"dmarc_protection": "always"}, "servers": [entry]}))
    call_command("mail_config", "import", str(file), stdout=StringIO(), stderr=StringIO())
    assert {who for who, _, _ in told()} == {"mail_config import"}
    assert [(kind, field) for _, kind, field in told()] == [
        ("options", "dmarc_protection"),
        ("server", "priority"),
        ("server", "password"),
    ]
    assert "nueva" not in repr(list(Change.objects.values()))


def test_pauses_by_whom(company: Domain, as_alice: Client) -> None:
    as_alice.post(f"{SERVERS}pauses/", {"what": Lane.MASS.value, "paused": "1"})
    assert told() == [("Alice", "options", "mass_paused")]
    assert Options.load().mass_paused
