"""What real servers answer, and what becomes of the mail (design §6)."""

from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from mail.backoff import MAX_HINT
from mail.causes import CAUSES, REMEDIES, describe
from mail.exceptions import BEFORE_MAIL, MAX_TEXT, DeliveryError, Phase, Reply
from mail.replies import Outcome, classify, hinted_wait
from mail.reply_rules import DETAILS, KINDS, TOO_MUCH, Rule, is_permanent, provider_of
from mail.reply_table import RULES

AGAIN, FAILED, NEXT, BLOCKED, UNCERTAIN = (
    Outcome.AGAIN,
    Outcome.FAILED,
    Outcome.NEXT_SERVER,
    Outcome.BLOCKED,
    Outcome.UNCERTAIN,
)
PHASES: tuple[Phase, ...] = (
    "resolve",
    "connect",
    "greeting",
    "ehlo",
    "starttls",
    "auth",
    "mail",
    "rcpt",
    "data",
    "final",
)

TABLE = (Path(__file__).parent / "replies.txt").read_text().splitlines()
REPLIES = [line.split(maxsplit=3) for line in TABLE if line and not line.startswith("#")]

# phase, kind, detail, what becomes of it, the cause
KIND_CASES: list[tuple[Phase, str, str, Outcome, str]] = [
    ("resolve", "dns", "Name or service not known", NEXT, "host_unknown"),
    ("resolve", "timeout", "", NEXT, "host_unknown"),
    ("connect", "refused", "Connection refused", NEXT, "connection_refused"),
    ("resolve", "dns", "Temporary failure in name resolution", NEXT, "dns_unavailable"),
    ("resolve", "dns", "No address associated with hostname", NEXT, "host_unknown"),
    ("connect", "connect", "Network is unreachable", NEXT, "unreachable"),
    ("connect", "connect", "No route to host", NEXT, "unreachable"),
    ("connect", "connect", "Operation not permitted", NEXT, "connection_forbidden"),
    ("connect", "connect", "Too many open files", NEXT, "machine_exhausted"),
    ("connect", "timeout", "", NEXT, "connect_timeout"),
    ("greeting", "timeout", "", NEXT, "no_greeting"),
    ("greeting", "dropped", "", NEXT, "dropped"),
    ("greeting", "protocol", "HTTP/1.1 400", NEXT, "protocol_error"),
    ("ehlo", "dropped", "", NEXT, "dropped"),
    ("mail", "timeout", "", NEXT, "timeout"),
    ("rcpt", "dropped", "", NEXT, "dropped"),
    ("data", "dropped", "", NEXT, "dropped"),
    ("data", "timeout", "", NEXT, "timeout"),
    ("final", "dropped", "", UNCERTAIN, "uncertain"),
    ("final", "timeout", "", UNCERTAIN, "uncertain"),
    ("final", "protocol", "", UNCERTAIN, "uncertain"),
    ("starttls", "tls", "certificate has expired", BLOCKED, "certificate_expired"),
    ("starttls", "tls", "self-signed certificate", BLOCKED, "certificate_untrusted"),
    ("starttls", "tls", "self-signed certificate in certificate chain", BLOCKED, "certificate_untrusted"),
    ("starttls", "tls", "unable to get local issuer certificate", BLOCKED, "certificate_untrusted"),
    ("starttls", "tls", "Hostname mismatch, certificate is not valid for 'x'.", BLOCKED, "certificate_name"),
    ("starttls", "tls", "IP address mismatch, certificate is not valid for '127.0.0.1'.", BLOCKED, "certificate_name"),
    ("starttls", "tls", "wrong version number", BLOCKED, "tls_not_spoken"),
    ("starttls", "tls", "sslv3 alert handshake failure", BLOCKED, "tls_failed"),
    ("starttls", "tls", "certificate is not yet valid", BLOCKED, "certificate_not_yet"),
    ("starttls", "tls", "certificate revoked", BLOCKED, "certificate_revoked"),
    ("starttls", "tls", "unsupported protocol", BLOCKED, "tls_outdated"),
    ("starttls", "tls", "dh key too small", BLOCKED, "tls_outdated"),
    ("starttls", "tls", "tlsv1 alert protocol version", BLOCKED, "tls_outdated"),
    ("starttls", "tls", "tlsv13 alert certificate required", BLOCKED, "client_certificate_refused"),
    ("starttls", "tls", "tlsv1 alert unknown ca", BLOCKED, "client_certificate_refused"),
    ("starttls", "tls", "sslv3 alert certificate expired", BLOCKED, "client_certificate_refused"),
    ("starttls", "tls", "sslv3 alert bad certificate", BLOCKED, "client_certificate_refused"),
    ("starttls", "ca_invalid", "", BLOCKED, "ca_invalid"),
    ("starttls", "client_certificate_expired", "", BLOCKED, "client_certificate_expired"),
    ("starttls", "client_certificate_invalid", "", BLOCKED, "client_certificate_invalid"),
    ("starttls", "starttls_missing", "", BLOCKED, "starttls_missing"),
    ("auth", "auth_unavailable", "", BLOCKED, "auth_unavailable"),
    ("auth", "credentials_unreadable", "", BLOCKED, "credentials_unreadable"),
    ("mail", "too_large", "", FAILED, "too_large"),
    ("mail", "smtputf8_missing", "", FAILED, "smtputf8_missing"),
    ("mail", "address_invalid", "", FAILED, "from_invalid"),
    ("rcpt", "address_invalid", "", FAILED, "recipient_invalid"),
    ("data", "internal", "", FAILED, "internal"),
    ("data", "never heard of", "", FAILED, "internal"),
]


