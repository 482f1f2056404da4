"""What the table of cases does not show: names, further ways, plus-addresses, and words for everything."""

import pytest
from django.utils import translation

from mail.addresses import FromFilter, Mailbox, parse_filter
from mail.explanations import render, sent_as, summary, tone_of
from mail.routing import (
    DomainFacts,
    RouteError,
    Rules,
    Sentence,
    ServerFacts,
    bounce_address,
    choose,
    ladder,
    rewritten_name,
)

OURS = DomainFacts("us.test", "info@us.test")
RULES = Rules(own_domains=frozenset({"us.test"}), providers=frozenset({"gmail.com"}))


def server(number: int, filter_: str = "", **facts: object) -> ServerFacts:
    return ServerFacts(number, f"S{number}", 10, parse_filter(filter_), **facts)


@pytest.mark.parametrize(
    ("name", "address", "shown"),
    [
        ("Ana Pérez", "ana@x.test", "Ana Pérez"),
        ("", "ana.perez@x.test", "ana.perez"),
        ("   ", "ana@x.test", "ana"),
        ("ana@x.test", "ana@x.test", "ana"),
        ("boss@bank.test", "ana@x.test", "ana"),
        ("Ana (ana@x.test)", "ana@x.test", "Ana"),
        ("Ana <ana@x.test>", "ana@x.test", "Ana"),
        ("Ana Pérez - ana@x.test", "ana@x.test", "Ana Pérez"),
        ("ana@x.test via Ana", "ana@x.test", "via Ana"),
        ("Ana ＠ x.test", "ana@x.test", "ana"),
        ("Ana＠x.test Pérez", "ana@x.test", "Pérez"),
        ("boss @ bank.test", "ana@x.test", "ana"),
        ("Ana @ Acme", "ana@x.test", "Ana Acme"),
        ("O'Brien, Ana", "ana@x.test", "O'Brien, Ana"),
        ("«Ana»", "ana@x.test", "«Ana»"),
        ("", '"a@b"@x.test', ""),
        ("", '"ana maria"@x.test', "ana maria"),
    ],
)
def test_a_rewritten_from_shows_the_author_and_never_another_address(name, address, shown):
    assert rewritten_name(Mailbox(name, address)) == shown


def test_a_rewritten_mail_keeps_its_author_in_reply_to_and_original_from():
    author = Mailbox("Ana Pérez", "Ana@X.test")
    decision = choose(author=author, servers=[server(1, "us.test")], domain=OURS, rules=RULES)
    assert decision.rewritten
    assert decision.header_from == Mailbox("Ana Pérez", "info@us.test")
    assert decision.reply_to == decision.original_from == Mailbox("Ana Pérez", "Ana@x.test")
    assert decision.envelope_from == "info@us.test"


def test_a_kept_from_has_its_domain_in_a_label_form():
    author = Mailbox("Ana", "Ana@ESPAÑA.test.")
    decision = choose(author=author, servers=[server(1)], domain=None, rules=RULES)
    assert decision.header_from == Mailbox("Ana", "Ana@xn--espaa-rta.test")
    assert decision.envelope_from == "Ana@xn--espaa-rta.test"


def test_an_author_without_address_lends_the_name_to_the_default_from():
    decision = choose(author=Mailbox("Ana", ""), servers=[server(1)], domain=OURS, rules=RULES)
    assert decision.header_from == Mailbox("Ana", "info@us.test")
    assert not decision.rewritten


@pytest.mark.parametrize("name", ["Ana\r\nBcc: b@x.test", "Ana\x00"])
def test_a_name_that_could_begin_another_header_is_refused(name):
    decision = choose(author=Mailbox(name, "ana@us.test"), servers=[server(1)], domain=OURS, rules=RULES)
    assert decision.error is RouteError.FROM_INVALID


# -- The ladder --------------------------------------------------------------------------------------


def ways(author: str, *servers: ServerFacts, **facts: object) -> list[str]:
    found = ladder(author=Mailbox("", author), servers=servers, domain=OURS, rules=RULES, **facts)
    return [f"{way.server.name} {way.step.value} {way.header_from.address}" for way in found]


def test_the_ladder_gives_every_way_in_the_order_of_the_steps_and_each_server_once():
    everything = server(6, "ana@us.test, us.test, info@us.test")
    servers = [server(1), server(2, "info@us.test"), server(3, "us.test"), server(4, "ana@us.test"), everything]
    assert ways("ana@us.test", *servers) == [
        "S4 author_address ana@us.test",
        "S6 author_address ana@us.test",
        "S3 author_domain ana@us.test",
        "S2 default_address info@us.test",
        "S1 no_filter ana@us.test",
    ]


def test_a_server_that_takes_no_from_of_ours_is_no_help_to_one_that_does():
    assert ways("ana@us.test", server(1, "other.test"), server(2, "us.test")) == ["S2 author_domain ana@us.test"]


