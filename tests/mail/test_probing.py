"""Testing a server: step by step, with its own words and what to do, and nothing sent unless asked."""

import email
import email.policy
import io
import json
import socket
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from daeris.models import User
from mail import probe_looks, probing, session
from mail.exceptions import DeliveryError
from mail.models import Contact, Domain, IdentityRule, Server
from mail.probe_senders import senders_of
from mail.probing import ProbeReport, ProbeStep, Sender, Trial, take_steps
from tests.lab.ca import Authority
from tests.mail.smtp_client import SECRET, Doubles, endpoint
from tests.smtp_double import SmtpDouble

USERS = {"users": {"ana": SECRET}}
ANA, BEA, CLARA = (f"{name}@miempresa.example" for name in ("ana", "bea", "clara"))


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


def phases(report: ProbeReport) -> list[str]:
    return [step.phase for step in report.steps]


def probe_now(where: probing.Endpoint, *senders: str, **options: Any) -> ProbeReport:
    return probing.probe_now(Trial(where, tuple(map(Sender, senders)), **options))


def step(report: ProbeReport, phase: str) -> ProbeStep:
    (found,) = [step for step in report.steps if step.phase == phase]
    return found


def test_a_good_server_goes_through_every_step(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(security="starttls", tls=authority.server.server_context(), users={"ana": SECRET})

    report = probe_now(endpoint(double, username="ana", password=SECRET, ca_certificate=authority.pem))

    assert report.ok
    assert report.sentence == "Connection to outgoing mail server successful"
    assert phases(report) == ["resolve", "connect", "greeting", "ehlo", "starttls", "ehlo", "auth"]
    details = {step.phase: step.detail for step in report.steps}
    assert details["resolve"] == "127.0.0.1"
    assert details["connect"] == f"127.0.0.1:{double.port}"
    assert details["greeting"] == "220 double.lab.test ESMTP"
    assert details["starttls"].startswith("TLSv1.3, certificate of localhost, mx.lab.test, valid for 29 more days")
    assert "8BITMIME" in details["ehlo"]
    assert "AUTH PLAIN LOGIN" in details["ehlo"]
    assert details["auth"] == "Logged in as ana"
    assert all(step.ok and step.seconds >= 0 and not step.fix for step in report.steps)
    assert double.commands[-1] == "QUIT"
    assert not double.mails


def test_it_says_so_in_spanish_word_for_word(smtp_double: SmtpDouble) -> None:
    with translation.override("es"):
        sentence = probe_now(endpoint(smtp_double)).sentence

    assert sentence == "Conexión a servidor de correo saliente satisfactoria"


def test_implicit_tls(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(security="tls", tls=authority.untrusted.server_context())

    refused = probe_now(endpoint(double))
    taken = probe_now(endpoint(double, verify_certificate=False))

    assert phases(refused) == ["resolve", "connect", "starttls"]
    assert refused.sentence == "Encryption: Certificate not trusted."
    assert "private CA" in refused.steps[-1].fix
    assert taken.ok
    assert taken.steps[2].detail.endswith("not checked")


@pytest.mark.parametrize(
    ("options", "changes", "phase", "sentence"),
    [
        ({}, {"host": "no.such.host.invalid"}, "resolve", "Find the server: Server name not found."),
        ({}, {"security": "starttls"}, "starttls", "Encryption: Server offers no encryption."),
        ({}, {"username": "ana"}, "auth", "Log in: Server offers no log-in."),
        (USERS, {"username": "ana", "password": "otra"}, "auth", "Log in: User name or password rejected."),
        (USERS, {"username": "ana", "password": None}, "auth", "Log in: Stored password not readable."),
    ],
)
def test_the_step_that_failed_is_the_last(
    smtp_doubles: Doubles, options: dict[str, Any], changes: dict[str, Any], phase: str, sentence: str
) -> None:
    double = smtp_doubles(**options)

    report = probe_now(endpoint(double, **changes))

    *before, last = report.steps
    assert not report.ok
    assert all(step.ok for step in before)
    assert (last.ok, last.phase) == (False, phase)
    assert last.detail
    assert last.fix
    assert report.sentence == sentence
    assert double.log_ins <= 1


@pytest.mark.parametrize("point", ["CONNECT", "EHLO", "AUTH", "QUIT"])
def test_a_server_that_hangs_up_or_refuses_or_says_nothing(
    smtp_doubles: Doubles, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = smtp_doubles(users={"ana": SECRET})
    where = endpoint(double, username="ana", password=SECRET)

    double.close(point)
    closed = probe_now(where)
    double.behave()
    double.answer(point, "554 5.7.1 Not you")
    refused = probe_now(where)
    double.behave()
    double.hang(point)
    monkeypatch.setattr(probing, "STEP_SECONDS", 0.6)
    monkeypatch.setattr(session, "QUIT_SECONDS", 0.2)
    silent = probe_now(where)

    quiet = "said nothing" if point == "CONNECT" else "did not answer in time"
    for report, words in ((closed, "closed the connection"), (refused, "554 5.7.1 Not you"), (silent, quiet)):
        assert report.ok is (point == "QUIT")  # how it says goodbye does not matter
        assert report.ok or words in report.steps[-1].detail


def test_all_of_it_takes_a_bounded_time(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "ALL_SECONDS", 0.8)
    smtp_double.hang("EHLO")
    started = perf_counter()

    report = probe_now(endpoint(smtp_double))

    # A step alone may take ten.
    assert perf_counter() - started < 8
    assert phases(report) == ["resolve", "connect", "greeting", "ehlo"]
    assert report.sentence == "Capabilities: Server too slow."


def test_name_servers_that_never_answer_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()

    def silence(host: str, *args: Any, flags: int = 0, **kwargs: Any) -> list[Any]:
        if not flags:
            answered.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", silence)
    monkeypatch.setattr(probing, "STEP_SECONDS", 0.2)
    started = perf_counter()

    report = probe_now(probing.Endpoint("mail.example", 25))

    answered.set()
    assert perf_counter() - started < 15
    assert report.sentence == "Find the server: Server name not found."


def test_each_sender_has_a_line_of_its_own(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("MAIL", "553 5.7.1 Sender address rejected: not owned by user", address=BEA)

    report = probe_now(endpoint(smtp_double), ANA, BEA, CLARA, "ana@x.example>\r\nDATA")

    assert [(line.address, line.ok) for line in report.steps[4:]] == [
        (ANA, True),
        (BEA, False),
        (CLARA, True),
        ("ana@x.example>\r\nDATA", False),
    ]
    assert report.steps[5].detail == "553 5.7.1 Sender address rejected: not owned by user"
    assert report.steps[5].fix
    assert report.sentence == "Sender: Not allowed to send as this address (2 of 4)."
    assert (report.ok, report.connects) == (False, True)
    assert report.narrow_filter == f"{ANA}, {CLARA}"
    assert smtp_double.commands[-1] == "QUIT"
    assert "DATA" not in smtp_double.commands
    assert not smtp_double.mails


def test_a_sender_that_is_only_looked_at_with_a_recipient(smtp_double: SmtpDouble) -> None:
    # Postfix waits with its answer about the sender until it knows the recipient.
    smtp_double.answer("RCPT", "553 5.7.1 <bea>: Sender address rejected: not owned by user ana", address=BEA)
    smtp_double.answer("RCPT", "550 5.1.1 No such user", address=CLARA)

    report = probe_now(endpoint(smtp_double), ANA, BEA, CLARA)

    assert report.refused == [BEA]


def test_a_server_that_hangs_up_on_a_sender_is_asked_about_the_next(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("MAIL", "421 4.7.0 Not you", address=ANA)
    smtp_double.close("MAIL", address=BEA)

    report = probe_now(endpoint(smtp_double), ANA, BEA, CLARA)

    assert report.refused == [ANA, BEA]
    assert smtp_double.connections == 3


def test_a_server_that_refuses_one_after_the_other_is_not_asked_about_all(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("MAIL", "553 5.7.1 Not you")
    senders = [f"u{number}@miempresa.example" for number in range(14)]

    report = probe_now(endpoint(smtp_double), *senders)

    assert report.refused == senders[:10]
    assert report.steps[-1].detail == "4 more senders were not tried"


def test_not_every_sender_is_tried(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    smtp_double.hang("MAIL", times=1)

    with monkeypatch.context() as patch:
        patch.setattr(probing, "SENDERS_SECONDS", 0.5)
        few = probe_now(endpoint(smtp_double), ANA, BEA, untried=4)
    smtp_double.behave()
    more = probe_now(endpoint(smtp_double), ANA, untried=1)

    assert few.steps[-1].detail == "5 more senders were not tried"
    assert more.steps[-1].detail == "1 more sender was not tried"
    assert more.ok


def test_the_recipient_is_asked_for_and_nothing_is_sent(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("RCPT", "550 5.1.1 No such user", address="nadie@x.example")
    smtp_double.answer("RCPT", "554 5.7.1 <x>: Relay access denied", address="fuera@x.example")

    good = probe_now(endpoint(smtp_double), ANA, recipient=BEA)
    unknown = probe_now(endpoint(smtp_double), ANA, recipient="nadie@x.example", sends=True)
    relayed = probe_now(endpoint(smtp_double), ANA, recipient="fuera@x.example")

    assert good.ok
    assert step(good, "rcpt").address == BEA
    assert (unknown.sentence, unknown.refused) == ("Recipient: Address does not exist.", [])
    assert "those who log in" in step(relayed, "rcpt").fix
    assert not smtp_double.mails


def test_a_real_mail_can_be_sent(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ana": SECRET})
    where = endpoint(double, username="ana", password=SECRET, extra_headers=(("X-Origen", "prueba"),))

    with translation.override("es"):
        report = probe_now(where, ANA, recipient=BEA, sends=True)

    (received,) = double.mails
    message = email.message_from_bytes(received.data, policy=email.policy.default)
    assert report.ok
    assert report.was_sent
    assert (received.sender, received.recipients) == (ANA, (BEA,))
    assert message["Message-ID"] == step(report, "data").message_id
    assert message["Subject"] == "Prueba del servidor de correo saliente"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Origen"] == "prueba"
    assert double.connections == 1


def test_what_is_under_way_is_told_before_it_is_done(smtp_double: SmtpDouble) -> None:
    told = [(one.phase, one.ok) for one in take_steps(Trial(endpoint(smtp_double), (Sender(ANA),)))]

    assert told == [(phase, ok) for phase in ("resolve", "connect", "greeting", "ehlo", "mail") for ok in (None, True)]


def test_the_text_to_take_along_holds_no_secret(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ana": SECRET})
    double.answer("MAIL", f"550 5.7.1 You said {SECRET}")

    text = probe_now(endpoint(double, username="ana", password=SECRET), ANA).text

    assert SECRET not in text
    assert "5. ✓ Log in (" in text
    assert "6. ✗ Sender ana@miempresa.example (" in text
    assert "550 5.7.1 You said ***" in text


# -- Each failure and its fix ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "answer", "words", "url"),
    [
        ("smtp.office365.com", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
         "Tenant.", "whole organization", "learn.microsoft.com"),
        ("smtp.office365.com", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
         "Mailbox.", "Authenticated SMTP", "learn.microsoft.com"),
        ("smtp.office365.com", "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be "
         "authenticated successfully.", "conditional access", "learn.microsoft.com"),
        ("smtp.office365.com", "550 5.7.30 Basic authentication is not supported for Client Submission.",
         "Microsoft (OAuth)", "learn.microsoft.com"),
        ("smtp-mail.outlook.com", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
         "Microsoft (OAuth)", "support.microsoft.com"),
        ("smtp.gmail.com", "534 5.7.9 Application-specific password required. gsmtp", "application password",
         "myaccount.google.com/apppasswords"),
        ("smtp.gmail.com", "535 5.7.8 Username and Password not accepted. gsmtp", "application password",
         "myaccount.google.com/apppasswords"),
        ("smtp.gmail.com", "534 5.7.14 Please log in via your web browser and then try again. gsmtp",
         "recent activity", "myaccount.google.com/notifications"),
        ("smtp.sendgrid.net", "535 Authentication failed: The provided authorization grant is invalid", "apikey",
         "app.sendgrid.com"),
        ("smtp.mail.yahoo.com", "535 5.7.0 (#AUTH005) Too many bad auth attempts.", "", ""),
        ("mail.miempresa.example", "535 5.7.8 Error: authentication failed", "application password", ""),
    ],
)  # fmt: skip
def test_a_refused_log_in_says_where_to_mend_it(
    smtp_doubles: Doubles, monkeypatch: pytest.MonkeyPatch, host: str, answer: str, words: str, url: str
) -> None:
    double = smtp_doubles(users={"ana@outlook.com": SECRET})
    double.answer("AUTH", answer)
    _lead_to_loopback(monkeypatch, host)
    where = replace(endpoint(double, username="ana@outlook.com", password=SECRET), host=host)

    last = probe_now(where, ANA).steps[-1]

    assert last.phase == "auth"
    assert last.detail == answer
    assert words in last.fix
    assert url in last.url
    assert bool(last.url) == bool(url)


def _lead_to_loopback(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """The name of a provider, where the double is."""
    real = socket.getaddrinfo

    def lead(asked: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if asked == host else asked, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", lead)


def test_a_port_that_speaks_tls_already(
    smtp_doubles: Doubles, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "STEP_SECONDS", 0.8)
    double = smtp_doubles(security="tls", tls=authority.server.server_context())

    for security in ("none", "starttls"):
        report = probe_now(endpoint(double, security=security))
        assert report.steps[-1].phase == "greeting"
        assert (
            report.steps[-1].fix == "This port speaks TLS from the first byte: choose SSL/TLS as connection security."
        )


def test_a_port_that_speaks_no_tls_yet(smtp_doubles: Doubles, authority: Authority) -> None:
    plain = smtp_doubles()
    upgrading = smtp_doubles(security="starttls", tls=authority.server.server_context())

    assert "offers no encryption at all" in probe_now(endpoint(plain, security="tls")).steps[-1].fix
    assert "choose TLS (STARTTLS)" in probe_now(endpoint(upgrading, security="tls")).steps[-1].fix
    for double in (plain, upgrading):
        double.stop()
        double.violations.clear()  # TLS is not what they had expected


def test_starttls_that_is_not_there_or_was_taken_away(smtp_doubles: Doubles) -> None:
    assert "antivirus" in probe_now(endpoint(smtp_doubles(), security="starttls")).steps[-1].fix
    cisco = smtp_doubles(extensions=("XXXXXXXA", "8BITMIME"))
    assert "overwrites STARTTLS" in probe_now(endpoint(cisco, security="starttls")).steps[-1].fix


def test_a_log_in_that_is_only_offered_under_encryption(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(security="starttls", tls=authority.server.server_context())

    last = probe_now(endpoint(double, username="ana", password=SECRET, security="none")).steps[-1]

    assert (last.cause, last.fix) == (
        "auth_unavailable",
        "The server offers the log-in under encryption only: choose TLS (STARTTLS).",
    )


@pytest.mark.parametrize(
    ("certificate", "cause", "words"),
    [
        ("wrong_host", "certificate_name", "The certificate is for mail.elsewhere.test: enter that name"),
        ("expired", "certificate_expired", "expired 10 days ago"),
        ("untrusted", "certificate_untrusted", "certificate of localhost, mx.lab.test"),
    ],
)
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_that_does_not_do(
    smtp_doubles: Doubles, authority: Authority, certificate: str, cause: str, words: str, security: str
) -> None:
    double = smtp_doubles(
        security=security, tls=getattr(authority, certificate).server_context(), users={"ana": SECRET}
    )

    report = probe_now(
        endpoint(double, username="ana", password=SECRET, ca_certificate=authority.pem, security=security)
    )

    assert report.steps[-1].cause == cause
    assert words in report.steps[-1].fix
    assert double.log_ins == 0  # the second look trusts nobody, and says nothing


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": "no.such.host.test"}, "El nombre del servidor de correo saliente no existe"),
        ({"security": "starttls"}, "El servidor no ofrece STARTTLS"),
        ({"username": "ana", "password": None}, "La contraseña guardada no se puede descifrar"),
    ],
)
def test_what_no_server_said_is_said_in_the_language_of_whoever_asks(
    smtp_doubles: Doubles, changes: dict[str, Any], words: str
) -> None:
    with translation.override("es"):
        last = probe_now(endpoint(smtp_doubles(**USERS), **changes)).steps[-1]
    assert last.ok is False
    assert words in last.detail
    assert "The server" not in last.detail
    assert "No key" not in last.detail


def test_the_words_of_the_system_stand_behind_ours(smtp_double: SmtpDouble) -> None:
    smtp_double.stop()
    last = probe_now(endpoint(smtp_double)).steps[-1]
    assert last.detail.startswith("The machine is there, but no mail server listens on this port. (Connect call failed")


@pytest.mark.parametrize(
    ("preset", "reply", "words"),
    [
        ("microsoft365", "550 5.7.30 Basic authentication is not supported for Client Submission.", "choose Microsoft"),
        ("gmail", "535 5.7.8 Not accepted", "2-Step Verification"),
        ("other", "535 5.7.8 Not accepted", "Enter user name and password again"),
    ],
)
def test_who_was_chosen_decides_the_advice_where_the_host_does_not(
    smtp_doubles: Doubles, preset: str, reply: str, words: str
) -> None:
    double = smtp_doubles(**USERS)
    double.answer("AUTH", reply)
    last = probe_now(endpoint(double, username="ana", password=SECRET), preset=preset).steps[-1]
    assert words in last.fix


def test_a_private_ca_that_has_expired(smtp_doubles: Doubles, tmp_path: Path) -> None:
    authority = Authority(tmp_path, days=(-20, -10))
    double = smtp_doubles(security="tls", tls=authority.server.server_context())

    last = probe_now(endpoint(double, ca_certificate=authority.pem)).steps[-1]

    # The server's own certificate is good: whoever runs it has nothing to renew.
    assert (last.cause, last.fix) == ("certificate_expired", "The private CA has expired: upload the new one.")


def test_a_second_look_takes_a_bounded_time(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "STEP_SECONDS", 0.2)
    monkeypatch.setattr(probe_looks, "LOOK_SECONDS", 0.2)
    smtp_double.hang("CONNECT")
    started = perf_counter()

    report = probe_now(endpoint(smtp_double))

    assert perf_counter() - started < 8
    assert report.steps[-1].fix == "If the port is 465, choose SSL/TLS as connection security."


class Tokens:
    """An account that is connected, until its permission is taken back."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    async def get(self, *, but: str = "") -> str:
        if not self.token:
            raise DeliveryError("auth", "grant_lost", detail="OAuth: invalid_grant")
        return self.token


def test_an_account_that_is_connected_by_oauth(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(
        security="tls", tls=authority.server.server_context(), accepts_token=lambda user, token: token == "a-good-token"
    )
    where = endpoint(double, username=ANA, ca_certificate=authority.pem)

    good = probe_now(replace(where, tokens=Tokens("a-good-token")), ANA)
    bad = probe_now(replace(where, tokens=Tokens("a-bad-token")), ANA)
    lost = probe_now(replace(where, tokens=Tokens()), ANA)

    assert good.ok
    assert good.account == ANA
    assert (bad.steps[-1].cause, lost.steps[-1].cause) == ("token_refused", "reconnect_needed")
    assert "Connect the account" in lost.steps[-1].fix
    assert "token" not in (good.text + bad.text).replace("a token", "")


def test_a_provider_that_looks_at_the_sender_later(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ventas@outlook.com": SECRET})
    where = endpoint(double, username="ventas@outlook.com", password=SECRET)

    report = probe_now(where, "ventas@outlook.com", ANA, preset="outlook")

    own, other = (line for line in report.steps if line.phase == "mail")
    assert (own.tone, other.tone) == ("success", "warning")
    assert "all but ventas@outlook.com" in other.fix
    assert report.ok


# -- Which senders -----------------------------------------------------------------------------------


@pytest.fixture
def company(db: None) -> Domain:
    for name in ("ana", "bea"):
        user = User.objects.create_user(name, f"{name}@miempresa.example", "una-clave-larga")
        Contact.objects.filter(user=user).update(name=name.title(), email=f"{name}@miempresa.example")
    Contact.objects.create(name="Nadie nuestro", email="cliente@miempresa.example")
    return Domain.objects.create(
        name="miempresa.example", default_from="notificaciones", bounce="rebotes", is_default=True
    )


def tried(**server: Any) -> list[str]:
    return [sender.address for sender in senders_of(Server(**server))[0]]


def test_the_senders_are_those_we_write_under(company: Domain) -> None:
    IdentityRule.objects.create(default_from="facturas")
    notes, invoices, bounces = (f"{part}@miempresa.example" for part in ("notificaciones", "facturas", "rebotes"))

    assert tried() == [notes, invoices, bounces, ANA, BEA]
    assert tried(from_filter="miempresa.example") == [notes, invoices, bounces, ANA, BEA]
    assert tried(from_filter="ANA@miempresa.example, otra@x.example") == [ANA, "otra@x.example"]
    assert tried(from_filter="x.example") == []
    assert tried(from_filter="x.example", username="yo@x.example") == ["yo@x.example"]
    assert tried(from_filter="a b c") == []


def test_fifty_senders_are_enough(company: Domain) -> None:
    listed = ", ".join(f"buzon{number:02}@x.example" for number in range(54))

    senders, more = senders_of(Server(from_filter=listed))

    assert (len(senders), more) == (50, 4)


# -- mail_test ---------------------------------------------------------------------------------------


def mail_test(*args: str) -> tuple[str, int]:
    """What the command printed, and its exit status."""
    out = io.StringIO()
    try:
        call_command("mail_test", *args, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


@pytest.fixture
def row(db: None, smtp_doubles: Doubles) -> Server:
    double = smtp_doubles(users={"ana": SECRET})
    server = Server(name="Corporativo", host=double.host, port=double.port, authentication="password", username="ana")
    server.set_password(SECRET)
    server.save()
    return server


def test_the_command_prints_the_steps_and_lets_waiting_mail_go(row: Server) -> None:
    row.block(cause="credentials_wrong", reply="535 5.7.8 No")

    printed, status = mail_test("Corporativo")

    row.refresh_from_db()
    assert status == 0
    assert "1. ✓ Find the server" in printed
    assert printed.splitlines()[-1] == "Connection to outgoing mail server successful"
    assert row.blocked_cause == ""


def test_the_command_prints_json_and_nothing_else(row: Server) -> None:
    printed, status = mail_test("Corporativo", "--json", "--sender", "ana@miempresa.example")

    report = json.loads(printed)
    assert status == 0
    assert (report["ok"], report["server"]) == (True, "Corporativo")
    assert [step["phase"] for step in report["steps"]] == [
        "resolve",
        "connect",
        "greeting",
        "ehlo",
        "auth",
        "mail",
    ]


def test_the_command_tries_our_senders_and_a_recipient_and_may_send(row: Server, company: Domain) -> None:
    asked, status = mail_test("Corporativo", "--json", "--to", "Julia <julia@levante.example>")
    sent, _ = mail_test("Corporativo", "--json", "--to", "julia@levante.example", "--send")

    steps = json.loads(asked)["steps"]
    assert status == 0
    assert next(step["address"] for step in steps if step["phase"] == "mail") == "notificaciones@miempresa.example"
    assert (steps[-1]["phase"], steps[-1]["address"]) == ("rcpt", "julia@levante.example")
    assert json.loads(sent)["steps"][-1]["message_id"].endswith("@miempresa.example>")


@pytest.mark.parametrize("options", [("--send",), ("--to", "nadie")])
def test_the_command_refuses_what_makes_no_sense(row: Server, options: tuple[str, ...]) -> None:
    printed, status = mail_test("Corporativo", "--json", *options)

    assert (status, json.loads(printed)["ok"]) == (1, False)


def test_the_command_fails_when_the_server_does(row: Server) -> None:
    row.block(cause="credentials_wrong", reply="535 5.7.8 No")
    row.set_password("otra")
    row.save()

    printed, status = mail_test("Corporativo", "--json")

    report = json.loads(printed)
    row.refresh_from_db()
    assert status == 1
    assert (report["ok"], report["steps"][-1]["cause"]) == (False, "credentials_wrong")
    assert "otra" not in printed
    assert row.blocked_cause == "credentials_wrong"


def test_a_server_that_is_not_there(db: None) -> None:
    printed, status = mail_test("Otro", "--json")

    assert (status, json.loads(printed)["ok"]) == (1, False)
    with pytest.raises(CommandError, match="no outgoing server named 'Otro'"):
        mail_test("Otro")
