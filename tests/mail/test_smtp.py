"""Connections: where a mail ends when the other side misbehaves, and what is kept between mails."""

import asyncio
import base64
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

import pytest

from mail import connection as connections
from mail import smtp
from mail.smtp import Accepted, DeliveryError, Endpoint, Envelope, Pool, Reply
from mail.wire import dot_stuffed
from tests.lab.ca import Authority
from tests.lab.waiting import eventually
from tests.smtp_double import SmtpDouble

Doubles = Callable[..., SmtpDouble]
SECRET = "Una-Clave-Muy-Secreta"
MESSAGE = b"Subject: Presupuesto\r\n\r\nHola, Julia\r\n"


def endpoint(double: SmtpDouble, **changes: Any) -> Endpoint:
    defaults: dict[str, Any] = {"connect_seconds": 5, "command_seconds": 5, "data_seconds": 5}
    return Endpoint(**{**defaults, "host": double.host, "port": double.port, "security": double.security, **changes})


def mail(recipient: str = "julia@levante.example", **changes: Any) -> Envelope:
    return replace(Envelope("ana@miempresa.example", recipient, MESSAGE), **changes)


@asynccontextmanager
async def pool_of(where: Endpoint) -> AsyncIterator[Pool]:
    pool = Pool(where)
    try:
        yield pool
    finally:
        await pool.close()
    assert pool.open == 0


async def send(where: Endpoint, envelope: Envelope | None = None) -> Accepted:
    async with pool_of(where) as pool:
        return await pool.send(envelope or mail())


