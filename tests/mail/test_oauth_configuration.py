"""Servers that log in by OAuth in the configuration file: all of them but what the account granted."""

import json
from typing import Any

import pytest

from mail.configuration import export_configuration, import_configuration
from mail.models import Grant, Server
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
