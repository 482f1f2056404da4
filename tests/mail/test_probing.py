"""Testing a server: step by step, with its own words and what to do, and never sending anything."""

import io
import json
import socket
from threading import Event
from time import perf_counter
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from mail import connection, probing
from mail.models import Server
from mail.probing import ProbeReport, probe_now
from tests.lab.ca import Authority
from tests.mail.smtp_client import SECRET, Doubles, endpoint
from tests.smtp_double import SmtpDouble

USERS = {"users": {"ana": SECRET}}


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


def phases(report: ProbeReport) -> list[str]:
    return [step.phase for step in report.steps]


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
    monkeypatch.setattr(probing, "STEP_SECONDS", 0.2)
    monkeypatch.setattr(connection, "QUIT_SECONDS", 0.2)
    double = smtp_doubles(users={"ana": SECRET})
    where = endpoint(double, username="ana", password=SECRET)

    double.close(point)
    closed = probe_now(where)
    double.behave()
    double.answer(point, "554 5.7.1 Not you")
    refused = probe_now(where)
    double.behave()
    double.hang(point)
    silent = probe_now(where)

    for report, words in ((closed, "closed the connection"), (refused, "554 5.7.1 Not you"), (silent, "No answer")):
        assert report.ok is (point == "QUIT")  # how it says goodbye does not matter
        assert report.ok or words in report.steps[-1].detail


def test_all_of_it_takes_a_bounded_time(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "ALL_SECONDS", 0.3)
    smtp_double.hang("EHLO")
    started = perf_counter()

    report = probe_now(endpoint(smtp_double))

    assert perf_counter() - started < 3
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
    assert perf_counter() - started < 3
    assert report.sentence == "Find the server: Server name not found."


def test_a_sender_can_be_tried(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("MAIL", "553 5.7.1 Sender address rejected: not owned by user", address="otra@x.example")

    good = probe_now(endpoint(smtp_double), "ana@x.example")
    bad = probe_now(endpoint(smtp_double), "otra@x.example")
    unsafe = probe_now(endpoint(smtp_double), "ana@x.example>\r\nDATA")

    assert good.ok
    assert smtp_double.commands[2:4] == ["RSET", "QUIT"]
    assert bad.sentence == "Sender: Not allowed to send as this address."
    assert unsafe.sentence == "Sender: Sender address not valid."
    assert not smtp_double.mails


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
