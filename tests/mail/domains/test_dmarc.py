"""RFC 9989 as tables of cases: what a record says, which names are asked, which record counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.domains.dmarc import MOST_QUERIES, Finding, Policy, Record, discover, parse_record, record_among

# text → policy, subdomains, nonexistent subdomains, psd, testing; "-": no DMARC record
RECORDS = [
    ("v=DMARC1; p=reject", "reject reject reject u n"),
    ("v=DMARC1;p=quarantine;", "quarantine quarantine quarantine u n"),
    ("v = DMARC1 ; p = reject", "reject reject reject u n"),
    ("V=DMARC1; P=Reject", "reject reject reject u n"),
    ("v=DMARC1; p=none; sp=reject", "none reject reject u n"),
    ("v=DMARC1; p=reject; sp=none", "reject none none u n"),
    ("v=DMARC1; p=none; sp=quarantine; np=reject", "none quarantine reject u n"),
    ("v=DMARC1; p=none; np=reject", "none none reject u n"),
    ("v=DMARC1; sp=none; p=reject", "reject none none u n"),
    ("v=DMARC1; p=reject; t=y", "reject reject reject u y"),
    ("v=DMARC1; p=reject; t=n", "reject reject reject u n"),
    ("v=DMARC1; p=reject; t=maybe", "reject reject reject u n"),
    ("v=DMARC1; p=reject; psd=y", "reject reject reject y n"),
    ("v=DMARC1; p=reject; psd=n", "reject reject reject n n"),
    ("v=DMARC1; p=reject; psd=u", "reject reject reject u n"),
    ("v=DMARC1; p=reject; psd=x", "reject reject reject u n"),
    # what is not known, or not a tag, is as if it were not there
    ("v=DMARC1; p=reject; pct=50; ri=3600; x=1", "reject reject reject u n"),
    ("v=DMARC1; p=reject; nonsense", "reject reject reject u n"),
    ("v=DMARC1; p=reject; ; ;", "reject reject reject u n"),
    ("v=DMARC1; p=reject; =x; 1=2; p2=none", "reject reject reject u n"),
    ("v=DMARC1; p=reject; rua=mailto:a@x.test,mailto:b@x.test!10m; fo=1", "reject reject reject u n"),
    ("v=DMARC1; p=reject; rua=mailto:ñ@x.test", "reject reject reject u n"),
    # without a valid policy nothing is asked for
    ("v=DMARC1", "none none none u n"),
    ("v=DMARC1;", "none none none u n"),
    ("v=DMARC1; rua=mailto:a@x.test", "none none none u n"),
    ("v=DMARC1; sp=reject", "none none none u n"),
    ("v=DMARC1; p=", "none none none u n"),
    ("v=DMARC1; p=rejected", "none none none u n"),
    ("v=DMARC1; p=reject sp=none", "none none none u n"),
    ("v=DMARC1; p=reject; sp=all", "none none none u n"),
    ("v=DMARC1; p=reject; np=all; psd=y", "none none none y n"),
    # no record of this version
    ("", "-"),
    ("v=spf1 -all", "-"),
    ("v=DMARC2; p=reject", "-"),
    ("v=dmarc1; p=reject", "-"),
    ("v=DMARC1 p=reject", "-"),
    ("p=reject; v=DMARC1", "-"),
    (" ; v=DMARC1; p=reject", "-"),
    ("v=DMARC1; p=none; p=reject", "-"),
    ("v=DMARC1; p=reject; rua=a; RUA=b", "-"),
    ("v=DMARC1\x00; p=reject", "-"),
]


@pytest.mark.parametrize(("text", "expected"), RECORDS, ids=[text or "empty" for text, _ in RECORDS])
def test_what_a_record_says(text, expected):
    record = parse_record(text)
    if record is None:
        assert expected == "-"
        return
    told = [record.policy, record.subdomains, record.nonexistent, record.psd, "y" if record.testing else "n"]
    assert " ".join(told) == expected


def test_of_several_records_none_counts():
    assert record_among(["v=DMARC1; p=reject"]) == Record("reject", "reject", "reject")
    assert record_among(["v=DMARC1; p=reject", "v=DMARC1; p=reject"]) is None
    assert record_among(["x", "v=DMARC1; p=none", "google-site-verification=1"]) == Record()
    assert record_among([]) is None


def walk(domain: str, zone: dict[str, str]) -> tuple[Finding | None, list[str]]:
    """What is found in this zone (domain → record), and the domains asked."""
    asked: list[str] = []
    steps = discover(domain)
    name = next(steps)
    while True:
        asked.append(name.removeprefix("_dmarc."))
        assert name.startswith("_dmarc.")
        try:
            name = steps.send([zone[asked[-1]]] if asked[-1] in zone else [])
        except StopIteration as end:
            return end.value, asked


def zone_of(text: str) -> dict[str, str]:
    """`mail.x.test p=none sp=reject / test p=none psd=y` as a zone."""
    entries = [part.split() for part in text.split("/") if part.strip()]
    return {name: "; ".join(["v=DMARC1", *tags]) for name, *tags in entries}


# domain, zone → the record's domain, policy when the domain exists, policy when it does not
FINDINGS = [
    ("x.test", "", "- - -"),
    ("x.test", "x.test p=reject", "x.test reject reject"),
    ("x.test", "x.test p=reject sp=none np=none", "x.test reject reject"),
    ("x.test", "x.test p=reject / test p=none psd=y", "x.test reject reject"),
    ("x.test", "x.test rua=mailto:a@x.test", "x.test none none"),
    ("x.test", "x.test p=bad / test p=reject psd=y", "x.test none none"),
    # a subdomain takes what the organisation says of subdomains
    ("a.x.test", "x.test p=reject", "x.test reject reject"),
    ("a.x.test", "x.test p=reject sp=none", "x.test none none"),
    ("a.x.test", "x.test p=none sp=quarantine np=reject", "x.test quarantine reject"),
    ("a.x.test", "x.test p=none np=reject", "x.test none reject"),
    ("a.x.test", "a.x.test p=none / x.test p=reject", "a.x.test none none"),
    # the organisation is the highest record, not the nearest
    ("a.mail.x.test", "mail.x.test p=none / x.test p=reject", "x.test reject reject"),
    ("a.mail.x.test", "mail.x.test p=reject / x.test p=none", "x.test none none"),
    ("a.mail.x.test", "mail.x.test p=reject", "mail.x.test reject reject"),
    ("a.mail.x.test", "mail.x.test p=reject psd=n / x.test p=none", "mail.x.test reject reject"),
    # a public suffix
    ("x.test", "test p=reject psd=y", "test reject reject"),
    ("x.test", "test p=none np=reject psd=y", "test none reject"),
    ("a.x.test", "test p=reject psd=y", "test reject reject"),
    ("a.x.test", "x.test p=none / test p=reject psd=y", "x.test none none"),
    ("a.mail.x.test", "mail.x.test p=none / test p=reject psd=y", "test reject reject"),
    ("a.mail.x.test", "mail.x.test p=none / x.test p=quarantine / test p=reject psd=y", "x.test quarantine quarantine"),
    ("a.x.co.test", "co.test p=reject psd=y / test p=none", "co.test reject reject"),
    ("a.x.co.test", "x.co.test sp=none p=reject / co.test p=quarantine psd=y", "x.co.test none none"),
    ("test", "test p=reject psd=y", "test reject reject"),
    # a suffix that says nothing of being one is an organisation
    ("x.test", "test p=reject", "test reject reject"),
    # testing: one step less
    ("x.test", "x.test p=reject t=y", "x.test quarantine quarantine"),
    ("x.test", "x.test p=quarantine t=y", "x.test none none"),
    ("x.test", "x.test p=none t=y", "x.test none none"),
    ("a.x.test", "x.test p=none sp=reject np=quarantine t=y", "x.test quarantine none"),
    # long names: the last seven labels and up
    ("a.b.c.d.e.f.g.x.test", "g.x.test p=reject", "g.x.test reject reject"),
    ("a.b.c.d.e.f.g.x.test", "b.c.d.e.f.g.x.test p=reject", "- - -"),
    ("a.b.c.d.e.f.g.x.test", "c.d.e.f.g.x.test p=reject", "c.d.e.f.g.x.test reject reject"),
    ("a.b.c.d.e.f.g.x.test", "c.d.e.f.g.x.test p=reject psd=y", "c.d.e.f.g.x.test reject reject"),
]


@pytest.mark.parametrize(("domain", "zone", "expected"), FINDINGS, ids=[f"{case[0]} {case[1]}" for case in FINDINGS])
def test_which_record_counts(domain, zone, expected):
    finding, _ = walk(domain, zone_of(zone))
    if finding is None:
        assert expected == "- - -"
        return
    there, gone = finding.policy(exists=True), finding.policy(exists=False)
    assert f"{finding.domain} {there.value} {gone.value}" == expected
    assert there.inherited_from == ("" if finding.domain == domain else finding.domain)
    assert finding.asks_existence or there == gone


# domain, zone → the names asked
WALKS = [
    ("x.test", "x.test p=none", "x.test"),
    ("x.test", "", "x.test test"),
    ("a.mail.x.test", "", "a.mail.x.test mail.x.test x.test test"),
    ("a.mail.x.test", "mail.x.test p=none", "a.mail.x.test mail.x.test x.test test"),
    ("a.mail.x.test", "mail.x.test p=none psd=n", "a.mail.x.test mail.x.test"),
    ("a.mail.x.test", "x.test p=none psd=y", "a.mail.x.test mail.x.test x.test"),
    ("test", "", "test"),
    # the example of RFC 9989 §4.10
    (
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "",
        "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com i.j.mail.example.com "
        "j.mail.example.com mail.example.com example.com com",
    ),
    (
        "a.b.c.d.e.f.x.test",
        "",
        "a.b.c.d.e.f.x.test b.c.d.e.f.x.test c.d.e.f.x.test d.e.f.x.test e.f.x.test f.x.test x.test test",
    ),
    ("c.d.e.f.x.test", "", "c.d.e.f.x.test d.e.f.x.test e.f.x.test f.x.test x.test test"),
]


@pytest.mark.parametrize(("domain", "zone", "expected"), WALKS, ids=[f"{case[0]} {case[1]}" for case in WALKS])
def test_which_names_are_asked(domain, zone, expected):
    assert walk(domain, zone_of(zone))[1] == expected.split()


labels = st.text("abc-", min_size=1, max_size=3)
tags = st.sampled_from(["p", "sp", "np", "t", "psd", "rua", "v", "", "x"])
values = st.sampled_from(["none", "reject", "quarantine", "y", "n", "", "mailto:a@x.test", "DMARC1"]) | st.text(
    max_size=5
)
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.tuples(tags, values).map("=".join), max_size=6).map(lambda parts: ";".join(["v=DMARC1", *parts])),
)


@given(st.lists(labels, min_size=1, max_size=40).map(".".join), st.data())
def test_whatever_a_zone_holds_few_names_are_asked_and_something_is_concluded(domain, data):
    asked = []
    steps = discover(domain)
    name = next(steps)
    while True:
        asked.append(name)
        try:
            name = steps.send(data.draw(st.lists(texts, max_size=2)))
        except StopIteration as end:
            finding = end.value
            break
    assert len(asked) == len(set(asked)) <= MOST_QUERIES
    assert all(one == f"_dmarc.{domain}" or domain.endswith(one.removeprefix("_dmarc.")) for one in asked)
    if finding:
        for exists in (True, False):
            policy = finding.policy(exists=exists)
            assert policy.value in {"none", "quarantine", "reject"}
            assert policy.is_enforced == (policy.value != "none")
    assert not Policy().is_enforced
