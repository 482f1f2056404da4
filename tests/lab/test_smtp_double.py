"""The SMTP double does what it is told, and notices what a client may not do."""

import smtplib
import socket
import ssl
from collections.abc import Callable

import pytest

from tests.lab.ca import Authority
from tests.smtp_double import SmtpDouble

MESSAGE = b"Subject: Hello\r\n\r\n.one dot\r\n..two dots\r\n"


def send(double: SmtpDouble, *recipients: str) -> None:
    with smtplib.SMTP(double.host, double.port, timeout=5) as client:
        client.sendmail("alice@lab.test", recipients or ["bob@lab.test"], MESSAGE)


def raw(double: SmtpDouble, data: bytes) -> bytes:
    """Everything the double says to these bytes, until it closes."""
    with socket.create_connection((double.host, double.port), timeout=5) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_a_mail_is_kept_as_it_was_sent(smtp_double: SmtpDouble) -> None:
    send(smtp_double, "bob@lab.test", "carol@lab.test")

    (mail,) = smtp_double.wait_for(1)
    assert (mail.sender, mail.recipients) == ("alice@lab.test", ("bob@lab.test", "carol@lab.test"))
    assert mail.data == MESSAGE
    assert mail.message["Subject"] == "Hello"
    assert smtp_double.mails_per_connection == {1: 1}
    assert smtp_double.mails_to("Carol@lab.test") == [mail]


def test_an_answer_may_be_for_one_recipient_and_for_one_time(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("RCPT", "550 5.1.1 No such user", address="nobody@lab.test")
    smtp_double.answer("RCPT", "451 4.7.1 Greylisted", address="bob@lab.test", times=1)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(smtp_double, "nobody@lab.test", "bob@lab.test")
    send(smtp_double, "bob@lab.test")

    assert refused.value.recipients == {
        "nobody@lab.test": (550, b"5.1.1 No such user"),
        "bob@lab.test": (451, b"4.7.1 Greylisted"),
    }
    assert len(smtp_double.wait_for(1)) == 1


@pytest.mark.parametrize("point", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "FINAL"])
def test_it_closes_the_connection_at_any_point(smtp_double: SmtpDouble, point: str) -> None:
    smtp_double.close(point, times=1)

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(smtp_double)

    # The one answer that was lost is that of a mail already accepted.
    assert len(smtp_double.mails) == (1 if point == "FINAL" else 0)
    send(smtp_double)


def test_it_closes_after_an_answer_and_after_421(smtp_double: SmtpDouble) -> None:
    smtp_double.close("MAIL", after=True, times=1)
    assert raw(smtp_double, b"EHLO me\r\nMAIL FROM:<a@lab.test>\r\n").endswith(b"250 2.1.0 Ok\r\n")

    smtp_double.answer("RCPT", "421 4.3.2 Shutting down", times=1)
    session = b"EHLO me\r\nMAIL FROM:<a@lab.test>\r\nRCPT TO:<b@lab.test>\r\n"
    assert raw(smtp_double, session).endswith(b"421 4.3.2 Shutting down\r\n")


def test_answers_may_come_late_byte_by_byte_and_in_several_lines(smtp_doubles: Callable[..., SmtpDouble]) -> None:
    double = smtp_doubles(slowly=True)
    double.delay("MAIL", 0.05)
    double.answer("CONNECT", "220 Welcome\n220 to the slow server")

    send(double)

    assert double.wait_for(1)


def test_a_hanging_point_never_answers(smtp_double: SmtpDouble) -> None:
    smtp_double.hang("DATA")
    client = smtplib.SMTP(smtp_double.host, smtp_double.port, timeout=0.2)
    with client, pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        client.sendmail("a@lab.test", ["b@lab.test"], MESSAGE)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_speaks_tls_and_checks_passwords(
    smtp_doubles: Callable[..., SmtpDouble], authority: Authority, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.server.server_context(), users={"alice": "secret"})
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    client: smtplib.SMTP
    if security == "tls":
        client = smtplib.SMTP_SSL(double.host, double.port, timeout=5, context=trust)
    else:
        client = smtplib.SMTP(double.host, double.port, timeout=5)
        client.starttls(context=trust)
    with client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("alice", "wrong")
        client.login("alice", "secret")
        client.sendmail("a@lab.test", ["b@lab.test"], MESSAGE)

    (mail,) = double.wait_for(1)
    assert (mail.user, mail.tls) == ("alice", "TLSv1.3")
    assert double.log_ins == 3  # smtplib tried PLAIN and LOGIN with the wrong one


def test_it_comes_back_on_the_same_port(smtp_double: SmtpDouble) -> None:
    port = smtp_double.port
    smtp_double.stop()
    with pytest.raises(ConnectionRefusedError):
        send(smtp_double)

    smtp_double.start()

    assert smtp_double.port == port
    send(smtp_double)


def test_a_client_that_breaks_the_rules_is_noticed() -> None:
    with SmtpDouble(extensions=(), size=None) as double:
        hello = b"EHLO me\r\nMAIL FROM:<a@lab.test> SIZE=9 BODY=8BITMIME\r\nRCPT TO:<b@lab.test>\r\nDATA\r\n"
        raw(double, hello + "Subject: é\nbare\r\n".encode() + b"x" * 999 + b"\r\n.\r\nQUIT\r\n")

    assert set(double.violations) == {
        "the client did not wait for an answer, and PIPELINING is not offered",
        "MAIL SIZE=9 without SIZE being offered",
        "MAIL BODY=8BITMIME without 8BITMIME being offered",
        "a line of a message ends in a bare LF",
        "a line of a message is longer than 998 bytes (RFC 5322 §2.1.1)",
    }
