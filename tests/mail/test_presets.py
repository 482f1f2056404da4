"""What is known of the providers: filled in where nobody typed, and said before it goes wrong."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import translation

from mail.addresses import parse_filter
from mail.filter_advice import filter_warnings
from mail.models import Server
from mail.presets import (
    FILLED,
    PRESETS,
    UNTOUCHED,
    filled,
    needs_filter,
    preset,
    provider_of,
    region_of,
    values_of,
)

MICROSOFT = {"limit_connections": 3, "limit_minute": 30}
EVERY_WAY = Server.Authentication.values
WITHOUT_OAUTH = ("none", "password", "certificate")


def test_every_choice_of_the_form_is_known() -> None:
    assert list(PRESETS) == Server.Preset.values
    assert {way for one in PRESETS.values() for way in one.authentications} <= set(EVERY_WAY)
    assert {one.security for one in PRESETS.values()} <= set(Server.Security.values)


# provider, region: host, port, security, usual way to log in, limits
CASES: list[tuple[str, str, str, int, str, str, dict[str, int]]] = [
    ("own", "", "", 587, "starttls", "password", {}),
    ("gmail", "", "smtp.gmail.com", 465, "tls", "password", {"limit_day": 500}),
    (
        "outlook",
        "",
        "smtp-mail.outlook.com",
        587,
        "starttls",
        "microsoft",
        {"limit_connections": 3, "limit_minute": 30},
    ),
    (
        *("microsoft365", "", "smtp.office365.com", 587, "starttls", "microsoft"),
        {**MICROSOFT, "limit_day": 10_000},
    ),
    ("ses", "", "email-smtp.eu-west-1.amazonaws.com", 587, "starttls", "password", {}),
    ("ses", "us-east-1", "email-smtp.us-east-1.amazonaws.com", 587, "starttls", "password", {}),
    ("ses", "mars-1", "email-smtp.eu-west-1.amazonaws.com", 587, "starttls", "password", {}),
    ("sendgrid", "", "smtp.sendgrid.net", 587, "starttls", "password", {}),
    ("mailgun", "", "smtp.mailgun.org", 587, "starttls", "password", {}),
    ("mailgun", "eu", "smtp.eu.mailgun.org", 587, "starttls", "password", {}),
    ("brevo", "", "smtp-relay.brevo.com", 587, "starttls", "password", {}),
    ("postmark", "", "smtp.postmarkapp.com", 587, "starttls", "password", {}),
    ("other", "", "", 25, "none", "none", {}),
]


@pytest.mark.parametrize(("code", "region", "host", "port", "security", "way", "limits"), CASES)
def test_what_a_provider_fills_in(
    code: str, region: str, host: str, port: int, security: str, way: str, limits: dict[str, int]
) -> None:
    values = values_of(code, region, offered=EVERY_WAY)
    assert (values["host"], values["port"], values["security"], values["authentication"]) == (host, port, security, way)
    assert {name: value for name, value in values.items() if name.startswith("limit_") and value} == limits
    assert tuple(values) == FILLED


def test_a_way_to_log_in_that_is_not_offered_is_not_filled_in() -> None:
    assert values_of("outlook", offered=WITHOUT_OAUTH)["authentication"] == "password"
    assert values_of("outlook", offered=["none"])["authentication"] == "none"


@pytest.mark.parametrize("code", list(PRESETS))
def test_the_advice_has_three_lines_and_leads_to_the_provider(code: str) -> None:
    advice = preset(code).advice
    assert len(advice) == 3
    for line in advice:
        assert bool(line.link) == bool(line.url)
        assert not line.url or urlsplit(line.url).scheme == "https"
        with translation.override("es"):
            assert str(line.text)
    assert code in ("own", "other") or any(line.url for line in advice)


@pytest.mark.parametrize(
    ("code", "host", "known"),
    [
        ("other", "smtp.gmail.com", "gmail"),
        ("other", "SMTP.Office365.com.", "microsoft365"),
        ("gmail", "smtp-mail.outlook.com", "outlook"),
        ("other", "email-smtp.sa-east-1.amazonaws.com", "ses"),
        ("own", "smtp.eu.mailgun.org", "mailgun"),
        ("brevo", "relay.brevo.example", "brevo"),
        ("own", "", "own"),
        ("nonsense", "smtp.b.example", "other"),
    ],
)
def test_the_host_says_who_runs_it(code: str, host: str, known: str) -> None:
    assert provider_of(code, host).code == known


@pytest.mark.parametrize(
    ("code", "host", "needed"),
    [
        ("outlook", "", True),
        ("microsoft365", "relay.b.example", True),
        ("other", "smtp.office365.com", True),
        ("own", "smtp-mail.outlook.com", True),
        ("gmail", "smtp.gmail.com", False),
        ("other", "smtp.office365.com.b.example", False),
    ],
)
def test_who_must_have_a_filter(code: str, host: str, needed: bool) -> None:
    assert needs_filter(code, host) is needed


def test_the_region_of_a_host() -> None:
    assert region_of("ses", "email-smtp.us-west-2.amazonaws.com") == "us-west-2"
    assert region_of("mailgun", "smtp.eu.mailgun.org") == "eu"
    assert region_of("mailgun", "elsewhere.example") == "us"
    assert region_of("gmail", "smtp.gmail.com") == ""


class TestFillingIn:
    """What someone typed stays."""

    GMAIL = values_of("gmail", offered=EVERY_WAY)
    SENDGRID = values_of("sendgrid", offered=EVERY_WAY)

    def fill(self, shown: dict[str, Any], before: Any = UNTOUCHED) -> tuple[dict[str, Any], list[str]]:
        return filled({**before, **shown}, self.GMAIL, before)

    def test_an_empty_form_is_filled(self) -> None:
        assert self.fill({}) == (self.GMAIL, [])

    def test_what_the_form_itself_had_is_replaced(self) -> None:
        values, kept = self.fill({"port": "25", "security": "none", "limit_day": None})
        assert (values["port"], values["security"], values["limit_day"], kept) == (465, "tls", 500, [])

    @pytest.mark.parametrize(
        ("name", "typed"),
        [
            ("host", "smtp.b.example"),
            ("port", "2525"),
            ("security", "starttls"),
            ("limit_day", "40"),
            ("username", "u"),
        ],
    )
    def test_what_was_typed_stays_and_is_named(self, name: str, typed: str) -> None:
        values, kept = self.fill({name: typed})
        assert (values[name], kept) == (typed, [name])
        assert {key: value for key, value in values.items() if key != name} == {
            key: value for key, value in self.GMAIL.items() if key != name
        }

    def test_the_same_as_suggested_is_no_conflict(self) -> None:
        assert self.fill({"host": "smtp.gmail.com", "port": 465}) == (self.GMAIL, [])

    def test_another_provider_takes_back_what_the_first_filled_in(self) -> None:
        values, kept = self.fill({}, before=self.SENDGRID)
        assert (values["host"], values["username"], kept) == ("smtp.gmail.com", "", [])


OUR = "ana@outlook.com"


@pytest.mark.parametrize(
    ("written", "default_from", "words"),
    [
        (OUR, OUR, []),
        ("ANA@Outlook.com", OUR, []),
        (OUR, "", ["There is no default From"]),
        (OUR, "info@b.example", ["does not cover the default From (info@b.example)"]),
        (f"{OUR}, luis@outlook.com", OUR, ["“luis@outlook.com” is not this account"]),
        (f"{OUR}, b.example", OUR, ["“b.example” is a whole domain"]),
        ("outlook.com", OUR, ["“outlook.com” is a whole domain"]),
        ("b.example", "info@b.example", ["“b.example” is a whole domain"]),
        ("c.example, luis@d.example", "", ["“c.example”", "“luis@d.example”", "no default From"]),
    ],
)
def test_what_will_not_leave_through_such_an_account(written: str, default_from: str, words: list[str]) -> None:
    with translation.override("en"):
        found = list(filter_warnings(parse_filter(written), account=OUR, default_from=default_from))
    assert len(found) == len(words)
    for sentence, part in zip(found, words, strict=True):
        assert part in sentence


def test_a_user_name_that_is_no_address_makes_no_address_foreign() -> None:
    assert list(filter_warnings(parse_filter(OUR), account="apikey", default_from=OUR)) == []
