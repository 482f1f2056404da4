"""Servers that log in by OAuth in the configuration file: all of them but what the account granted."""

import json
from typing import Any

import pytest
from django.utils import translation

from mail.configuration import ConfigurationInvalid, export_configuration, import_configuration
from mail.fields import decrypt
from mail.models import Grant, OAuthClient, Server
from mail.oauth_providers import client_of
from mail.oauth_tokens import grant_of
from tests.lab.identity import CLIENT_SECRET, Identity
from tests.mail.oauth import connect

GMAIL = {
    "name": "Gmail ventas",
    "host": "smtp.gmail.com",
    "port": 465,
    "security": "tls",
    "authentication": "google",
    "username": "ventas@miempresa.test",
}


def bring(**changes: Any) -> Any:
    return import_configuration(json.dumps({"servers": [{**GMAIL, **changes}]}))


@pytest.fixture
def connected(db: None, identity: Identity) -> Server:
    bring()
    server = Server.objects.get()
    connect(server, identity)
    server.unblock()
    return server


@pytest.mark.django_db
def test_a_new_one_waits_for_a_person_to_connect() -> None:
    report = bring()
    assert Server.objects.get().blocked_cause == "not_connected"
    assert [warning.place for warning in report.warnings] == ["servers[0].authentication"]


def test_it_goes_out_and_comes_back_without_tokens(connected: Server, identity: Identity) -> None:
    text = json.dumps(export_configuration())
    assert not [secret for secret in [*identity.issued, CLIENT_SECRET] if secret in text]

    report = import_configuration(text, replace=True)

    assert report.unchanged == ["Gmail ventas"]
    assert grant_of(Server.objects.get())
    assert Server.objects.get().blocked_cause == ""


def test_moved_it_is_stopped_and_its_tokens_go_nowhere(connected: Server) -> None:
    bring(host="smtp.evil.example")
    server = Server.objects.get()
    assert grant_of(server) is None
    assert server.blocked_cause == "not_connected"


def test_another_way_to_log_in_forgets_them(connected: Server) -> None:
    bring(authentication="none", username="")
    assert not Grant.objects.exists()
    assert Server.objects.get().authentication == "none"


# -- How the providers know this installation ----------------------------------------------------------

OURS = {"name": "google", "client_id": "id-1"}
THEIRS = {"name": "microsoft", "client_id": "id-2", "tenant": "miempresa.example"}


def bring_clients(*clients: dict[str, Any], **options: Any) -> Any:
    return import_configuration(json.dumps({"oauth_clients": clients}), **options)


@pytest.fixture
def clients(db: None, settings: Any) -> None:
    settings.MAIL_OAUTH_CLIENTS = {}
    bring_clients({**OURS, "client_secret": "one"}, {**THEIRS, "client_secret": "two"})


def secrets() -> dict[str, str | None]:
    return {row.provider: decrypt(row.client_secret) for row in OAuthClient.objects.all()}


def test_client_ids_and_tenant_go_out_and_come_back_and_the_secrets_stay(clients: None) -> None:
    text = json.dumps(export_configuration())
    assert json.loads(text)["oauth_clients"] == [OURS, THEIRS]
    assert import_configuration(text, replace=True).updated == []
    assert secrets() == {"google": "one", "microsoft": "two"}
    OAuthClient.objects.all().delete()
    report = import_configuration(text)
    assert report.updated == ["oauth_clients"]
    assert [warning.place for warning in report.warnings] == [
        "oauth_clients[0].client_secret",
        "oauth_clients[1].client_secret",
    ]
    assert client_of("microsoft").tenant == "miempresa.example"


def test_clients_are_named_one_by_one_or_replaced(clients: None) -> None:
    bring_clients({"name": "google", "client_id": "id-3", "client_secret": "three"})
    assert secrets() == {"google": "three", "microsoft": "two"}
    bring_clients({"name": "google", "client_secret": None})
    assert secrets() == {"google": "", "microsoft": "two"}
    bring_clients(THEIRS, replace=True)
    assert secrets() == {"microsoft": "two"}


def test_a_server_that_waited_for_its_client_is_tried_again(clients: None) -> None:
    bring()
    Server.objects.get().block(cause="oauth_client", reply="invalid_client")
    bring_clients({**OURS, "client_secret": "better"})
    assert Server.objects.get().blocked_cause != "oauth_client"


@pytest.mark.parametrize(
    ("client", "field", "words"),
    [
        ({"name": "yahoo"}, "name", "google, microsoft"),
        ({"client_id": "a"}, "name", "missing"),
        ({"name": "google", "client_id": "a b"}, "client_id", "no blanks"),
        ({"name": "google", "client_id": "other"}, "client_secret", "belongs to another"),
        ({"name": "google", "client_id": "", "client_secret": "s"}, "client_id", "goes with the secret"),
        ({"name": "google", "tenant": "x"}, "tenant", "Only Microsoft"),
    ],
)
def test_what_is_wrong_with_a_client_has_its_place(clients: None, client: Any, field: str, words: str) -> None:
    before = secrets()
    with translation.override("en"), pytest.raises(ConfigurationInvalid) as caught:
        bring_clients(client)
    [problem] = caught.value.problems
    assert problem.place == f"oauth_clients[0].{field}"
    assert words in problem.words
    assert secrets() == before
