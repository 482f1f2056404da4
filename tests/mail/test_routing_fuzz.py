"""Whatever filters and addresses people write: no exception, and every decision explained."""

import os

from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.addresses import (
    FromFilter,
    InvalidAddress,
    InvalidFilter,
    Mailbox,
    domain_of,
    key,
    normalise_filter,
    parse_filter,
    parse_mailbox,
)
from mail.alternatives import passed_over
from mail.decisions import Decision, DomainFacts, Rules, ServerFacts, Step
from mail.domains.dmarc import UNKNOWN, Policy
from mail.explanations import ERRORS, PASSED_OVER, WARNINGS, WHY, render, sent_as, summary, tone_of
from mail.routing import Question, choose, ladder

# Where everything is tested, ten thousand of them.
many = settings(max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES") or (1_000 if os.environ.get("CI") else 60)))

# What people mean, and what they write when their fingers slip or their mind is evil.
sensible = st.sampled_from(
    ["ana@us.test", "info@us.test", "ana@x.test", "box@gmail.com", "ana@gmail.com", "ana@yahoo.com", "ana", ""]
)
letters = st.characters(codec="utf-8")
wild = st.one_of(
    st.text(letters, max_size=30),
    st.builds("{}@{}".format, st.text(letters, max_size=12), st.text(letters, max_size=12)),
    st.builds("{}@{}".format, st.text('ab.+"ñ ', max_size=70), st.sampled_from(["us.test", "US.TEST.", "españa.test"])),
    st.builds("{} <{}>".format, st.text(max_size=10), sensible),
)
addresses = sensible | wild
parts = st.sampled_from(["us.test", "x.test", "gmail.com", "ana@us.test", "info@us.test", "box@gmail.com", "@us.test"])
filters = st.lists(parts | wild, max_size=4).map(",".join)
known_policies = [Policy(value, is_stale=old) for value in ("none", "quarantine", "reject") for old in (True, False)]
policies = st.dictionaries(
    st.sampled_from(["x.test", "gmail.com", "yahoo.com"]), st.sampled_from([UNKNOWN, Policy(), *known_policies])
)
rules = st.builds(
    Rules,
    custom_servers=st.booleans(),
    protection=st.sampled_from(["never", "always", "automatic"]),
    providers=st.sampled_from([frozenset(), frozenset({"gmail.com", "yahoo.com"})]),
    own_domains=st.frozensets(st.sampled_from(["us.test", "gmail.com"])),
    own_addresses=st.frozensets(st.just("ana@gmail.com")),
    policies=policies,
)
domains = st.none() | st.builds(
    DomainFacts,
    st.sampled_from(["us.test", "gmail.com"]),
    st.sampled_from(["", "info@us.test", "box@gmail.com"]),
    st.sampled_from(["", "bounce", "b" * 60]),
)
authors = st.none() | st.builds(
    Mailbox, st.sampled_from(["", "Ana", "Ana (a@b.test)"]) | st.text(max_size=8), addresses
)


def read(text: str) -> FromFilter:
    """The filter, or none where nobody could save it."""
    try:
        return parse_filter(text)
    except InvalidFilter:
        return FromFilter()


fleets = st.lists(st.tuples(filters, st.integers(-2, 2), st.booleans()), max_size=4).map(
    lambda rows: [
        ServerFacts(number, f"S{number}", priority, read(text), active=active)
        for number, (text, priority, active) in enumerate(rows, start=1)
    ]
)


@many
@given(filters)
def test_a_filter_is_read_or_every_bad_part_is_named(text):
    try:
        known, wrong = parse_filter(text), []
    except InvalidFilter as error:
        known, wrong = None, error.parts
    assert all(part and reason for part, reason in wrong)
    if known is None:
        assert wrong
        return
    kept = normalise_filter(text)
    assert parse_filter(kept) == known
    assert normalise_filter(kept) == kept
    assert bool(known) == bool(kept)


@many
@given(addresses)
def test_an_address_is_read_or_the_reason_is_given(text):
    try:
        mailbox, reason = parse_mailbox(text), ""
    except InvalidAddress as error:
        mailbox, reason = None, str(error)
    if mailbox is None:
        assert reason
        return
    assert parse_mailbox(mailbox.address).address == mailbox.address
    assert key(mailbox.address) == key(key(mailbox.address))
    assert "\n" not in str(mailbox)


@many
@given(authors, fleets, domains, rules, st.integers(0, 5), st.sampled_from(["", "tok"]))
def test_every_decision_is_explained_and_every_way_obeys_the_rules(author, servers, domain, rules, asked, token):
    chosen = next((server for server in servers if server.id == asked), None)
    question = Question(author, servers, domain, rules, chosen, token)
    given_ = {"author": author, "servers": servers, "domain": domain, "rules": rules, "bounce_token": token}
    decision, found = choose(**given_, asked=chosen), list(ladder(**given_, asked=chosen))
    assert question.ways() == (found or [decision])
    for way in [decision, *found]:
        _is_explained(way)
    _others_are_explained(question, decision)
    if decision.error:
        assert not found
        return
    assert decision == found[0]
    assert len({way.server.id for way in found}) == len(found)
    for way in found:
        _obeys(way, author, domain, rules)
    _changes_only_the_from(question, found)


def _is_explained(way: Decision) -> None:
    assert way.why
    assert way.why.code in {**WHY, **ERRORS}
    assert all(warning.code in WARNINGS for warning in way.warnings)
    with translation.override("en"):
        assert "not kept" not in summary(way)
    assert sent_as(way)
    assert tone_of(way) in {"success", "warning", "danger"}


def _others_are_explained(question: Question, decision: Decision) -> None:
    for server, reason in passed_over(question, decision, question.servers):
        assert decision.server is None or server.id != decision.server.id
        assert reason.code in PASSED_OVER
        assert render(reason)


def _obeys(way: Decision, author: Mailbox | None, domain: DomainFacts | None, rules: Rules) -> None:
    assert way.server.active
    sender = way.header_from.address
    default = domain.default_from if domain else ""
    assert "@" not in way.header_from.name or not way.rewritten
    if way.rewritten:
        assert sender == default
        assert key(way.reply_to.address) == key(author.address)
    elif author and author.address.strip():
        assert key(sender) == key(author.address)
    else:
        assert sender == default
    if not way.warnings and way.step is not Step.FALLBACK:
        assert way.server.from_filter.covers(sender)
    if way.server.from_filter or not default or not author or rules.protection == "never":
        return
    # Nobody else's From through a server that takes every From, unless its owner does not mind.
    foreign = domain_of(sender) not in rules.own_domains - rules.providers
    own = key(sender) in {key(default)} | rules.own_addresses
    policy = rules.policies.get(domain_of(sender), UNKNOWN)
    lax = rules.protection == "automatic" and not policy.is_enforced and not policy.failed
    assert not foreign or own or (lax and domain_of(sender) not in rules.providers)


def _changes_only_the_from(question: Question, found: list[Decision]) -> None:
    """A policy never changes the servers, so that a plan holds whatever will be looked up."""
    for policy in (Policy("reject"), Policy("none"), UNKNOWN):
        known = question.knowing(dict.fromkeys(("x.test", "gmail.com", "yahoo.com", question.awaits), policy))
        assert [(way.server.id, way.step) for way in known.ways()] == [(way.server.id, way.step) for way in found]
        assert not known.awaits or known.awaits not in known.rules.policies