def error_of(phase: Phase, words: str) -> DeliveryError:
    return DeliveryError(phase, reply=Reply.of(int(words[:3]), words[4:]))


def test_what_servers_answer() -> None:
    """Every line of the table; those that are read otherwise are told together."""
    verdicts = [(classify(error_of(phase, words)), outcome, cause, words) for phase, outcome, cause, words in REPLIES]

    assert len(verdicts) >= 200
    assert [
        (words, verdict.outcome, verdict.cause)
        for verdict, outcome, cause, words in verdicts
        if (verdict.outcome, verdict.cause, verdict.blame) != (outcome, cause, CAUSES[cause].blame)
    ] == []


@pytest.mark.parametrize(("phase", "kind", "detail", "outcome", "cause"), KIND_CASES)
def test_what_happens_instead_of_an_answer(phase: Phase, kind: str, detail: str, outcome: Outcome, cause: str) -> None:
    verdict = classify(DeliveryError(phase, kind, detail=detail))

    assert (verdict.outcome, verdict.cause) == (outcome, cause)


@pytest.mark.parametrize("phase", PHASES[2:])
@pytest.mark.parametrize("words", ["450 no", "550 no", "421 no", "454 4.7.0 no", "550 5.0.0 no"])
def test_design_6_for_replies_that_say_nothing_more(phase: Phase, words: str) -> None:
    outcome = classify(error_of(phase, words)).outcome

    if words.startswith("421"):
        assert outcome is NEXT
    elif words.startswith("4"):
        assert outcome is AGAIN
    elif phase in ("starttls", "auth"):
        assert outcome is BLOCKED
    elif phase in ("mail", "rcpt", "data", "final"):
        assert outcome is FAILED
    else:
        assert outcome is NEXT


def test_a_refused_sender_is_blamed_on_the_sender() -> None:
    assert classify(error_of("mail", "550 5.1.0 Address rejected")).blame == "sender"
    assert classify(error_of("final", "550 5.7.60 not permitted to send as this sender")).blame == "sender"


@pytest.mark.parametrize(
    ("phase", "words", "seconds"),
    [
        ("final", "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail. gsmtp", 300),
        ("final", "550 5.4.5 Daily user sending limit exceeded. gsmtp", 3600),
        ("auth", "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending", 60),
        ("rcpt", "452 4.5.3 Too many recipients", 60),
        ("auth", "454 4.7.0 Too many login attempts, please try again later. gsmtp", 900),
        ("final", "451 4.7.0 Message deferred: rate limit exceeded, try again in 10 minutes", 600),
        ("rcpt", "450 4.2.1 The user you are trying to contact is receiving mail too quickly. gsmtp", None),
        ("rcpt", "450 4.2.0 Greylisted, try again in 300 seconds", None),
        ("mail", "421 4.3.2 Service shutting down", None),
    ],
)
def test_a_server_that_gets_too_much_is_slowed_down(phase: Phase, words: str, seconds: float | None) -> None:
    assert classify(error_of(phase, words)).slow_down == seconds


