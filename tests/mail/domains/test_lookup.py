"""Policies over the network: a real name server, right, wrong, slow and hostile; and what is remembered."""

import asyncio
import time

import pytest
from django.core.cache import cache
from django.test import override_settings

from mail.domains import lookup, policies
from mail.domains.dmarc import UNKNOWN, Policy
from mail.domains.lookup import LookupFailed, NameserverInvalid, nameservers
from mail.domains.policies import Policies, look_up, policies_known, policies_now


def found(domain: str) -> Policy:
    return asyncio.run(look_up(domain, seconds=2))[0]


def ttl_of(domain: str) -> float:
    return asyncio.run(look_up(domain, seconds=2))[1]


# -- Asking ------------------------------------------------------------------------------------------


def test_a_policy_is_found_with_one_question(dns_double):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    assert found("x.test") == Policy("reject")
    assert dns_double.questions == [("_dmarc.x.test", "TXT")]


def test_a_policy_is_found_further_up(dns_double):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=none; sp=quarantine")
    assert found("a.b.x.test") == Policy("quarantine", inherited_from="x.test")
    assert dns_double.asked() == ["_dmarc.a.b.x.test", "_dmarc.b.x.test", "_dmarc.x.test", "_dmarc.test"]


def test_nothing_published_is_an_answer(dns_double):
    assert found("x.test") == Policy()
    dns_double.publish("x._dmarc.y.test", "something below")
    assert found("y.test") == Policy()  # the name exists, without a record


def test_whether_a_domain_exists_is_asked_where_it_matters(dns_double):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=none; np=reject")
    dns_double.publish("there.x.test", "10 mx.x.test.", kind="MX")
    dns_double.publish("sub.gone.x.test", "192.0.2.1", kind="A")
    assert found("there.x.test").value == "none"
    assert found("gone.x.test").value == "reject"  # something stands below it, nothing at it
    assert found("nowhere.x.test").value == "reject"
    dns_double.fail("there.x.test")
    with pytest.raises(LookupFailed):
        found("there.x.test")
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    assert found("there.x.test").value == "reject"


def test_an_alias_is_followed(dns_double):
    dns_double.publish("_dmarc.x.test", "policy.y.test.", kind="CNAME")
    dns_double.publish("policy.y.test", "v=DMARC1; p=reject")
    assert found("x.test").value == "reject"


def test_a_record_of_many_strings_is_joined_and_comes_by_tcp(dns_double):
    addresses = ",".join(f"mailto:reports-{number}@x.test" for number in range(200))
    dns_double.publish("_dmarc.x.test", f"v=DMARC1; rua={addresses}; p=reject")
    assert found("x.test").value == "reject"
    assert dns_double.over_tcp == 1


def test_a_huge_answer_does_no_harm(dns_double):
    dns_double.publish("_dmarc.x.test", *[f"{number} " + "x" * 900 for number in range(60)], "v=DMARC1; p=reject")
    assert found("x.test").value == "reject"
    dns_double.publish("_dmarc.x.test", *[f"v=DMARC1; p=reject; x={number}" for number in range(500)])
    assert found("x.test") == Policy()


def test_bytes_that_are_no_text_do_no_harm(dns_double):
    dns_double._records["_dmarc.x.test", "TXT"] = ['"v=DMARC1; p=reject; rua=\\255\\254\\000"']
    assert found("x.test").value == "reject"
    dns_double._records["_dmarc.x.test", "TXT"] = ['"\\255\\000\\010"', '""']
    assert found("x.test") == Policy()


def test_a_name_too_long_for_the_dns_has_no_record_of_its_own(dns_double):
    long = ".".join(["a" * 60] * 4) + ".x.test"  # a domain, to which nothing can be put in front
    assert len(long) <= 253
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    assert found(long) == Policy("reject", inherited_from="x.test")


@pytest.mark.parametrize("how", ["servfail", "refused", "garbage"])
@pytest.mark.parametrize("where", ["_dmarc.a.x.test", "_dmarc.x.test"])
def test_a_name_server_that_fails_is_no_answer(dns_double, how, where, monkeypatch):
    monkeypatch.setattr(lookup, "TRY_SECONDS", 0.1)
    dns_double.publish("_dmarc.test", "v=DMARC1; p=reject")
    dns_double.fail(where, how)
    with pytest.raises(LookupFailed):
        asyncio.run(look_up("a.x.test", seconds=0.5))


def test_half_an_answer_by_tcp_is_no_answer(dns_double):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=none; x=" + "y" * 600)
    dns_double.fail("_dmarc.x.test", "half")
    with pytest.raises(LookupFailed):
        asyncio.run(look_up("x.test", seconds=0.5))
    assert dns_double.over_tcp


@pytest.mark.parametrize("how", ["silence", "forged"])
def test_three_seconds_are_the_limit_however_many_names_are_asked(dns_double, how, monkeypatch):
    # Six names, a second each: without the limit it would be six.
    monkeypatch.setattr(lookup, "TRY_SECONDS", 1.0)
    dns_double.fail("*", how)
    began = time.monotonic()
    with pytest.raises(LookupFailed):
        asyncio.run(look_up("a.b.c.d.x.test", seconds=0.4))
    assert time.monotonic() - began < 3
    assert policies.LIMIT_SECONDS == 3.0


