"""What a change of settings changes, and for whom, before it is made."""

import pytest
from django.contrib.auth.models import Group
from django.utils import translation

from daeris.models import User
from mail import impact, planning
from mail.impact import Way, impact_of
from mail.models import Domain, IdentityRule, Options, Server
from tests.dns_double import DnsDouble

pytestmark = pytest.mark.django_db
EVE = "Eve <eve@lax.example>"


@pytest.fixture(autouse=True)
def _english() -> object:
    with translation.override("en"):
        yield


@pytest.fixture
def eve(company: Domain) -> User:
    """A user of a foreign domain, and a server that takes every From."""
    Server.objects.create(name="Abierto", host="h.example")
    return User.objects.create_user("eve", "eve@lax.example", first_name="Eve")


def set_options(**values: object) -> None:
    Options.objects.update(**values)
    Options.raise_version()


def set_domain(company: Domain, **values: str) -> None:
    for name, value in values.items():
        setattr(company, name, value)
    company.save()


def changes(found: impact.Impact) -> dict[str, tuple[Way, Way]]:
    return {effect.who: (effect.before, effect.after) for effect in found.effects}


@pytest.mark.parametrize(("policy", "is_rewritten"), [("reject", True), ("none", False)])
def test_automatic_protection_is_told_as_it_will_be(
    eve: User, dns_double: DnsDouble, policy: str, is_rewritten: bool
) -> None:
    dns_double.publish("_dmarc.lax.example", f"v=DMARC1; p={policy}")
    found = changes(impact_of(lambda: set_options(dmarc_protection="automatic")))
    if is_rewritten:
        assert found[EVE][1] == Way("Eve <notificaciones@miempresa.example>", "Abierto")
    else:
        assert found == {}
    assert dns_double.asked() == ["_dmarc.lax.example"]
    assert Options.load().dmarc_protection == "never"


def test_where_failed_deliveries_are_reported_is_told(eve: User, company: Domain) -> None:
    found = changes(impact_of(lambda: set_domain(company, bounce="rebotes")))
    assert found[EVE] == (Way(EVE, "Abierto"), Way(EVE, "Abierto", reports="rebotes@miempresa.example"))
    assert "Mail without an author" in found
    assert "Mass mail without an author" not in found  # it goes the same way


def test_an_identity_is_told_of_and_follows_its_domain(eve: User, company: Domain) -> None:
    team = Group.objects.create(name="Ventas")
    who, old = "Mail about: Ventas", Way("notificaciones@miempresa.example", "Abierto")
    rule = {"team": team, "default_from": "ventas"}
    found = changes(impact_of(lambda: IdentityRule.objects.create(**rule)))
    assert found == {who: (old, Way("ventas@miempresa.example", "Abierto"))}
    assert not IdentityRule.objects.exists()

    IdentityRule.objects.create(**rule)
    found = changes(impact_of(lambda: set_domain(company, name="otra.example")))
    assert found[who][1] == Way("ventas@otra.example", "Abierto")
    found = changes(impact_of(lambda: IdentityRule.objects.all().delete()))
    assert found == {who: (Way("ventas@miempresa.example", "Abierto"), old)}
    assert planning.snapshot().identities


def test_the_server_of_mass_mail_changes_mass_mail_alone(eve: User) -> None:
    masivo = Server.objects.create(name="Masivo", host="h.example", priority=99)
    found = changes(impact_of(lambda: set_options(mass_server=masivo)))
    assert [(who, before.server, after.server) for who, (before, after) in found.items()] == [
        ("Mass mail without an author", "Abierto", "Masivo")
    ]


def test_it_says_when_not_everybody_was_looked_at(eve: User, company: Domain, monkeypatch: object) -> None:
    for most, is_cut in ((1, False), (0, True)):
        monkeypatch.setattr(impact, "MOST_USERS", most)  # type: ignore[attr-defined]
        assert impact_of(lambda: set_domain(company, bounce="rebotes")).is_cut is is_cut