def test_only_what_happens_before_mail_speaks_about_the_server() -> None:
    for phase in PHASES:
        for words in ("451 4.3.0 later", "421 bye"):
            assert classify(error_of(phase, words)).before_mail is (phase in BEFORE_MAIL)
    assert not classify(DeliveryError("mail", "too_large")).before_mail


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Greylisted, try again in 5 minutes", 300),
        ("Greylisted for 300 seconds", 300),
        ("Please retry after 90s", 90),
        ("try again in 00:04:30", 270),
        ("Too many messages. Try again in 1 hour.", 3600),
        ("come back in 2 h", 7200),
        ("You are greylisted; wait 1 min", 60),
        ("try again in 3 days", 4 * 3600),
        ("Inténtelo de nuevo en 10 minutos", 600),
        # postgrey, sqlgrey, milter-greylist, Exim, Stalwart, as their replies read
        ("<julia@x.example>: Recipient address rejected: Greylisted, try again in 300 seconds", 300),
        ("Greylisted for 5 minutes (87)", 300),
        ("Greylisting in action, please come back in 01:00:00", 3600),
        ("Greylisting in action, please come back in 00:02:00 [minutes]", 120),
        ("Please retry in 5 minutes", 300),
        ("Greylisted, please try again in 4m30s", 270),
        ("Deferred, try again in 00h04m30s", 270),
        ("try again in 1 hour and 30 minutes", 5400),
        ("You must wait 60 more seconds", 60),
        ("Temporarily deferred, retry in about 15 mins.", 900),
        ("Vuelva a intentarlo en 1 hora y 5 minutos", 3900),
        ("please come back in 05:00:00", 4 * 3600),
        ("Greylisted, see http://postgrey.example/help/x.example.html", None),
        ("Greylisted, please try again in a few moments.", None),
        ("try again after 2026-01-02", None),
        ("try again in 5 million years", None),
        ("retry timeout 10.20.30.40 mx1", None),
        ("try again later", None),
        ("Please try again later from [192.0.2.1]. (S77719)", None),
        ("try again with at most 5 messages", None),
        ("5 minutes", None),
        ("", None),
    ],
)
def test_a_server_may_say_when_to_come_back(words: str, seconds: float | None) -> None:
    assert hinted_wait(words) == seconds
    assert classify(error_of("rcpt", f"451 4.7.1 {words}")).retry_after == seconds
    assert classify(error_of("rcpt", f"550 5.7.1 {words}")).retry_after is None


@pytest.mark.parametrize(
    ("raw", "reply"),
    [
        ("5.1.1 No such user", Reply(550, "5.1.1", "No such user")),
        ("5.1.1 The account\n5.1.1 does not exist", Reply(550, "5.1.1", "The account does not exist")),
        ("5.1.1", Reply(550, "5.1.1", "")),
        ("#5.1.0 Address rejected", Reply(550, "5.1.0", "Address rejected")),
        ("5.7.1: not you", Reply(550, "5.7.1", "not you")),
        ("No 5.1.1 in front", Reply(550, "", "No 5.1.1 in front")),
        ("5.1.1234 is none", Reply(550, "", "5.1.1234 is none")),
        ("a\x00b\x1b[1m\u2028c\udcff", Reply(550, "", "a b [1m c�")),
        ("", Reply(550, "", "")),
    ],
)
def test_a_reply_is_read_from_its_lines(raw: str, reply: Reply) -> None:
    assert Reply.of(550, raw) == reply


@given(st.sampled_from(PHASES), st.integers(-1, 999), st.text(max_size=3000))
def test_no_reply_confuses_it(phase: Phase, code: int, text: str) -> None:
    error = DeliveryError(phase, reply=Reply.of(code, text))

    verdict = classify(error)

    assert verdict.cause in CAUSES
    assert error.reply
    assert len(error.reply.text) <= MAX_TEXT
    assert "\n" not in str(error)


@given(
    st.sampled_from(PHASES),
    st.sampled_from([400, 421, 450, 454, 500, 530, 535, 550, 552, 599]),
    st.from_regex(r"[245]\.\d{1,3}\.\d{1,3} ?[a-zA-Z0-9 :;.,()\[\]-]{0,80}", fullmatch=True),
)
def test_no_enhanced_code_confuses_it(phase: Phase, code: int, text: str) -> None:
    verdict = classify(DeliveryError(phase, reply=Reply.of(code, text)))

    assert verdict.outcome is not UNCERTAIN  # it did answer
    assert verdict.blame == CAUSES[verdict.cause].blame


