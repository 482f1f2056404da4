"""Mails over a connection: they arrive as written, or it is known where they ended."""

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest

from mail import session
from mail.smtp import Accepted, DeliveryError, Endpoint, Envelope, Reply
from mail.wire import dot_stuffed
from tests.mail.smtp_client import HUGE, Doubles, endpoint, failure, mail, pool_of, send
from tests.smtp_double import SmtpDouble

# -- A mail arrives ----------------------------------------------------------------------------------


async def test_a_mail_arrives_as_it_was_written(smtp_double: SmtpDouble) -> None:
    message = b".one dot\r\n..two dots\r\n.\r\nno dot\r\n"

    accepted = await send(endpoint(smtp_double), mail(message=message))

    assert accepted == Accepted(Reply(250, "2.0.0", "Ok: queued as 00000001"), tls="")
    (received,) = smtp_double.mails
    assert received.data == message
    assert (received.sender, received.recipients) == ("ana@miempresa.example", ("julia@levante.example",))
    assert received.mail_options == (f"SIZE={len(message)}",)


async def test_line_ends_are_repaired_so_that_no_second_mail_can_hide(smtp_double: SmtpDouble) -> None:
    await send(endpoint(smtp_double), mail(message=b"a\n.\nMAIL FROM:<x@y.example>\rb\r\r\n.\r"))

    (received,) = smtp_double.mails
    assert received.data == b"a\r\n.\r\nMAIL FROM:<x@y.example>\r\nb\r\n\r\n.\r\n"


@pytest.mark.parametrize(
    ("message", "sent"),
    [(b"", b"\r\n"), (b"a", b"a\r\n"), (b".", b"..\r\n"), (b"a\r\n..b\r\n", b"a\r\n...b\r\n"), (b"\n.", b"\r\n..\r\n")],
)
def test_dots_are_doubled(message: bytes, sent: bytes) -> None:
    assert dot_stuffed(message) == sent


async def test_a_large_mail_arrives_whole(smtp_double: SmtpDouble) -> None:
    message = (b"." + b"x" * 70 + b"\r\n") * 60_000  # some 4 MB, every line with a dot

    await send(endpoint(smtp_double), mail(message=message))

    assert smtp_double.mails[0].data == message


