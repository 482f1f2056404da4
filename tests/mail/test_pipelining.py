"""MAIL, RCPT and DATA in one write (RFC 2920): fewer turns, and still nothing of one mail in the next."""

import asyncio

import pytest

from tests.mail.smtp_client import Answer, Doubles, endpoint, failure, listening, mail, pool_of, send
from tests.smtp_double import SmtpDouble

EHLO = b"250-mail.example\r\n250 PIPELINING\r\n"


def scripted(*turns: tuple[int, bytes], heard: list[bytes] | None = None) -> Answer:
    """After the greeting: hear so many lines, then say this, turn by turn."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        for lines, reply in turns:
            for _ in range(lines):
                line = await reader.readuntil(b"\n")
                if heard is not None:
                    heard.append(line)
            writer.write(reply)
        await reader.readline()

    return talk


async def test_all_three_leave_at_once_where_the_server_listens_so_far_ahead() -> None:
    heard: list[bytes] = []
    # It says nothing before it has heard all of them: whoever waits for an answer waits for ever.
    turns = ((1, EHLO), (3, b"250 ok\r\n250 ok\r\n354 go\r\n"), (4, b"250 2.0.0 queued as 7\r\n"))

    async with listening(scripted(*turns, heard=heard)) as where:
        accepted = await send(where)

    assert str(accepted.reply) == "250 2.0.0 queued as 7"
    assert [line.split()[0] for line in heard[:4]] == [b"EHLO", b"MAIL", b"RCPT", b"DATA"]


async def test_one_after_another_where_it_does_not(smtp_doubles: Doubles) -> None:
    # The double complains of a client that does not wait.
    double = smtp_doubles(extensions=("8BITMIME",))

    await send(endpoint(double))

    assert len(double.mails) == 1


@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA"])
async def test_a_refusal_is_that_of_the_command_that_was_refused(smtp_double: SmtpDouble, point: str) -> None:
    smtp_double.answer(point, "550 5.7.1 Not this one", times=1)

    async with pool_of(endpoint(smtp_double)) as pool:
        with pytest.raises(Exception, match=f"{point.lower()}: 550 5.7.1 Not this one"):
            await pool.send(mail())
        await pool.send(mail("berta@levante.example"))

    assert smtp_double.connections == 1  # the connection is in step, and goes on
    assert [received.recipients for received in smtp_double.mails] == [("berta@levante.example",)]


async def test_a_server_that_wants_a_message_for_nobody_gets_an_empty_one() -> None:
    heard: list[bytes] = []
    turns = (
        (1, EHLO),
        (3, b"250 ok\r\n550 5.1.1 Nobody here\r\n354 go\r\n"),
        (1, b"554 5.5.1 No valid recipients\r\n"),
        (4, b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
        (4, b"250 queued\r\n"),
    )

    async with listening(scripted(*turns, heard=heard)) as where, pool_of(where) as pool:
        with pytest.raises(Exception, match=r"rcpt: 550 5\.1\.1 Nobody here"):
            await pool.send(mail())
        await pool.send(mail())

    assert heard[4] == b".\r\n"
    assert heard[5] == b"RSET\r\n"


@pytest.mark.parametrize("answers", [b"550 no\r\n250 ok\r\n354 go\r\n", b"250 ok\r\n299 ok\r\n354 go\r\n"])
async def test_nobody_gets_an_empty_message(answers: bytes) -> None:
    heard: list[bytes] = []

    async with listening(scripted((1, EHLO), (3, answers), (1, b"250 queued\r\n"), heard=heard)) as where:
        error = await failure(where)

    assert error.reply is not None
    assert b".\r\n" not in heard  # it had taken the recipient


async def test_a_server_that_says_more_than_it_was_asked_is_not_spoken_to_again() -> None:
    turns = ((1, EHLO), (3, b"250 ok\r\n250 ok\r\n354 go\r\n"), (4, b"250 queued\r\n250 queued again\r\n"))

    async with listening(scripted(*turns)) as where, pool_of(where) as pool:
        await pool.send(mail())
        await asyncio.sleep(0)
        assert pool.open == 0  # else the next mail would be told the answer to this one


@pytest.mark.parametrize(
    ("answers", "phase", "kind"),
    [
        (b"", "mail", "dropped"),
        (b"250 ok\r\n", "rcpt", "dropped"),
        (b"250 ok\r\n250 ok\r\n", "data", "dropped"),
        (b"250 ok\r\nnonsense\r\n", "rcpt", "protocol"),
        (b"250 ok\r\n250 ok\r\n354 go\r\n", "data", "dropped"),
    ],
)
async def test_a_server_that_hangs_up_in_the_middle(answers: bytes, phase: str, kind: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        await reader.readline()
        writer.write(EHLO)
        for _ in range(3):
            await reader.readline()
        writer.write(answers)
        await writer.drain()

    async with listening(talk) as where:
        error = await failure(where)

    # After the last piece only an answer tells; here the content may have left before the end was seen.
    assert (error.phase, error.kind) in {(phase, kind), ("final", kind) if phase == "data" else (phase, kind)}


async def test_answers_may_come_in_single_bytes(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(slowly=True)
    double.answer("RCPT", "451 4.7.1 Later\n451 4.7.1 much later", times=1)

    async with pool_of(endpoint(double)) as pool:
        with pytest.raises(Exception, match=r"rcpt: 451 4\.7\.1 Later much later"):
            await pool.send(mail())
        await pool.send(mail())

    assert len(double.mails) == 1


async def test_silence_ends_after_the_time_for_a_command() -> None:
    async with listening(scripted((1, EHLO), (3, b"250 ok\r\n"), (9, b""))) as where:
        object.__setattr__(where, "command_seconds", 0.2)
        error = await failure(where)

    assert (error.phase, error.kind) == ("rcpt", "timeout")
