"""`mail_config` and the servers: every field of the form goes out and comes back, but for the secrets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from mail.configuration import ConfigurationInvalid, Report, export_configuration, import_configuration
from mail.fields import decrypt
from mail.forms.servers import ServerForm
from mail.models import Server
from tests.lab.ca import Authority, Certificate

pytestmark = pytest.mark.django_db
AT = "servers[0]"
PLAIN: dict[str, Any] = {"name": "A", "host": "h.example", "security": "tls"}


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture(scope="module")
def client(authority: Authority) -> Certificate:
    return authority.issue("configured", purpose="client")


@pytest.fixture(scope="module")
def other(authority: Authority) -> Certificate:
    return authority.issue("configured-too", purpose="client")


@pytest.fixture
def full(client: Certificate, authority: Authority) -> dict[str, Any]:
    """A server with everything that its form has."""
    return {
        "name": "Todo",
        "preset": "own",
        "priority": 7,
        "from_filter": "ana@b.example, c.example",
        "active": False,
        "host": "smtp.b.example",
        "port": 2587,
        "security": "starttls",
        "authentication": "certificate",
        "username": "",
        "verify_certificate": False,
        "ca_certificate": authority.pem.strip(),
        "client_certificate": client.pem,
        "client_key": client.key.read_text(),
        "ehlo_name": "erp.b.example",
        "connect_seconds": 11,
        "command_seconds": 22,
        "data_seconds": 333,
        "max_connections": 4,
        "limit_connections": 3,
        "limit_minute": 30,
        "limit_hour": 1000,
        "limit_day": 10_000,
        "extra_headers": "X-Empresa: Mi Empresa\nX-Entorno: pruebas",
        "largest_mail": 26_214_400,
        "paused": True,
    }


def load(*servers: dict[str, Any], **options: Any) -> Report:
    return import_configuration(json.dumps({"servers": servers}), **options)


def mistakes(*servers: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigurationInvalid) as refused:
        load(*servers)
    return {problem.place: problem.words for problem in refused.value.problems}


def but(server: dict[str, Any], *left_out: str, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**server, **changes}.items() if name not in left_out}


def test_every_field_goes_out_and_comes_back(full: dict[str, Any], client: Certificate) -> None:
    assert load(full).warnings == []
    exported = export_configuration()
    assert exported["servers"] == [but(full, "client_key")]

    assert load(*exported["servers"], replace=True).unchanged == ["Todo"]
    assert decrypt(Server.objects.get().client_key) == client.key.read_text()
    assert export_configuration() == exported


def test_no_field_of_the_form_is_forgotten() -> None:
    Server.objects.create(name="A", host="h.example")
    shown = set(ServerForm.Meta.fields) | {"ca_certificate", "client_certificate"}
    assert shown - set(export_configuration()["servers"][0]) == set()


def test_a_new_server_has_what_an_empty_form_has() -> None:
    load(PLAIN)
    row, empty = Server.objects.get(), Server()
    for name in ("preset", "connect_seconds", "limit_day", "extra_headers", "largest_mail", "is_paused", "ehlo_name"):
        assert getattr(row, name) == getattr(empty, name)


def test_values_are_kept_in_their_normal_form() -> None:
    load({**PLAIN, "ehlo_name": "ERP.B.Example.", "extra_headers": "\n X-A :  b \r\n", "limit_day": None})
    row = Server.objects.get()
    assert (row.ehlo_name, row.extra_headers, row.limit_day) == ("erp.b.example", "X-A: b", None)


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"preset": "yahoo"}, "preset", "own, gmail, outlook"),
        ({"ehlo_name": "a b"}, "ehlo_name", "name of a server"),
        ({"connect_seconds": 0}, "connect_seconds", "from 1 to 300"),
        ({"command_seconds": "60"}, "command_seconds", "whole number"),
        ({"data_seconds": 5}, "data_seconds", "from 10 to"),
        ({"limit_minute": 0}, "limit_minute", "from 1 to"),
        ({"limit_day": -1}, "limit_day", "from 1 to"),
        ({"limit_connections": 2**15}, "limit_connections", "from 1 to"),
        ({"largest_mail": 0}, "largest_mail", "from 1 to"),
        ({"paused": 1}, "paused", "true or false"),
        ({"extra_headers": ["X-A: b"]}, "extra_headers", "A text"),
        ({"extra_headers": "Subject: no"}, "extra_headers", "written by the program"),
        ({"client_certificate": "PEM"}, "client_certificate", "PEM form"),
        ({"client_key": 1}, "client_key", "null to clear"),
        ({"preset": "outlook"}, "from_filter", "must not be empty"),
        ({"host": "smtp.office365.com"}, "from_filter", "must not be empty"),
        ({"authentication": "certificate"}, "client_certificate", "needs the certificate"),
    ],
)
def test_a_mistake_is_told_with_its_place(changes: dict[str, Any], place: str, words: str) -> None:
    found = mistakes({**PLAIN, **changes})
    assert list(found) == [f"{AT}.{place}"]
    assert words in found[f"{AT}.{place}"]
    assert not Server.objects.exists()


class TestTheKeyOfACertificate:
    def test_must_be_its_own(self, full: dict[str, Any], other: Certificate) -> None:
        found = mistakes({**full, "client_key": other.key.read_text()})
        assert found == {f"{AT}.client_key": "This private key does not belong to the certificate."}

    def test_must_be_a_key(self, full: dict[str, Any]) -> None:
        assert list(mistakes({**full, "client_key": "s3cret"})) == [f"{AT}.client_key"]

    def test_is_only_shown_under_tls(self, full: dict[str, Any]) -> None:
        assert list(mistakes({**full, "security": "none"})) == [f"{AT}.security"]

    def test_is_of_no_use_with_an_expired_certificate(self, full: dict[str, Any], authority: Authority) -> None:
        old = authority.issue("configured-old", days=(-20, -10), purpose="client")
        found = mistakes({**full, "client_certificate": old.pem, "client_key": old.key.read_text()})
        assert found == {f"{AT}.client_certificate": "The certificate has expired."}

    def test_is_kept_when_it_is_left_out_and_cleared_by_null(self, full: dict[str, Any]) -> None:
        load(full)
        stored = Server.objects.get().client_key
        load(but(full, "client_key", priority=1))
        assert Server.objects.get().client_key == stored

        report = load({**full, "client_key": None})
        assert Server.objects.get().client_key == ""
        assert [warning.place for warning in report.warnings] == [f"{AT}.client_key"]

    @pytest.mark.parametrize("change", [{"host": "evil.example"}, {"port": 1}, {"verify_certificate": True}])
    def test_stays_with_its_place(self, full: dict[str, Any], change: dict[str, Any]) -> None:
        load(full)
        found = mistakes(but(full, "client_key", **change))
        assert list(found) == [f"{AT}.client_key"]
        load({**full, **change})

    def test_does_not_serve_another_certificate(self, full: dict[str, Any], other: Certificate) -> None:
        load(full)
        assert list(mistakes(but(full, "client_key", client_certificate=other.pem))) == [f"{AT}.client_key"]

    def test_is_forgotten_with_a_server_that_moves_and_needs_none(self, full: dict[str, Any]) -> None:
        load(full)
        load(but(full, "client_key", authentication="none", host="other.example"))
        assert Server.objects.get().client_key == ""

    def test_does_not_leave(self, full: dict[str, Any]) -> None:
        load(full)
        assert "PRIVATE KEY" not in json.dumps(export_configuration())


def test_a_filter_that_an_account_cannot_send_as_is_warned_about() -> None:
    server = {**PLAIN, "preset": "outlook", "username": "ana@outlook.com", "authentication": "password"}
    report = load({**server, "password": "p", "from_filter": "ana@outlook.com, b.example"})
    assert [warning.place for warning in report.warnings] == [f"{AT}.from_filter", f"{AT}.from_filter"]
    assert "“b.example” is a whole domain" in report.warnings[0].words
    assert "no default From" in report.warnings[1].words
