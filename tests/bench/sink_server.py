"""A receiving server that notes who got a mail and when; it can do STARTTLS, or answer as slowly as the Internet.

    python -m tests.bench.sink_server PORT LOG REPLY_SECONDS FINAL_SECONDS [CERTIFICATE KEY]

Runs on uvloop and answers in C where it can: it must cost less than those who are measured.
"""

import asyncio
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TextIO, cast

import uvloop

END = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    """One connection, from the greeting to QUIT."""

    def __init__(self, log: TextIO, reply_seconds: float, final_seconds: float, tls: ssl.SSLContext | None) -> None:
        self._log, self._tls = log, tls
        self._reply_seconds, self._final_seconds = reply_seconds, final_seconds
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer, self._in_data, self._recipient = b"", False, ""
        self._is_secure = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        is_new, self._transport = self._transport is None, cast(asyncio.Transport, transport)
        if is_new:
            self._reply(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            separator = END if self._in_data else b"\r\n"
            found, is_whole, rest = self._buffer.partition(separator)
            if not is_whole:
                return
            self._buffer = rest
            if self._in_data:
                self._in_data = False
                self._reply(b"250 2.0.0 accepted\r\n", self._final_seconds, partial(self._accept, self._recipient))
            else:
                self._command(found)

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._recipient = line.partition(b"<")[2].partition(b">")[0].decode()
            self._reply(b"250 2.1.5 ok\r\n")
        elif verb == b"DATA":
            self._in_data = True
            self._reply(b"354 go on\r\n")
        elif verb == b"EHLO":
            offer = b"250-STARTTLS\r\n" if self._tls and not self._is_secure else b""
            self._reply(b"250-sink\r\n250-PIPELINING\r\n" + offer + b"250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n")
        elif verb == b"STAR" and self._transport:
            self._transport.pause_reading()
            self._transport.write(b"220 go\r\n")
            self._handshake = self._loop.create_task(self._secure())
        elif verb == b"QUIT" and self._transport:
            self._reply(b"221 bye\r\n")
            self._loop.call_later(self._reply_seconds + 0.01, self._transport.close)
        else:
            self._reply(b"250 2.0.0 ok\r\n")

    async def _secure(self) -> None:
        plain = self._transport
        assert plain
        assert self._tls
        self._is_secure = True
        try:
            self._transport = await self._loop.start_tls(plain, self, self._tls, server_side=True)
            self._buffer = b""
        except OSError:
            plain.close()

    def _accept(self, recipient: str) -> None:
        self._log.write(f"{recipient} {time.time():.6f}\n")

    def _reply(self, line: bytes, seconds: float | None = None, then: Callable[[], None] | None = None) -> None:
        seconds = self._reply_seconds if seconds is None else seconds
        if seconds:
            self._loop.call_later(seconds, self._say, line, then)
        else:
            self._say(line, then)

    def _say(self, line: bytes, then: Callable[[], None] | None) -> None:
        if then:
            then()
        if self._transport and not self._transport.is_closing():
            self._transport.write(line)


async def main(port: str, log: str, reply_seconds: str, final_seconds: str, *pem: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if pem else None
    if tls:
        tls.load_cert_chain(*pem)
    with open(log, "a", buffering=1) as file:  # noqa: ASYNC230, PTH123  (nothing else runs yet)
        session = partial(Session, file, float(reply_seconds), float(final_seconds), tls)
        server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", int(port), backlog=1000)
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
