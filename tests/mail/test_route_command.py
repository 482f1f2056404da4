"""`mail_route` and `mail_config` together, as a script uses them: a file goes in, decisions come out."""

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import translation

from mail.models import IdentityRule

pytestmark = pytest.mark.django_db

COMPANY = {
    "domains": [{"name": "us.test", "default_from": "info", "default": True}],
    "servers": [
        {"name": "Corporate", "priority": 20, "from_filter": "us.test", "host": "smtp.us.test"},
        {"name": "Ana", "priority": 30, "from_filter": "ana@partner.test", "host": "smtp.partner.test"},
        {"name": "Relay", "priority": 10, "host": "relay.us.test"},
        {"name": "Old", "active": False, "host": "old.us.test"},
    ],
}
RELAY_ONLY = {"domains": COMPANY["domains"], "servers": [COMPANY["servers"][2]]}
PROTECTED = {**RELAY_ONLY, "options": {"dmarc_protection": "always"}}
NO_DEFAULT = {"servers": COMPANY["servers"][:1]}
STRANGERS = {"domains": COMPANY["domains"], "servers": COMPANY["servers"][1:2]}
MASS = {**COMPANY, "options": {"mass_server": "Relay"}}
MASS_ARCHIVED = {**COMPANY, "options": {"mass_server": "Old"}}
BOUNCES = {"domains": [{**COMPANY["domains"][0], "bounce": "bounce"}], "servers": COMPANY["servers"]}
OFF = {**COMPANY, "options": {"custom_servers": False}}
NOTHING: dict[str, Any] = {}

# file, arguments → server, step, From, envelope sender, reply-to, warnings, error
CASES = [
    (COMPANY, "--from ana@us.test", "Corporate author_domain ana@us.test ana@us.test - 0 -"),
    (COMPANY, "--from ANA@US.TEST.", "Corporate author_domain ANA@us.test ANA@us.test - 0 -"),
    (COMPANY, "--from ana@partner.test", "Ana author_address ana@partner.test ana@partner.test - 0 -"),
    (COMPANY, "--from bob@partner.test", "Corporate default_domain info@us.test info@us.test bob@partner.test 0 -"),
    (COMPANY, "--from=", "Corporate default_domain info@us.test info@us.test - 0 -"),
    (COMPANY, "--from ana", "- - - - - 0 from_invalid"),
    (COMPANY, "--from a@us.test,b@us.test", "- - - - - 0 from_invalid"),
    (COMPANY, "--from ana@us.test --server Relay", "Relay asked ana@us.test ana@us.test - 0 -"),
    (COMPANY, "--from x@x.test --server Corporate", "Corporate asked info@us.test info@us.test x@x.test 0 -"),
    (COMPANY, "--from x@x.test --server Ana", "Ana asked x@x.test x@x.test - 1 -"),
    (COMPANY, "--from ana@us.test --server Old", "Old - - - - 0 server_archived"),
    (COMPANY, "--from ana@us.test --server Nobody", "- - - - - 0 no_server"),
    (COMPANY, "--from ana@us.test --lane mass", "Corporate author_domain ana@us.test ana@us.test - 0 -"),
    (MASS, "--from x@x.test --lane mass", "Relay asked x@x.test x@x.test - 0 -"),
    (MASS, "--from x@x.test --lane transactional", "Corporate default_domain info@us.test info@us.test x@x.test 0 -"),
    (MASS, "--from x@x.test --lane mass --server Ana", "Ana asked x@x.test x@x.test - 1 -"),
    (MASS_ARCHIVED, "--from ana@us.test --lane mass", "Old - - - - 0 server_archived"),
    (MASS_ARCHIVED, "--from ana@us.test", "Corporate author_domain ana@us.test ana@us.test - 0 -"),
    (RELAY_ONLY, "--from x@x.test", "Relay no_filter x@x.test x@x.test - 0 -"),
    (PROTECTED, "--from x@x.test", "Relay no_filter info@us.test info@us.test x@x.test 0 -"),
    (PROTECTED, "--from x@gmail.com", "Relay no_filter info@us.test info@us.test x@gmail.com 0 -"),
    (PROTECTED, "--from ana@us.test", "Relay no_filter ana@us.test ana@us.test - 0 -"),
    (PROTECTED, "--from x@x.test --server Relay", "Relay asked info@us.test info@us.test x@x.test 0 -"),
    (NO_DEFAULT, "--from x@x.test", "Corporate fallback x@x.test x@x.test - 1 -"),
    (NO_DEFAULT, "--from=", "- - - - - 0 from_missing"),
    (STRANGERS, "--from x@x.test", "Ana fallback info@us.test info@us.test x@x.test 1 -"),
    (BOUNCES, "--from ana@us.test", "Corporate author_domain ana@us.test bounce@us.test - 0 -"),
    (BOUNCES, "--from ana@partner.test", "Ana author_address ana@partner.test ana@partner.test - 0 -"),
    (OFF, "--from ana@us.test", "- - - - - 0 no_server"),
    (OFF, "--from ana@us.test --server Relay", "- - - - - 1 no_server"),
    (NOTHING, "--from ana@us.test", "- - - - - 0 no_server"),
    (NOTHING, "--from=", "- - - - - 0 from_missing"),
]


@pytest.fixture
def load(tmp_path):
    def load(data: dict[str, Any]) -> None:
        path = tmp_path / "mail.json"
        path.write_text(json.dumps(data))
        call_command("mail_config", "import", str(path), "--replace", "--json", stdout=io.StringIO())

    return load


