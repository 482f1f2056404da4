"""Who changed what, in words."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import translation

from daeris.models import User
from mail import audit
from mail.changes import events
from mail.models import Change, Domain, IdentityRule, OAuthClient, Options, Server
from tests.mail.views.conftest import HTMX

PATHS = ["/settings/mail/servers/changes/", "/settings/general/changes/", "/settings/mail/aliases/changes/"]


@pytest.fixture
def server(db: None) -> Server:
    return Server.objects.create(name="Corporativo", host="smtp.miempresa.example")


def lines() -> list[tuple[str, str, str, str]]:
    found = events(Change.objects.order_by("-pk"))
    return [(line.label, line.old, line.new, line.word) for event in found for line in event.lines]


@pytest.mark.parametrize("path", PATHS)
def test_only_those_who_manage_servers(as_alice: Client, as_bob: Client, stranger: Client, path: str) -> None:
    assert as_alice.get(path).status_code == 200
    assert as_bob.get(path).status_code == 403
    assert stranger.get(path).url.startswith("/login/")
    assert as_alice.post(path).status_code == 405


def test_unknown_ones(as_alice: Client, as_bob: Client, server: Server) -> None:
    assert as_alice.get("/settings/mail/servers/999/changes/").status_code == 404
    assert as_alice.get(f"/settings/mail/servers/{server.pk}/changes/").status_code == 200
    assert as_bob.get(f"/settings/mail/servers/{server.pk}/changes/").status_code == 403


@pytest.mark.parametrize("part", ["domains", "identities"])
def test_domains_and_identities_tell_theirs_on_their_forms(
    company: Domain, alice: User, as_alice: Client, as_bob: Client, part: str
) -> None:
    rule = IdentityRule.objects.create(default_from="facturas@miempresa.example")
    one: Domain | IdentityRule = company if part == "domains" else rule
    other = Domain.objects.create(name="otra.example")
    with audit.recording(alice):
        one.default_from = f"hola@{company.name}"
        one.save()
        other.delete()
    where = f"/settings/mail/aliases/{part}/{one.pk}/"

    assert f'hx-get="{where}changes/"' in as_alice.get(where).content.decode()
    story = as_alice.get(f"{where}changes/").content.decode()

    assert f"hola@{company.name}" in story
    assert "otra.example" not in story
    assert f'href="{where}"' in story
    assert "Changes" not in as_alice.get(f"/settings/mail/aliases/{part}/new/").content.decode()
    assert as_bob.get(f"{where}changes/").status_code == 403
    assert as_alice.get(f"/settings/mail/aliases/{part}/999/changes/").status_code == 404


def test_what_was_deleted_keeps_its_story(company: Domain, alice: User, as_alice: Client) -> None:
    path = f"/settings/mail/aliases/domains/{company.pk}/changes/"
    with audit.recording(alice):
        company.delete()
    story = as_alice.get(path).content.decode()
    assert "Deleted" in story
    assert 'href="/settings/mail/aliases/"' in story


def test_values_are_readable_in_the_readers_language(server: Server, alice: User) -> None:
    with audit.recording(alice):
        server.active, server.security, server.limit_hour, server.largest_mail = False, "starttls", 100, 25_000_000
        server.set_password("muy-secreta")
        server.save()
    assert lines() == [
        ("Active", "Yes", "No", ""),
        ("Connection security", "None", "TLS (STARTTLS)", ""),
        ("Password", "", "", "given"),
        ("Largest e-mail (bytes)", "", "25.0 MB", ""),
        ("E-mails per hour", "", "100", ""),
    ]
    with translation.override("es"):
        assert lines()[0] == ("Activo", "Sí", "No", "")
        assert lines()[2][3] == "indicada"


def test_long_lists_tell_what_came_and_what_went(alice: User) -> None:
    Options.load()
    with audit.recording(alice):
        Options.objects.update(public_providers="gmail.com a.example")
    with audit.recording(alice):
        Options.objects.update(public_providers="gmail.com b.example")
    assert lines()[0] == ("Public mail providers", "", "", "added: b.example; removed: a.example")


def test_kinds_of_documents_have_their_names(alice: User) -> None:
    kind = ContentType.objects.get(app_label="documents", model="invoice")
    rule = IdentityRule.objects.create(default_from="facturas@miempresa.example")
    with audit.recording(alice):
        rule.document_type = kind
        rule.save()
    assert lines() == [("Document type", "", "Invoice", "")]


def test_what_no_field_explains_any_more_is_shown_as_it_was(db: None) -> None:
    Change.objects.create(kind="server", object_id=1, field="colour", old="red", new="<b>blue</b>")
    Change.objects.create(kind="gone", object_id=1, field="x", old="1", new="2")
    assert lines() == [("X", "1", "2", ""), ("Colour", "red", "<b>blue</b>", "")]


def test_what_one_person_saved_at_once_is_one_event(server: Server, alice: User, bob: User) -> None:
    for user in (alice, bob):
        with audit.recording(user):
            Server.objects.update(port=26 if user == alice else 27, host=f"{user}.example")
    found = events(Change.objects.order_by("-pk"))
    assert [(event.who, len(event.lines)) for event in found] == [("Bob", 2), ("Alice", 2)]


def test_pages_by_key(server: Server, as_alice: Client) -> None:
    # Older than each other, so that each is an event of its own.
    for number in range(60):
        Change.objects.create(kind="server", object_id=server.pk, user_name=f"U{number}", field="port", new="1")
    page = as_alice.get(f"/settings/mail/servers/{server.pk}/changes/", headers=HTMX)
    assert len(page.context["events"]) == 50
    older = as_alice.get(f"/settings/mail/servers/{server.pk}/changes/", page.context["page"].next)
    assert [event.who for event in older.context["events"]] == [f"U{number}" for number in range(9, -1, -1)]
    assert "Newer" in older.content.decode()


def test_no_secret_is_on_the_page(alice: User, as_alice: Client) -> None:
    with audit.recording(alice):
        OAuthClient.objects.create(provider="google", client_id="id", client_secret="gAAAA-cifrado")
    with audit.recording(alice):
        OAuthClient.objects.update(client_secret="gAAAA-otro")
    page = as_alice.get(PATHS[1]).content.decode()
    assert "gAAAA" not in page
    assert "changed" in page
    assert "OAuth client" in page
