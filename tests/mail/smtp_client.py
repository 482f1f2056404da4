"""Short ways to send over a real connection, and servers that only one test needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from mail.smtp import Accepted, DeliveryError, Endpoint, Envelope, Pool
from tests.smtp_double import SmtpDouble

Doubles = Callable[..., SmtpDouble]
SECRET = "Una-Clave-Muy-Secreta"
MESSAGE = b"Subject: Presupuesto\r\n\r\nHola, Julia\r\n"
HUGE = b"\r\n" * 20_000_000  # 40 MB: more than the sockets of both sides hold while nobody reads


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