def route(*arguments: str) -> tuple[str, int]:
    """What `mail_route` printed, and the code it ended with."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("mail_route", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as ended:
        code = ended.code
    assert err.getvalue() == ""
    return out.getvalue(), code


@pytest.mark.parametrize(("file", "arguments", "expected"), CASES, ids=[f"{case[1]} {case[2]}" for case in CASES])
def test_the_decision_is_answered_in_json(load, file, arguments, expected):
    load(file)
    text, code = route(*arguments.split(), "--json")
    answer = json.loads(text)
    assert list(answer) == [
        "server",
        "step",
        "header_from",
        "envelope_from",
        "reply_to",
        "why",
        "warnings",
        "error",
        "passed_over",
        "policy",
    ]
    told = [
        answer["server"],
        answer["step"],
        answer["header_from"] and answer["header_from"]["address"],
        answer["envelope_from"],
        answer["reply_to"],
        str(len(answer["warnings"])),
        answer["error"],
    ]
    assert " ".join(value or "-" for value in told) == expected
    assert answer["why"]
    assert code == (1 if answer["error"] else 0)


def test_names_travel_with_the_addresses(load):
    load(COMPANY)
    answer = json.loads(route("--from", '"Roe, Jane" <jane@x.test>', "--json")[0])
    assert answer["header_from"] == {"name": "Roe, Jane", "address": "info@us.test"}
    assert answer["reply_to"] == '"Roe, Jane" <jane@x.test>'


def test_a_user_is_asked_for_by_name(load, django_user_model):
    load(COMPANY)
    jane = django_user_model.objects.create_user("jane", "jane@x.test", first_name="Jane", last_name="Roe")
    assert json.loads(route("--from", "jane", "--json")[0])["reply_to"] == "Jane Roe <jane@x.test>"
    jane.email = ""
    jane.save()
    answer = json.loads(route("--from", "jane", "--json")[0])
    assert answer["header_from"] == {"name": "", "address": "info@us.test"}
    for name in ("nobody", "jan", "a\0b"):
        assert json.loads(route("--from", name, "--json")[0])["error"] == "from_invalid"


def test_the_answer_speaks_the_readers_language(load):
    load(COMPANY)
    with translation.override("en"):
        answer = json.loads(route("--from", "ana@us.test", "--json")[0])
    assert answer["why"] == "«Corporate» lists the author's domain us.test, so the mail keeps its own From."


def test_the_answer_reads_well_without_json(load):
    load(STRANGERS)
    with translation.override("en"):
        text, code = route("--from", "Jane <jane@x.test>")
        missing, failed = route("--from", "jane@x.test", "--server", "Nobody")
    assert (code, failed) == (0, 1)
    assert text.splitlines() == [
        "server: Ana",
        "step: fallback",
        "envelope_from: info@us.test",
        "reply_to: Jane <jane@x.test>",
        "header_from: Jane <info@us.test>",
        "No server takes jane@x.test or the default From; «Ana» is the first active one and sends the mail under the "
        "default From info@us.test.",
        "No server lists this From and every server has a From filter: «Ana» may refuse the mail.",
    ]
    assert missing.splitlines() == ["error: no_server", "There is no outgoing server named «Nobody»."]


def test_the_server_of_the_environment_answers_when_custom_servers_are_off(load, settings):
    settings.MAIL_SERVER_URL = "smtp://mail.us.test"
    load(OFF)
    answer = json.loads(route("--from", "ana@us.test", "--json")[0])
    assert (answer["server"], answer["step"]) == ("mail.us.test", "no_filter")


@pytest.mark.parametrize("arguments", [[], ["--from", "a@us.test", "--lane", "slow"]])
def test_an_incomplete_question_is_refused(arguments):
    with pytest.raises(CommandError):
        call_command("mail_route", *arguments)


def test_the_answer_says_why_not_the_others_and_what_the_owner_wants(load, dns_double):
    load({**RELAY_ONLY, "options": {"dmarc_protection": "automatic"}})
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=none; sp=reject")
    answer = json.loads(route("--from", "ana@mail.x.test", "--json")[0])
    assert answer["header_from"]["address"] == "info@us.test"
    assert answer["policy"] == {
        "domain": "mail.x.test",
        "value": "reject",
        "inherited_from": "x.test",
        "stale": False,
        "failed": False,
    }
    load(COMPANY)
    answer = json.loads(route("--from", "ana@us.test", "--json")[0])
    assert answer["policy"] is None
    assert [passed["server"] for passed in answer["passed_over"]] == ["Relay", "Old", "Ana"]
    assert all(passed["reason"] for passed in answer["passed_over"])


def test_kind_and_team_are_asked_by_name(load):
    load(COMPANY)
    team = Group.objects.create(name="Ventas")
    IdentityRule.objects.create(team=team, default_from="sales")
    answer = json.loads(
        route("--from", "x@x.test", "--team", "Ventas", "--document", "documents.saleorder", "--json")[0]
    )
    assert answer["header_from"]["address"] == "sales@us.test"
    for arguments in (["--team", "Nobody"], ["--document", "documents.nothing"], ["--document", "nothing"]):
        with pytest.raises(CommandError, match=r"Nobody|nothing"):
            call_command("mail_route", "--from", "x@x.test", *arguments)
