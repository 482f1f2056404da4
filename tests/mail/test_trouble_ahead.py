"""Users whose address will cause trouble, as things stand: who, why, and what becomes of their mail."""

import pytest
from django.utils import translation

from daeris.models import User
from mail import trouble_ahead
from mail.domains.policies import policies_now
from mail.models import Domain, Options, Server
from mail.trouble_ahead import AT_RISK, OTHER_ADDRESS, REFUSED, Troubled, troubled_users
from tests.dns_double import DnsDouble

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english() -> object:
    with translation.override("en"):
        yield


@pytest.fixture
def abierto(company: Domain) -> Server:
    return Server.objects.create(name="Abierto", host="h.example")


def told_of(address: str) -> Troubled | None:
    User.objects.filter(username="eve").delete()
    User.objects.create_user("eve", address)
    found, _more = troubled_users()
    return found[0] if found else None


def protect(how: str) -> None:
    Options.objects.update(dmarc_protection=how)
    Options.raise_version()


@pytest.mark.parametrize(
    ("address", "protection", "fate"),
    [
        ("eve@miempresa.example", "never", ""),
        ("eve@yahoo.com", "never", REFUSED),
        ("eve@yahoo.co.uk", "never", REFUSED),
        ("eve@aol.com", "never", REFUSED),
        ("eve@yahoo.com", "always", OTHER_ADDRESS),
        ("eve@gmail.com", "never", AT_RISK),
        ("eve@gmail.com", "automatic", OTHER_ADDRESS),
        ("eve@elsewhere.example", "never", AT_RISK),
        ("eve@elsewhere.example", "always", OTHER_ADDRESS),
        ("", "never", OTHER_ADDRESS),
        ("eve", "never", OTHER_ADDRESS),
    ],
)
def test_what_becomes_of_mail_under_each_address(abierto: Server, address: str, protection: str, fate: str) -> None:
    protect(protection)
    found = told_of(address)
    assert (found.fate if found else "") == fate


def test_a_server_for_this_very_account_ends_the_trouble(abierto: Server) -> None:
    Server.objects.create(name="Yahoo", host="smtp.mail.yahoo.com", from_filter="eve@yahoo.com")
    assert told_of("eve@yahoo.com") is None
    assert told_of("bob@yahoo.com")
    # A relay that lists the whole provider is believed by nobody.
    Server.objects.filter(name="Yahoo").update(from_filter="yahoo.com, partner.example")
    Options.raise_version()
    assert told_of("eve@yahoo.com")
    assert told_of("eve@partner.example") is None


def test_without_a_default_from_protection_protects_nobody(abierto: Server, company: Domain) -> None:
    company.default_from = ""
    company.save()
    protect("always")
    found = told_of("eve@yahoo.com")
    assert found
    assert found.fate == REFUSED
    assert "set a default address" in found.advice
    assert told_of("").fate == REFUSED  # type: ignore[union-attr]


def test_what_is_done_already_is_not_advised(abierto: Server) -> None:
    protect("automatic")
    found = told_of("eve@yahoo.com")
    assert found
    assert "leave as notificaciones@miempresa.example" in found.advice
    assert "switch DMARC protection on" not in found.advice


def test_the_page_asks_no_name_server(abierto: Server, dns_double: DnsDouble) -> None:
    protect("automatic")
    found = told_of("eve@elsewhere.example")
    assert found
    assert found.fate == AT_RISK  # whether another address is used depends on what nobody has asked yet
    assert "Meanwhile" not in found.advice
    assert dns_double.questions == []
    dns_double.publish("_dmarc.elsewhere.example", "v=DMARC1; p=reject")
    policies_now(["elsewhere.example"])
    assert told_of("eve@elsewhere.example").fate == OTHER_ADDRESS  # type: ignore[union-attr]


def test_the_gravest_come_first_and_the_rest_is_counted(abierto: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, address in (("a", "a@elsewhere.example"), ("b", "b@yahoo.com"), ("c", "c@gmail.com")):
        User.objects.create_user(name, address)
    monkeypatch.setattr(trouble_ahead, "MOST_USERS", 2)
    found, more = troubled_users()
    assert [one.address for one in found] == ["b@yahoo.com", "a@elsewhere.example"]
    assert more == 1