@given(
    st.sampled_from(("greeting", "ehlo", "starttls", "auth", "mail")),
    st.sampled_from([421, 450, 550, 552, 553, 554]),
    st.from_regex(
        r"[45]\.[0-7]\.(\d{1,2}|[1-9]\d\d) (user unknown|mailbox full|disabled|restricted|no)", fullmatch=True
    ),
)
def test_nobody_is_blamed_before_being_named(phase: Phase, code: int, text: str) -> None:
    verdict = classify(DeliveryError(phase, reply=Reply.of(code, text)))

    assert verdict.blame != "recipient" or verdict.cause == "smtputf8_missing"


@given(st.sampled_from(PHASES), st.text(max_size=30), st.text(max_size=300))
def test_no_other_failure_confuses_it(phase: Phase, kind: str, detail: str) -> None:
    assert classify(DeliveryError(phase, kind, detail=detail)).cause in CAUSES


def test_every_cause_that_is_ever_named_has_words() -> None:
    named = (
        {rule.cause for rule in RULES}
        | {cause for cause, _ in KINDS.values()}
        | {cause for rows in DETAILS.values() for cause, _ in rows}
    )

    assert named <= set(CAUSES)
    assert all(len(cause) <= 40 for cause in CAUSES)


def test_every_cause_says_what_who_and_how() -> None:
    with translation.override("en"):
        told = {code: (describe(code).blame, _texts(code)) for code in ["", "from another time", *CAUSES]}

    assert [code for code, (_blame, texts) in told.items() if not all(texts)] == []
    # For people who sell.
    assert [code for code, (_blame, texts) in told.items() if any("SMTP" in text for text in texts)] == []
    known = {"recipient", "message", "sender", "credentials", "server", "network", "policy"}
    assert {blame for blame, _texts in told.values()} <= known


def test_nobody_is_told_to_wait_for_mail_that_was_given_up_nor_to_send_what_goes_by_itself() -> None:
    with translation.override("en"):
        over = {code: describe(code, is_over=True) for code in ["", *CAUSES]}
        waits = {code: describe(code, is_over=False) for code in CAUSES}
        assert [code for code, cause in over.items() if "by itself." in str(cause.who_acts)] == []
        assert str(over["rate_limited"].action) == "Send it again."
        assert str(over["uncertain"].who_acts) == str(over["recipient_unknown"].who_acts) == "You"
        assert str(waits["uncertain"].who_acts) == "Nobody: it is tried again by itself."
        assert waits["recipient_unknown"] == over["recipient_unknown"] == describe("recipient_unknown")


def _texts(code: str) -> list[str]:
    cause = describe(code)
    return [str(text) for text in (cause.title, cause.explanation, cause.who_acts, cause.action)]


# -- Whose words they are ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "host", "provider"),
    [
        ("Daily user sending limit exceeded. gsmtp", "", "google"),
        ("This message violates example.com email policy. - gcdp", "", "google"),
        ("Recipient not found [DB5EUR03FT012.eop-EUR03.prod.protection.outlook.com]", "", "microsoft"),
        ("Server busy. Please try again later from [192.0.2.1]. (S77719)", "", "microsoft"),
        ("[TSS04] Messages from 192.0.2.1 temporarily deferred", "", "yahoo"),
        ("[CS01] Message rejected due to local policy", "", "apple"),
        ("Throttling failure: Daily message quota exceeded.", "", "ses"),
        ("Too many login attempts", "smtp.gmail.com", "google"),
        ("no", "smtp.office365.com", "microsoft"),
        ("no", "email-smtp.eu-west-1.amazonaws.com", "ses"),
        ("no", "smtp-relay.brevo.com.", "brevo"),
        ("<julia@gmail.com>: Recipient address rejected", "", ""),
        ("no", "notgmail.com.example", ""),
        ("no", "mygmail.com", ""),
        ("", "", ""),
        # What another one said is passed on: its own words count.
        ("host mx.icloud.com said: no", "smtp.gmail.com", "apple"),
    ],
)
def test_a_provider_is_known_by_its_words_else_by_its_host(text: str, host: str, provider: str) -> None:
    assert provider_of(text, host) == provider