async def test_answers_may_come_byte_by_byte_and_in_many_lines(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(slowly=True)
    double.answer("CONNECT", "220 double.lab.test\n220 has much\n220 to say")
    double.answer("FINAL", "250-2.0.0 first\n250-2.0.0 second\n250 2.0.0 third".replace("250-", "250 "))

    accepted = await send(endpoint(double))

    assert accepted.reply == Reply(250, "2.0.0", "first second third")


async def test_a_server_without_any_extension_gets_plain_commands(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(extensions=(), size=None)

    await send(endpoint(double))

    assert double.mails[0].mail_options == ()


async def test_8_bit_and_international_mail_says_so(smtp_double: SmtpDouble) -> None:
    await send(endpoint(smtp_double), mail("josé@españa.example", message="Subject: Año\r\n\r\nñ\r\n".encode()))

    (received,) = smtp_double.mails
    assert received.recipients == ("josé@españa.example",)
    assert received.mail_options == (f"SIZE={len(received.data)}", "BODY=8BITMIME", "SMTPUTF8")


@pytest.mark.parametrize(
    ("options", "envelope", "kind"),
    [
        ({"extensions": ()}, mail("josé@levante.example"), "smtputf8_missing"),
        ({"extensions": ()}, mail(smtputf8=True), "smtputf8_missing"),
        ({"size": 100}, mail(message=b"x" * 90 + b"\r\n" + b"y" * 9), "too_large"),
    ],
)
async def test_what_the_server_cannot_take_is_not_begun(
    smtp_doubles: Doubles, options: dict[str, Any], envelope: Envelope, kind: str
) -> None:
    double = smtp_doubles(**options)

    error = await failure(endpoint(double), envelope)

    assert (error.kind, error.phase, error.reply) == (kind, "mail", None)
    assert not [command for command in double.commands if command.startswith("MAIL")]


@pytest.mark.parametrize(
    ("envelope", "phase"),
    [
        (mail("julia@levante.example>\r\nRCPT TO:<eva@mal.example"), "rcpt"),
        (mail("julia@levante.example> NOTIFY=NEVER"), "rcpt"),
        (mail("julia\x00@levante.example"), "rcpt"),
        (mail('"julia\r\n"@levante.example'), "rcpt"),
        (mail("julia ferrer@levante.example"), "rcpt"),
        (mail("julia\ud800@levante.example"), "rcpt"),
        (mail("julia"), "rcpt"),
        (mail(""), "rcpt"),
        (mail(sender="ana@miempresa.example\nDATA"), "mail"),
    ],
)
async def test_an_address_cannot_carry_a_command(smtp_double: SmtpDouble, envelope: Envelope, phase: str) -> None:
    error = await failure(endpoint(smtp_double), envelope)

    assert (error.kind, error.phase) == ("address_invalid", phase)
    assert smtp_double.connections == 0


async def test_quoted_local_parts_and_the_empty_sender_are_addresses(smtp_double: SmtpDouble) -> None:
    await send(endpoint(smtp_double), mail('"julia ferrer"@levante.example', sender=""))

    assert smtp_double.mails[0].sender == ""
    assert smtp_double.mails[0].recipients == ('"julia ferrer"@levante.example',)


# -- Every way to lose it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "phase"),
    [
        ("CONNECT", "greeting"),
        ("EHLO", "ehlo"),
        ("MAIL", "mail"),
        ("RCPT", "rcpt"),
        ("DATA", "data"),
        ("FINAL", "final"),
    ],
)
async def test_a_connection_that_closes_is_told_with_its_phase(smtp_double: SmtpDouble, point: str, phase: str) -> None:
    smtp_double.close(point)

    error = await failure(endpoint(smtp_double))

    assert (error.kind, error.phase, error.reply) == ("dropped", phase, None)


@pytest.mark.parametrize(
    ("point", "phase"), [("CONNECT", "ehlo"), ("EHLO", "mail"), ("MAIL", "rcpt"), ("RCPT", "data")]
)
async def test_a_connection_that_closes_after_an_answer_is_told_too(
    smtp_double: SmtpDouble, point: str, phase: str
) -> None:
    smtp_double.close(point, after=True)

    error = await failure(endpoint(smtp_double))

    assert (error.kind, error.phase) == ("dropped", phase)


@pytest.mark.parametrize(("point", "after"), [("DATA", True), ("BODY", False)])
async def test_a_connection_that_closes_in_the_middle_of_a_large_message_was_no_delivery(
    smtp_doubles: Doubles, point: str, after: bool
) -> None:
    double = smtp_doubles(size=None)
    double.close(point, after=after)

    error = await failure(endpoint(double), mail(message=HUGE))

    assert (error.kind, error.phase) == ("dropped", "data")


async def test_an_answer_that_never_comes_is_not_waited_for_without_end(smtp_doubles: Doubles) -> None:
    async def told(point: str) -> tuple[str, str]:
        double = smtp_doubles()
        double.hang(point)
        error = await failure(endpoint(double, command_seconds=1, data_seconds=1))
        return error.kind, error.phase

    points = {"CONNECT": "greeting", "EHLO": "ehlo", "MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "FINAL": "final"}

    assert await asyncio.gather(*map(told, points)) == [("timeout", phase) for phase in points.values()]


async def test_a_server_that_stops_reading_is_not_waited_for_without_end(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(size=None)
    double.hang("BODY")

    error = await failure(endpoint(double, command_seconds=1), mail(message=HUGE))

    assert (error.kind, error.phase) == ("timeout", "data")


@pytest.mark.parametrize(
    ("point", "phase"),
    [
        ("CONNECT", "greeting"),
        ("EHLO", "ehlo"),
        ("MAIL", "mail"),
        ("RCPT", "rcpt"),
        ("DATA", "data"),
        ("FINAL", "final"),
    ],
)
async def test_421_may_come_at_any_point(smtp_double: SmtpDouble, point: str, phase: str) -> None:
    smtp_double.answer(point, "421 4.3.2 Closing for a while", times=1)

    async with pool_of(endpoint(smtp_double)) as pool:
        with pytest.raises(DeliveryError) as caught:
            await pool.send(mail())
        assert pool.open == 0
        await pool.send(mail())

    assert caught.value.phase == phase
    assert caught.value.reply == Reply(421, "4.3.2", "Closing for a while")
    assert len(smtp_double.mails) == 1


@pytest.mark.parametrize(
    ("point", "phase"),
    [
        ("CONNECT", "greeting"),
        ("EHLO", "ehlo"),
        ("MAIL", "mail"),
        ("RCPT", "rcpt"),
        ("DATA", "data"),
        ("FINAL", "final"),
    ],
)
@pytest.mark.parametrize("reply", ["451 4.7.1 Greylisted, try again later", "550 5.7.1 Not here"])
async def test_a_refusal_keeps_the_servers_words(smtp_double: SmtpDouble, point: str, phase: str, reply: str) -> None:
    smtp_double.answer(point, reply)

    error = await failure(endpoint(smtp_double))

    assert (error.kind, error.phase, error.words) == ("reply", phase, reply)


async def test_a_host_that_does_not_resolve() -> None:
    error = await failure(Endpoint("no.such.host.invalid", 25))

    assert (error.kind, error.phase) == ("dns", "resolve")


@pytest.mark.parametrize("host", ["", "a..b", "x" * 64 + ".example", "a\x00b", "[::1", "mail server"])
async def test_what_is_no_host_name_does_not_resolve_either(host: str) -> None:
    error = await failure(Endpoint(host, 25))

    assert (error.kind, error.phase) == ("dns", "resolve")


async def test_name_servers_that_never_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(host: str, port: int) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(session, "resolve", silence)

    error = await failure(Endpoint("mail.example", 25, connect_seconds=0.1))

    assert (error.kind, error.phase) == ("timeout", "resolve")


async def test_a_port_where_nobody_listens(smtp_double: SmtpDouble) -> None:
    smtp_double.stop()

    error = await failure(endpoint(smtp_double))

    assert (error.kind, error.phase) == ("refused", "connect")


async def test_a_port_that_hangs() -> None:
    with socket.socket() as full:  # its queue is full: the system leaves further connections unanswered
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        async with AsyncExitStack() as queued:
            for _ in range(4):
                waiting = queued.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())

            error = await failure(Endpoint("127.0.0.1", full.getsockname()[1], connect_seconds=0.3))

    assert (error.kind, error.phase) == ("timeout", "connect")


async def test_every_address_of_a_host_is_tried(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    async def two_addresses(host: str, port: int) -> list[Any]:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            nobody = unused.getsockname()
        return [(socket.AF_INET, nobody), (socket.AF_INET, (smtp_double.host, port))]

    monkeypatch.setattr(session, "resolve", two_addresses)

    await send(endpoint(smtp_double, host="mail.example"))

    assert len(smtp_double.mails) == 1
