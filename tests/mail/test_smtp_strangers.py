"""Servers that talk strangely."""

import asyncio
from dataclasses import replace

import pytest

from mail.smtp import Reply
from tests.mail.smtp_client import HUGE, failure, listening, mail, saying


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
        error = await failure(where, mail(message=HUGE))

    assert (error.phase, error.words) == ("data", "552 5.3.4 Enough")


@pytest.mark.parametrize("reply", [b"250 fine", b"199 what", b"700 what", b"abc"])
async def test_an_answer_that_makes_no_sense_is_no_leave_to_go_on(reply: bytes) -> None:
    async with listening(saying(b"220 x", b"250 x", b"250 ok", b"250 ok", reply)) as where:
        error = await failure(where)

    assert error.phase == "data"