@pytest.mark.parametrize(
    ("host", "cause"),
    [("smtp.gmail.com", "dkim_failed"), ("smtp.office365.com", "policy_refused"), ("mx.x.example", "policy_refused")],
)
def test_the_same_code_means_another_thing_elsewhere(host: str, cause: str) -> None:
    error = DeliveryError("final", reply=Reply.of(550, "5.7.30 No"), host=host)

    assert classify(error).cause == cause


# -- Ten thousand servers ----------------------------------------------------------------------------------

VOCABULARY = sorted(
    {word for *_, words in REPLIES for word in words[4:].split()}
    | {
        "gsmtp",
        "outlook.com",
        "yahoo",
        "SMTP",
        "TLS",
        "credits",
        "suppressed",
        "certificate",
        "required",
        "in",
        "5 min",
    }
)


@st.composite
def errors(draw: st.DrawFn) -> DeliveryError:
    """What a server might answer: codes that agree or do not, and the words that real ones use, in any order."""
    code = draw(st.sampled_from([421, 450, 451, 452, 454, 530, 534, 535, 538, 550, 552, 554]) | st.integers(400, 599))
    enhanced = draw(
        st.just("") | st.from_regex(r"[245]\.[0-7]\.(\d{1,2}|[1-9]\d\d) ", fullmatch=True) | st.just("5.7.1 ")
    )
    words = draw(st.lists(st.sampled_from(VOCABULARY) | st.text(max_size=8), max_size=14))
    host = draw(st.sampled_from(["", "smtp.gmail.com", "smtp.office365.com", "mail.miempresa.example"]))
    return DeliveryError(draw(st.sampled_from(PHASES[2:])), reply=Reply.of(code, enhanced + " ".join(words)), host=host)


@given(errors())
def test_whatever_a_server_says_design_6_holds_and_people_are_told(error: DeliveryError) -> None:
    verdict = classify(error)

    assert verdict.outcome in _outcomes(error, verdict.cause)
    cause = describe(verdict.cause)
    assert (cause.code, cause.blame) == (verdict.cause, verdict.blame)
    assert cause.remedy in REMEDIES
    assert verdict.slow_down is None or 0 <= verdict.slow_down <= MAX_HINT
    assert verdict.retry_after is None or (0 <= verdict.retry_after <= MAX_HINT and verdict.outcome in {AGAIN, NEXT})
    for language in ("en", "es"):
        with translation.override(language):
            assert all(str(text) for text in (cause.title, cause.explanation, cause.who_acts, cause.action))


def _outcomes(error: DeliveryError, cause: str) -> set[Outcome]:
    """What design §6 allows. A provider's own limit is none of the mail's faults, whatever its code says."""
    reply = error.reply
    assert reply is not None
    if reply.code == 421:
        return {NEXT}
    if not is_permanent(reply):
        return {AGAIN}
    waits = {AGAIN} if cause in TOO_MUCH else set()
    # Who must log in or encrypt first is told so at any step (530, 5.7.10): the server waits, not the mail's fault.
    stops = {BLOCKED} if describe(cause).blame in {"credentials", "server"} else set()
    if error.phase in ("greeting", "ehlo"):
        return {NEXT} | waits | stops
    return {BLOCKED} | waits if error.phase in BEFORE_MAIL else {FAILED} | waits | stops


def test_every_row_of_the_catalogue_names_its_source_and_can_be_reached() -> None:
    assert len(RULES) >= 70
    assert all(rule.source for rule in RULES)
    # A row that asks for no more than an earlier one would never be asked.
    for position, rule in enumerate(RULES):
        assert not any(_covers(earlier, rule) for earlier in RULES[:position]), rule


def _covers(general: Rule, special: Rule) -> bool:
    return (
        (general.words is None or general.words == special.words)
        and all(
            not getattr(general, name) or (getattr(special, name) and getattr(special, name) <= getattr(general, name))
            for name in ("enhanced", "codes", "phases", "providers")
        )
        and general.permanent in (None, special.permanent)
    )


def test_every_cause_is_told_in_spanish_too() -> None:
    with translation.override("en"):
        english = {code: _texts(code) for code in CAUSES}
    with translation.override("es"):
        spanish = {code: _texts(code) for code in CAUSES}

    assert [
        (code, here)
        for code, texts in english.items()
        for here, there in zip(texts, spanish[code], strict=True)
        if here == there
    ] == []