async def failure(where: Endpoint, envelope: Envelope | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await send(where, envelope)
    return caught.value


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

    error = await failure(endpoint(double), mail(message=b"x" * 70 + b"\r\n" * 5_000_000))

    assert (error.kind, error.phase) == ("dropped", "data")


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
async def test_an_answer_that_never_comes_is_not_waited_for_without_end(
    smtp_double: SmtpDouble, point: str, phase: str
) -> None:
    smtp_double.hang(point)

    error = await failure(endpoint(smtp_double, command_seconds=0.2, data_seconds=0.2))

    assert (error.kind, error.phase) == ("timeout", phase)


async def test_a_server_that_stops_reading_is_not_waited_for_without_end(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(size=None)
    double.hang("BODY")

    error = await failure(endpoint(double, command_seconds=0.3), mail(message=b"x" * 70 + b"\r\n" * 5_000_000))

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

    monkeypatch.setattr(connections, "resolve", silence)

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

    monkeypatch.setattr(connections, "resolve", two_addresses)

    await send(endpoint(smtp_double, host="mail.example"))

    assert len(smtp_double.mails) == 1


# -- Servers that talk strangely ---------------------------------------------------------------------

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Answer) -> AsyncIterator[Endpoint]:
    """A server that only this test needs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], connect_seconds=5, command_seconds=5)


def saying(*replies: bytes, heard: list[bytes] | None = None) -> Answer:
    """Say the first at once and each other one after a line was heard."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, reply in enumerate(replies):
            if number:
                line = await reader.readuntil(b"\n")
                if heard is not None:
                    heard.append(line)
            writer.write(reply + b"\r\n")
        await reader.readline()

    return talk


async def test_what_is_no_mail_server_is_told_so() -> None:
    async with listening(saying(b"HTTP/1.1 400 Bad Request\r\nServer: none\r\n\r\n")) as where:
        error = await failure(where)

    assert (error.kind, error.phase) == ("protocol", "greeting")


async def test_an_endless_answer_is_cut_off() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.transport.is_closing():
            writer.write(b"220-bla bla bla\r\n" * 1000)
            await writer.drain()

    async with listening(babble) as where:
        error = await failure(where)

    assert (error.kind, error.phase) == ("protocol", "greeting")


async def test_the_servers_words_are_made_harmless() -> None:
    words = b"550 5.1.1 <b>no\x1b[31m such\x07 user\xff\r\n"
    async with listening(saying(b"220 x", b"250 x", b"250 ok", words.rstrip())) as where:
        error = await failure(where)

    assert error.reply == Reply(550, "5.1.1", "<b>no [31m such user�")


async def test_very_long_words_are_shortened() -> None:
    async with listening(saying(b"220 x", b"250 x", b"550 " + b"no " * 2000)) as where:
        error = await failure(where)

    assert error.reply
    assert len(error.reply.text) == 1000


async def test_helo_for_a_server_that_knows_no_ehlo() -> None:
    heard: list[bytes] = []
    replies = (b"220 x", b"502 what?", b"250 hello", b"250 ok", b"250 ok", b"354 go")
    async with listening(saying(*replies, heard=heard)) as where:
        await failure(replace(where, data_seconds=0.1))

    assert [line.split()[0] for line in heard] == [b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA"]


async def test_a_refusal_in_the_middle_of_the_message_is_heard() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        for reply in (b"250 x\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readuntil(b"\n")
            writer.write(reply)
        await reader.readexactly(100_000)
        writer.write(b"552 5.3.4 Enough\r\n")
        while await reader.read(2**20):
            pass

    async with listening(refuse) as where:
        error = await failure(where, mail(message=b"x" * 70 + b"\r\n" * 5_000_000))

    assert (error.phase, error.words) == ("data", "552 5.3.4 Enough")


@pytest.mark.parametrize("reply", [b"250 fine", b"199 what", b"700 what", b"abc"])
async def test_an_answer_that_makes_no_sense_is_no_leave_to_go_on(reply: bytes) -> None:
    async with listening(saying(b"220 x", b"250 x", b"250 ok", b"250 ok", reply)) as where:
        error = await failure(where)

    assert error.phase == "data"


# -- Encryption --------------------------------------------------------------------------------------


@pytest.fixture(params=["starttls", "tls"])
def security(request: pytest.FixtureRequest) -> Literal["starttls", "tls"]:
    kind: Literal["starttls", "tls"] = request.param
    return kind


async def test_a_private_ca_makes_a_certificate_good(
    smtp_doubles: Doubles, authority: Authority, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.server.server_context())

    accepted = await send(endpoint(double, ca_certificate=authority.pem))

    assert accepted.tls == "TLSv1.3"
    assert double.mails[0].tls == "TLSv1.3"


async def test_a_host_name_is_compared_with_the_certificate(
    smtp_doubles: Doubles, authority: Authority, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.server.server_context())

    async def loopback(host: str, port: int) -> list[Any]:
        return [(socket.AF_INET, (double.host, port))]

    monkeypatch.setattr(connections, "resolve", loopback)

    await send(endpoint(double, host="mx.lab.test.", ca_certificate=authority.pem))
    error = await failure(endpoint(double, host="other.lab.test", ca_certificate=authority.pem))

    assert len(double.mails) == 1
    assert "not valid for 'other.lab.test'" in error.detail


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    smtp_doubles: Doubles, authority: Authority, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.untrusted.server_context())

    error = await failure(endpoint(double, ca_certificate=authority.pem, username="ana", password=SECRET))

    assert (error.kind, error.phase) == ("tls", "starttls")
    assert "issuer certificate" in error.detail
    assert double.log_ins == 0


@pytest.mark.parametrize(("which", "words"), [("expired", "expired"), ("wrong_host", "mismatch")])
async def test_a_wrong_certificate_is_refused_with_its_reason(
    smtp_doubles: Doubles, authority: Authority, security: str, which: str, words: str
) -> None:
    double = smtp_doubles(security=security, tls=getattr(authority, which).server_context())

    error = await failure(endpoint(double, ca_certificate=authority.pem))

    assert (error.kind, error.phase) == ("tls", "starttls")
    assert words in error.detail


async def test_a_self_signed_certificate_is_taken_when_the_form_says_so(
    smtp_doubles: Doubles, authority: Authority, security: str
) -> None:
    double = smtp_doubles(security=security, tls=authority.untrusted.server_context())

    await failure(endpoint(double))
    accepted = await send(endpoint(double, verify_certificate=False))

    assert accepted.tls == "TLSv1.3"


async def test_without_starttls_nothing_is_said_in_the_clear(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ana": SECRET})

    error = await failure(endpoint(double, security="starttls", username="ana", password=SECRET))

    assert (error.kind, error.phase) == ("starttls_missing", "starttls")
    assert double.log_ins == 0
    assert {command.split()[0] for command in double.commands} <= {"EHLO", "QUIT"}


@pytest.mark.parametrize("reply", ["454 4.7.0 TLS not available due to temporary reason", "502 5.5.1 No"])
async def test_starttls_that_is_refused_ends_there(smtp_doubles: Doubles, authority: Authority, reply: str) -> None:
    double = smtp_doubles(security="starttls", tls=authority.server.server_context())
    double.answer("STARTTLS", reply)

    error = await failure(endpoint(double, ca_certificate=authority.pem))

    assert (error.phase, error.words) == ("starttls", reply)


async def test_ssl_on_a_port_that_speaks_in_the_clear() -> None:
    async with listening(saying(b"220 x")) as where:
        error = await failure(replace(where, security="tls"))

    assert (error.kind, error.phase) == ("tls", "starttls")


async def test_a_silent_port_that_expects_ssl(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(security="tls", tls=authority.server.server_context())

    error = await failure(endpoint(double, security="none", command_seconds=0.3))

    assert (error.kind, error.phase) == ("timeout", "greeting")


async def test_a_private_ca_that_is_no_certificate(smtp_doubles: Doubles, authority: Authority) -> None:
    double = smtp_doubles(security="tls", tls=authority.server.server_context())

    for text in ("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "ñ"):
        error = await failure(endpoint(double, ca_certificate=text))
        assert (error.kind, error.phase) == ("ca_invalid", "starttls")


# -- Logging in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanisms", [("PLAIN",), ("LOGIN",), ("LOGIN", "PLAIN"), ("XOAUTH2", "LOGIN")])
async def test_logging_in(smtp_doubles: Doubles, mechanisms: tuple[str, ...]) -> None:
    double = smtp_doubles(users={"ana": "contraseña ñ"}, mechanisms=mechanisms)

    await send(endpoint(double, username="ana", password="contraseña ñ"))

    assert double.mails[0].user == "ana"
    assert double.log_ins == 1


async def test_cram_md5_where_nothing_else_is_offered() -> None:
    heard: list[bytes] = []
    challenge = base64.b64encode(b"<1896.697170952@postoffice.reston.mci.net>")
    replies = (b"220 x", b"250-x\r\n250 AUTH CRAM-MD5", b"334 " + challenge, b"535 5.7.8 no")
    async with listening(saying(*replies, heard=heard)) as where:
        await failure(replace(where, username="tim", password="tanstaaftanstaaf"))

    # The example of RFC 2195.
    assert base64.b64decode(heard[2]) == b"tim b913a602c7eda7a495b4e6e7334d3890"


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("LOGIN",)])
async def test_a_wrong_password_is_tried_once(smtp_doubles: Doubles, mechanisms: tuple[str, ...]) -> None:
    double = smtp_doubles(users={"ana": SECRET}, mechanisms=mechanisms)

    error = await failure(endpoint(double, username="ana", password="otra"))

    assert (error.phase, error.words) == ("auth", "535 5.7.8 Authentication credentials invalid")
    assert double.log_ins == 1


async def test_a_server_that_offers_no_log_in(smtp_double: SmtpDouble) -> None:
    error = await failure(endpoint(smtp_double, username="ana", password=SECRET))

    assert (error.kind, error.phase) == ("auth_unavailable", "auth")


async def test_a_password_that_no_key_opens(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ana": SECRET})

    error = await failure(endpoint(double, username="ana", password=None))

    assert (error.kind, error.phase) == ("credentials_unreadable", "auth")
    assert double.log_ins == 0


async def test_nothing_secret_is_told_or_logged(
    smtp_doubles: Doubles, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    double = smtp_doubles(users={"ana": SECRET})
    answer = base64.b64encode(f"\0ana\0{SECRET}".encode()).decode()
    double.answer("AUTH", f"535 5.5.2 What is AUTH PLAIN {answer} or {answer[:20]} or {SECRET} supposed to mean?")

    where = endpoint(double, username="ana", password=SECRET)
    error = await failure(where, mail(message=b"Subject: muy privado\r\n\r\n"))

    assert error.words == "535 5.5.2 What is AUTH PLAIN *** or *** or *** supposed to mean?"
    told = f"{error} {error!r} {error.__context__!r} {error.__cause__!r} {where!r} {mail()!r} {caplog.text}"
    for secret in (SECRET, answer, answer[:20], "privado", "Hola"):
        assert secret not in told


# -- One connection after another --------------------------------------------------------------------


async def test_one_connection_carries_many_mails(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double)) as pool:
        for _ in range(5):
            await pool.send(mail())
        assert pool.open == 1

    assert smtp_double.connections == 1
    assert smtp_double.commands[-1] == "QUIT"


async def test_a_connection_is_replaced_after_a_hundred_mails(
    smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_MAILS", 3)
    async with pool_of(endpoint(smtp_double)) as pool:
        for _ in range(7):
            await pool.send(mail())

    assert smtp_double.mails_per_connection == {1: 3, 2: 3, 3: 1}


async def test_the_pool_never_opens_more_than_agreed(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_MAILS", 4)
    smtp_double.answer("RCPT", "550 5.1.1 No", address="nadie@levante.example")
    async with pool_of(endpoint(smtp_double, max_connections=3)) as pool:
        sent = [pool.send(mail("nadie@levante.example" if n % 7 == 0 else "julia@levante.example")) for n in range(60)]
        results = await asyncio.gather(*sent, return_exceptions=True)
        assert 1 <= pool.open <= 3

    assert sum(isinstance(result, DeliveryError) for result in results) == 9
    assert len(smtp_double.mails) == 51
    assert smtp_double.most_open <= 3


async def test_nothing_of_a_refused_mail_leaks_into_the_next(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("RCPT", "550 5.1.1 No", address="nadie@levante.example")
    smtp_double.answer("DATA", "451 4.3.0 Later", times=1)
    async with pool_of(endpoint(smtp_double)) as pool:
        for recipient in ("nadie@levante.example", "uno@levante.example", "nadie@levante.example"):
            with pytest.raises(DeliveryError):
                await pool.send(mail(recipient, sender="secreto@miempresa.example"))
        await pool.send(mail("dos@levante.example"))

    (received,) = smtp_double.mails
    assert (received.sender, received.recipients) == ("ana@miempresa.example", ("dos@levante.example",))
    assert smtp_double.connections == 1
    assert smtp_double.commands.count("RSET") == 3  # RCPT, DATA and RCPT had left a transaction open


async def test_a_refused_sender_is_forgotten_too(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("MAIL", "553 5.7.1 Not you", address="otra@miempresa.example")
    async with pool_of(endpoint(smtp_double)) as pool:
        with pytest.raises(DeliveryError):
            await pool.send(mail(sender="otra@miempresa.example"))
        await pool.send(mail())

    assert smtp_double.connections == 1


async def test_a_connection_with_many_refusals_is_given_up(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("RCPT", "550 5.1.1 No")
    async with pool_of(endpoint(smtp_double)) as pool:
        for _ in range(connections.MAX_ERRORS + 1):
            with pytest.raises(DeliveryError):
                await pool.send(mail())

    assert smtp_double.connections == 2


@pytest.mark.parametrize("ending", ["close", "421"])
async def test_an_idle_connection_that_the_server_closed_is_no_failure(smtp_double: SmtpDouble, ending: str) -> None:
    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail())
        if ending == "close":
            smtp_double.close("MAIL", times=1)
        else:
            smtp_double.answer("MAIL", "421 4.4.2 Idle for too long", times=1)
        await pool.send(mail())

    assert (len(smtp_double.mails), smtp_double.connections) == (2, 2)


async def test_a_server_that_closed_all_idle_connections_is_connected_to_anew(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double, max_connections=4)) as pool:
        await asyncio.gather(*(pool.send(mail()) for _ in range(4)))
        smtp_double.stop()
        smtp_double.start()
        await asyncio.gather(*(pool.send(mail()) for _ in range(4)))

    assert len(smtp_double.mails) == 8


async def test_only_one_new_connection_is_tried_for_it(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail())
        smtp_double.close("MAIL")
        with pytest.raises(DeliveryError) as caught:
            await pool.send(mail())

    assert (caught.value.kind, caught.value.phase) == ("dropped", "mail")
    assert smtp_double.connections == 2


async def test_idle_connections_close_by_themselves(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0.05)
    async with pool_of(endpoint(smtp_double)) as pool:
        await asyncio.gather(*(pool.send(mail()) for _ in range(3)))
        await asyncio.to_thread(eventually, lambda: not pool.open)
        await pool.send(mail())

    assert smtp_double.commands.count("QUIT") == 4
    assert smtp_double.most_open <= 3


async def test_a_cancelled_mail_takes_its_connection_with_it(smtp_double: SmtpDouble) -> None:
    smtp_double.hang("RCPT", times=1)
    async with pool_of(endpoint(smtp_double, max_connections=1)) as pool:
        sending = asyncio.create_task(pool.send(mail("uno@levante.example")))
        await asyncio.to_thread(eventually, lambda: "RCPT TO:<uno@levante.example>" in smtp_double.commands)
        sending.cancel()
        await asyncio.wait([sending])
        await pool.send(mail("dos@levante.example"))

    assert [received.recipients for received in smtp_double.mails] == [("dos@levante.example",)]


async def test_the_gate_is_asked_before_mail_and_before_data(smtp_double: SmtpDouble) -> None:
    asked: list[str] = []

    class Closed(Exception):
        pass

    async def gate(step: str) -> None:
        asked.append(step)
        if len(asked) in (3, 5):
            raise Closed

    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail(), gate=gate)
        for _ in range(2):  # stopped before MAIL, then before DATA
            with pytest.raises(Closed):
                await pool.send(mail(), gate=gate)
        await pool.send(mail())

    assert asked == ["mail", "data", "mail", "mail", "data"]
    assert (len(smtp_double.mails), smtp_double.connections) == (2, 1)
    assert not re.search("DATA.*DATA.*DATA", " ".join(smtp_double.commands))