def test_where_nobody_listens_there_is_no_answer(settings):
    settings.MAIL_NAMESERVER = "127.0.0.1:1"
    with pytest.raises(LookupFailed):
        asyncio.run(look_up("x.test", seconds=0.3))


def test_a_second_name_server_is_asked(dns_double, settings, monkeypatch):
    monkeypatch.setattr(lookup, "TRY_SECONDS", 0.1)
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    settings.MAIL_NAMESERVER = f"127.0.0.1:1, {dns_double.nameserver}"
    assert found("x.test").value == "reject"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("192.0.2.1", ["192.0.2.1@53"]),
        ("192.0.2.1:5353", ["192.0.2.1@5353"]),
        ("::1", ["::1@53"]),
        ("[::1]", ["::1@53"]),
        ("[2001:db8::1]:5353, 192.0.2.1", ["2001:db8::1@5353", "192.0.2.1@53"]),
    ],
)
def test_name_servers_are_written_as_people_write_them(text, expected):
    assert [f"{server.address}@{server.port}" for server in nameservers(text)] == expected


@pytest.mark.parametrize(
    "text", ["dns.example", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:0", "192.0.2.1:99999", "1.2.3:53"]
)
def test_what_is_no_name_server_is_told(text, settings):
    with pytest.raises(NameserverInvalid):
        nameservers(text)
    settings.MAIL_NAMESERVER = text
    with pytest.raises(LookupFailed):
        found("x.test")


# -- Remembering -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ttl", "expected"), [(5, 300), (600, 600), (10_000_000, 86400)])
def test_an_answer_counts_as_long_as_the_zone_says_within_bounds(dns_double, ttl, expected):
    dns_double.ttl = ttl
    assert ttl_of("nothing.test") == expected
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    assert ttl_of("x.test") == expected


def test_an_answer_is_asked_for_once(dns_double):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    assert policies_known(["x.test"]) == {}
    assert policies_now(["x.test", "y.test", "x.test"]) == {"x.test": Policy("reject"), "y.test": Policy()}
    asked = len(dns_double.questions)
    assert policies_now(["x.test", "y.test"]) == policies_known(["x.test", "y.test"])
    assert policies_known(["y.test"]) == {"y.test": Policy()}
    assert len(dns_double.questions) == asked
    assert policies_now([]) == {}


def test_who_asks_at_the_same_time_shares_the_answer(dns_double):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")

    async def ask() -> None:
        book = Policies()
        answers = await asyncio.gather(*(book.of(["x.test"]) for _ in range(50)))
        assert {answer["x.test"].value for answer in answers} == {"reject"}
        cache.clear()
        assert (await book.of(["x.test"]))["x.test"].value == "reject"  # known in this process

    asyncio.run(ask())
    assert len(dns_double.questions) == 1


def test_who_gives_up_waiting_takes_the_answer_from_nobody(dns_double):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")

    async def ask() -> None:
        book = Policies()
        hasty, patient = asyncio.create_task(book.of(["x.test"])), asyncio.create_task(book.of(["x.test"]))
        await asyncio.sleep(0)
        hasty.cancel()
        assert (await patient)["x.test"].value == "reject"

    asyncio.run(ask())


def test_a_look_up_that_failed_is_not_repeated_for_each_mail(dns_double):
    dns_double.fail("*")
    assert policies_now(["x.test"]) == {"x.test": UNKNOWN}
    asked = len(dns_double.questions)
    assert policies_now(["x.test"]) == policies_known(["x.test"]) == {"x.test": UNKNOWN}
    assert len(dns_double.questions) == asked


def test_an_old_answer_stands_in_for_a_look_up_that_failed(dns_double, monkeypatch):
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    policies_now(["x.test"])
    dns_double.fail("*")
    clock = time.time() + policies.MOST_SECONDS + 1
    monkeypatch.setattr(policies.time, "time", lambda: clock)
    assert policies_known(["x.test"]) == {}
    assert policies_now(["x.test"]) == {"x.test": Policy("reject", is_stale=True)}
    assert policies_known(["x.test"]) == {"x.test": Policy("reject", is_stale=True)}

    clock += policies.PAUSE_SECONDS + 1
    dns_double.behave()
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=none")
    assert policies_now(["x.test"]) == {"x.test": Policy("none")}


def test_a_cache_that_is_away_makes_nothing_wrong(dns_double):
    away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")
    with override_settings(CACHES={"default": away}):
        assert policies_now(["x.test"]) == {"x.test": Policy("reject")}
        assert policies_known(["x.test"]) == {}


def test_what_the_cache_holds_and_nobody_wrote_is_not_believed(dns_double):
    for nonsense in ("reject", {"policy": "reject"}, {"policy": {"value": "none", "worth": 1}}, 7):
        cache.set("daeris:dmarc:x.test", nonsense)
        assert policies_known(["x.test"]) == {}
        assert policies_now(["x.test"]) == {"x.test": Policy()}
