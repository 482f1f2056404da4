"""Automatic DMARC protection, from a real name server to the From that a real mail server hears."""

import time

import pytest
from django.db import connection
from django.utils import translation

from mail import planning, replanning
from mail.addresses import Mailbox
from mail.domains import policies
from mail.domains.dmarc import Policy
from mail.engine import Engine
from mail.explanations import render
from mail.models import Attempt, Mail, Options
from mail.routing import Sentence
from tests.mail.conftest import deliver_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def automatic(company, server):
    """Automatic protection, and one server that takes every From."""
    Options.objects.update(dmarc_protection="automatic")
    Options.raise_version()
    return server


@pytest.fixture
def write(make_content, make_mails):
    def write(address: str, *recipients: str, **options: object) -> list[Mail]:
        return make_mails(*recipients, content=make_content(author_name="Ana", author_address=address), **options)

    return write


def sent_from(smtp_double) -> list[str]:
    return [received.message["From"] for received in smtp_double.mails]


def told(attempt: Attempt) -> str:
    code, params = attempt.explanation["why"]
    warnings = [Sentence(code, params) for code, params in attempt.explanation["warnings"]]
    with translation.override("en"):
        return " ".join(map(render, [Sentence(code, params), *warnings]))


def test_a_strict_owner_is_obeyed_and_the_attempt_says_so(automatic, write, dns_double, smtp_double):
    dns_double.publish("_dmarc.strict.test", "v=DMARC1; p=reject")
    write("ana@strict.test")
    deliver_all()
    assert sent_from(smtp_double) == ["Ana <notificaciones@miempresa.example>"]
    assert "DMARC policy of strict.test is reject" in told(Attempt.objects.get())


def test_an_owner_who_does_not_mind_changes_nothing(automatic, write, dns_double, smtp_double):
    dns_double.publish("_dmarc.lax.test", "v=DMARC1; p=none")
    write("ana@lax.test")
    write("ana@silent.test")
    deliver_all()
    assert sent_from(smtp_double) == ["Ana <ana@lax.test>", "Ana <ana@silent.test>"]


def test_a_public_provider_is_strict_whatever_it_publishes(automatic, write, dns_double, smtp_double):
    dns_double.publish("_dmarc.gmail.com", "v=DMARC1; p=none")
    dns_double.publish("_dmarc.yahoo.com", "v=DMARC1; p=reject")
    write("ana@gmail.com")
    write("ana@yahoo.com")
    deliver_all()
    assert sent_from(smtp_double) == ["Ana <notificaciones@miempresa.example>"] * 2
    reasons = [told(attempt) for attempt in Attempt.objects.order_by("mail_id")]
    assert "DMARC policy of yahoo.com is reject" in reasons[1]
    assert "reject" not in reasons[0]


def test_where_nobody_can_be_asked_the_mail_leaves_safely_and_warns(automatic, write, dns_double, smtp_double):
    dns_double.fail("*")
    write("ana@away.test")
    deliver_all()
    assert sent_from(smtp_double) == ["Ana <notificaciones@miempresa.example>"]
    assert Attempt.objects.get().explanation["warnings"][0][0] == "policy_unknown"


def test_our_own_mail_asks_nobody(automatic, write, dns_double, smtp_double):
    write("ana@miempresa.example")
    deliver_all()
    assert len(smtp_double.mails) == 1
    assert dns_double.questions == []


def test_many_mails_of_one_domain_ask_once(automatic, write, dns_double, smtp_double):
    dns_double.publish("_dmarc.strict.test", "v=DMARC1; p=reject")
    write("ana@strict.test", *[f"r{number}@levante.example" for number in range(30)])
    deliver_all()
    assert len(smtp_double.mails) == 30
    assert dns_double.asked() == ["_dmarc.strict.test"]


def test_a_silent_name_server_holds_up_nobody_else(automatic, write, dns_double, smtp_double, monkeypatch):
    monkeypatch.setattr(policies, "LIMIT_SECONDS", 1.0)
    dns_double.fail("*", "silence")
    write("ana@silent.test", "slow@levante.example")
    write("ana@miempresa.example", "quick@levante.example")
    began = time.monotonic()
    deliver_all()
    assert [mail.recipients for mail in smtp_double.mails] == [("quick@levante.example",), ("slow@levante.example",)]
    assert time.monotonic() - began < 5


def test_the_database_is_free_while_the_dns_is_asked(automatic, write, dns_double, monkeypatch):
    """Neither a transaction nor the thread at the database waits for a name server."""
    seen = []
    look_up = policies.look_up

    async def watched(domain: str, *, seconds: float) -> object:
        seen.append((await engine._desk.ask(lambda: connection.in_atomic_block), domain))
        return await look_up(domain, seconds=seconds)

    monkeypatch.setattr(policies, "look_up", watched)
    write("ana@silent.test")
    engine = Engine(["transactional"])
    engine.run(until_empty=True)
    assert seen == [(False, "silent.test")]


def test_the_next_server_is_one_that_surely_keeps_the_from(automatic, write, make_server, smtp_double, dns_double):
    """Whether the unfiltered server keeps the author's From is not known when the plan is made."""
    listing = make_server(smtp_double, name="Con filtro", from_filter="miempresa.example", priority=1)
    mail = write("ana@lax.test")[0]
    ways = planning.ways(author=Mailbox("", "ana@lax.test"))
    assert [way.server.id for way in ways] == [listing.pk, automatic.pk]
    assert replanning.best_way(ways, mail, {listing.pk}) == ways[0]
    known = planning.question(author=Mailbox("", "ana@lax.test")).knowing({"lax.test": Policy("reject")}).ways()
    assert replanning.best_way(known, mail, {listing.pk}) == known[1]
