"""Who changed what: everything that is decided is written down once, and no secret ever is."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.timezone import now

from daeris.models import User
from mail import audit
from mail.fields import encrypt
from mail.models import Change, Domain, Grant, IdentityRule, OAuthClient, Options, Server

SECRETS = ("muy-secreta-ñ", "otra-clave", "-----BEGIN PRIVATE KEY-----")


@pytest.fixture
def server(db: None) -> Server:
    server = Server(name="Corporativo", host="smtp.miempresa.example", authentication="password", username="ana")
    server.set_password(SECRETS[0])
    server.save()
    return server


def told() -> list[tuple[str, str, str, str]]:
    return list(Change.objects.order_by("pk").values_list("object_name", "field", "old", "new"))


def test_each_changed_field_by_its_old_and_new_value(server: Server, alice: User) -> None:
    with audit.recording(alice):
        server.port, server.active, server.limit_day = 2525, False, 500
        server.save()

    assert told() == [
        ("Corporativo", "active", "True", "False"),
        ("Corporativo", "port", "25", "2525"),
        ("Corporativo", "limit_day", "", "500"),
    ]
    assert {change.user_name for change in Change.objects.all()} == {"Alice"}


def test_nothing_changed_is_nothing_told(server: Server, alice: User) -> None:
    with audit.recording(alice):
        server.save()
    assert told() == []


def test_what_a_worker_writes_is_nobodys_decision(server: Server, alice: User) -> None:
    with audit.recording(alice):
        server.block(cause="credentials_wrong", reply="535 no")
        Server.objects.update(resting_until=now(), slowed_until=now(), slowed_reply="452 slow")
        Options.raise_version()
    assert told() == []


def test_secrets_are_there_or_not_and_never_what_they_are(server: Server, alice: User) -> None:
    for password in (SECRETS[1], "", SECRETS[0]):
        with audit.recording(alice):
            server.set_password(password)
            server.client_key = encrypt(SECRETS[2])
            server.save()
    with audit.recording(alice):
        OAuthClient.objects.create(provider="google", client_id="id-1")
    with audit.recording(alice):
        OAuthClient.objects.update(client_secret=encrypt(SECRETS[1]))

    assert [change[1:] for change in told()] == [
        ("password", "•", "•"),
        ("client_key", "", "•"),
        *[("password", "•", ""), ("client_key", "•", "•")],
        *[("password", "", "•"), ("client_key", "•", "•")],
        ("", "", "google"),
        ("client_secret", "", "•"),
    ]
    everything = repr(list(Change.objects.values()))
    assert not any(secret in everything for secret in (*SECRETS, server.password, server.client_key))


def test_a_connected_account_and_never_its_tokens(server: Server, alice: User) -> None:
    def connect(account: str) -> None:
        values = {"provider": "google", "account": account, "access_token": encrypt(SECRETS[0]), "connected_at": now()}
        Grant.objects.update_or_create(server=server, defaults=values)

    for account in ("ana@gmail.com", "ana@gmail.com", "eva@gmail.com"):
        with audit.recording(alice):
            connect(account)
    with audit.recording(alice):
        Grant.objects.update(refresh_token=encrypt(SECRETS[1]), refreshed_at=now())
    with audit.recording(alice):
        Grant.objects.all().delete()

    assert [change[2:] for change in told()] == [
        ("", "ana@gmail.com"),
        ("ana@gmail.com", "ana@gmail.com"),
        ("ana@gmail.com", "eva@gmail.com"),
        ("eva@gmail.com", ""),
    ]


def test_what_comes_and_what_goes_keeps_its_name(server: Server, alice: User) -> None:
    pk = server.pk
    with audit.recording(alice):
        Domain.objects.create(name="miempresa.example")
        server.delete()
    assert told() == [("miempresa.example", "", "", "miempresa.example"), ("Corporativo", "", "Corporativo", "")]
    assert Change.objects.get(kind="server").object_id == pk


def test_what_follows_by_itself_is_told_too(server: Server, alice: User) -> None:
    Options.load()
    Options.objects.update(mass_server=server)
    with audit.recording(alice):
        server.delete()
    assert ("", "mass_server", "Corporativo", "") in told()


def test_identity_rules_by_the_names_of_what_they_speak_of(alice: User) -> None:
    kind = ContentType.objects.get(app_label="documents", model="invoice")
    rule = IdentityRule.objects.create(default_from="facturas@miempresa.example")
    with audit.recording(alice):
        rule.document_type, rule.team = kind, Group.objects.create(name="Administración")
        rule.save()
    assert [change[1:] for change in told()] == [
        ("document_type", "", "documents.invoice"),
        ("team", "", "Administración"),
    ]


def test_commands_have_a_name_and_strangers_none(server: Server) -> None:
    with audit.recording(by="mail_config"):
        Server.objects.update(port=26)
    with audit.recording(AnonymousUser()):
        Server.objects.update(port=27)
    assert [(change.user_id, change.user_name) for change in Change.objects.order_by("pk")] == [
        (None, "mail_config"),
        (None, ""),
    ]


def test_one_inside_another_tells_once(server: Server, alice: User) -> None:
    with audit.recording(alice), audit.recording(by="inner"):
        Server.objects.update(port=26)
    assert [change.user_name for change in Change.objects.all()] == ["Alice"]


def test_what_fails_leaves_no_trace(server: Server, alice: User) -> None:
    def fail() -> None:
        with audit.recording(alice):
            Server.objects.update(port=26)
            raise RuntimeError

    with pytest.raises(RuntimeError), transaction.atomic():
        fail()
    assert told() == []
    with audit.recording(alice):
        Server.objects.update(port=27)
    assert told() == [("Corporativo", "port", "25", "27")]


def test_a_deleted_user_keeps_the_story(server: Server, alice: User) -> None:
    with audit.recording(alice):
        Server.objects.update(port=26)
    alice.delete()
    change: Any = Change.objects.get()
    assert (change.user, change.user_name) == (None, "Alice")


def test_certificates_by_whose_they_are(server: Server, alice: User) -> None:
    with audit.recording(alice):
        Server.objects.update(ca_certificate="no certificate", extra_headers="X-Company: Mi Empresa")
    assert [change[1:] for change in told()] == [
        ("ca_certificate", "", ""),
        ("extra_headers", "", "X-Company: Mi Empresa"),
    ]