def test_when_nobody_takes_the_from_every_active_server_is_a_way():
    assert ways("ana@x.test", server(1, "a.test"), server(2, "b.test", active=False), server(3, "c.test")) == [
        "S1 fallback info@us.test",
        "S3 fallback info@us.test",
    ]


def test_a_server_asked_for_is_the_only_way():
    servers = [server(1), server(2)]
    assert ways("ana@us.test", *servers, asked=servers[1]) == ["S2 asked ana@us.test"]


def test_whether_a_server_rests_or_is_blocked_is_not_looked_at():
    assert ways("ana@us.test", server(1, resting=True, blocked=True)) == ["S1 no_filter ana@us.test"]


def test_a_mail_that_cannot_leave_has_no_way():
    assert ways("ana") == []
    assert ways("ana@us.test") == []
    archived = server(1, active=False)
    assert ways("ana@us.test", archived, asked=archived) == []


# -- The envelope sender -----------------------------------------------------------------------------


def test_bounce_is_a_plus_address_of_the_account_at_a_public_provider():
    gmail = DomainFacts("gmail.com", "box@gmail.com", bounce="bounce")
    assert bounce_address(gmail, RULES) == "box+bounce@gmail.com"
    assert bounce_address(gmail, RULES, "tok") == "box+bounce-tok@gmail.com"
    filtered = server(1, "box@gmail.com")
    decision = choose(
        author=Mailbox("", "ana@us.test"), servers=[filtered], domain=gmail, rules=RULES, bounce_token="tok"
    )
    assert decision.envelope_from == "box+bounce-tok@gmail.com"


def test_no_bounce_address_without_a_part_an_account_or_room():
    assert bounce_address(OURS, RULES, "tok") == ""
    assert bounce_address(DomainFacts("gmail.com", "", bounce="bounce"), RULES) == ""
    assert bounce_address(DomainFacts("gmail.com", "info@us.test", bounce="bounce"), RULES) == ""
    for token in ("", "token"):
        assert bounce_address(DomainFacts("us.test", "", bounce="b" * 60), RULES, token) == ""


def test_without_a_token_the_bounce_address_stands_alone():
    domain = DomainFacts("us.test", "info@us.test", bounce="bounce")
    decision = choose(author=Mailbox("", "ana@us.test"), servers=[server(1)], domain=domain, rules=RULES)
    assert decision.envelope_from == "bounce@us.test"


# -- Words -------------------------------------------------------------------------------------------


def test_the_reason_is_said_in_plain_words():
    decision = choose(
        author=Mailbox("", "ana@miempresa.test"),
        servers=[ServerFacts(1, "Corporativo", 10, parse_filter("miempresa.test"))],
        domain=None,
        rules=RULES,
    )
    with translation.override("en"):
        assert summary(decision) == (
            "«Corporativo» lists the author's domain miempresa.test, so the mail keeps its own From."
        )
        assert sent_as(decision) == (
            "Leaves as ana@miempresa.test through Corporativo; answers go to ana@miempresa.test."
        )
        assert sent_as(decision, answers_return=True) == (
            "Leaves as ana@miempresa.test through Corporativo; answers come back here."
        )


def test_the_line_under_an_editor_says_where_answers_arrive():
    decision = choose(author=Mailbox("Ana", "ana@x.test"), servers=[server(1, "us.test")], domain=OURS, rules=RULES)
    with translation.override("en"):
        assert sent_as(decision) == "Leaves as Ana <info@us.test> through S1; answers go to ana@x.test."
    refused = choose(author=None, servers=[server(1)], domain=None, rules=RULES)
    assert sent_as(refused) == summary(refused) != ""


def test_percent_signs_in_names_do_no_harm():
    named = ServerFacts(1, "100 % %(author)s", 10, FromFilter())
    decision = choose(author=Mailbox("", "ana@x.test"), servers=[named], domain=None, rules=RULES)
    assert "«100 % %(author)s»" in summary(decision)


def test_a_sentence_of_another_version_still_reads():
    with translation.override("en"):
        assert render(Sentence("of_tomorrow", {})) == "The reason was not kept."
        assert render(Sentence("asked_kept", {})) == "The reason was not kept."


def test_a_server_may_be_unknown_by_name():
    with translation.override("en"):
        assert render(Sentence("server_unknown", {"server": "X"})) == "There is no outgoing server named «X»."


def test_the_line_is_green_amber_or_red():
    def tone(author: str, *servers: ServerFacts, domain: DomainFacts | None = OURS, **facts: object) -> str:
        return tone_of(choose(author=Mailbox("", author), servers=servers, domain=domain, rules=RULES, **facts))

    assert tone("ana@us.test", server(1, "us.test")) == "success"
    assert tone("ana@x.test", server(1, "us.test")) == "warning"
    assert tone("ana@x.test", server(1, "other.test")) == "warning"  # under the default From, and the server may object
    assert tone("ana@x.test", server(1, "other.test"), domain=None) == "danger"
    assert tone("ana@x.test") == "danger"
    assert tone("ana", server(1)) == "danger"
    other = server(1, "other.test")
    assert tone("ana@x.test", other, asked=other) == "danger"
