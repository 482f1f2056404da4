"""The bytes on the wire: names to addresses to sockets, messages in pieces, and what each error means."""

import asyncio
import contextlib
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiosmtplib import SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.protocol import MAX_RESPONSE_LENGTH, SMTPProtocol

from mail.boot_clock import lease_margin
from mail.exceptions import Phase, Reply

Address = tuple[socket.AddressFamily, Any]

# A message is written in pieces, so that memory stays small and a loss in the middle is known as one.
PIECE = 128 * 1024


@dataclass(slots=True)
class Answers:
    """What a server answered to what was written at once; less than was `wanted` when `trouble` came between."""

    wanted: int
    heard: list[SMTPResponse] = field(default_factory=list)
    trouble: Exception | None = None


class Wire(SMTPProtocol):
    """aiosmtplib's protocol, which here also writes several commands at once (RFC 2920), and a message no faster than
    the server reads it."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.closed = asyncio.Event()
        # Why the server ended TLS; since TLS 1.3 it judges our certificate only after the handshake.
        self.alert: ssl.SSLError | None = None
        self._answers: Answers | None = None
        self._answered: asyncio.Future[None] | None = None
        # One timer for as long as the connection lasts, which looks whether the time is really over: one for each
        # answer would cost as much as reading it.
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._seconds = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ssl.SSLError):
            self.alert = exc
        super().connection_lost(exc)
        self._stop_waiting(SMTPServerDisconnected("Connection lost"))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.closed.set()

    def eof_received(self) -> bool:
        self._stop_waiting(SMTPServerDisconnected("Unexpected EOF received"))
        return super().eof_received()

    # -- Several commands at once ------------------------------------------------------------------

    async def exchange(self, data: bytes, *, replies: int, seconds: float) -> Answers:
        """Write this and read so many replies, with `seconds` for each."""
        if self.transport is None or self.transport.is_closing():
            raise SMTPServerDisconnected("Connection lost")
        answers = self._answers = Answers(replies)
        self._answered = self._loop.create_future()
        self._seconds = seconds
        self._wait_anew()
        try:
            self.write(data)
            await self._answered
        finally:
            self._answers = self._answered = None
        return answers

    def data_received(self, data: bytes) -> None:
        if self._answers is None:
            super().data_received(data)
            return
        self._buffer += data
        if len(self._buffer) > MAX_RESPONSE_LENGTH:
            self._stop_waiting(SMTPResponseException(-1, "Response too long"))
        elif b"\n" in data:  # else it is not worth reading what is there once more
            self._listen(self._answers)

    def _listen(self, answers: Answers) -> None:
        try:
            while len(answers.heard) < answers.wanted:
                response = self._read_response_from_buffer()
                if response is None:
                    return
                answers.heard.append(response)
                if len(answers.heard) < answers.wanted and not self._buffer:
                    self._wait_anew()
        except SMTPResponseException as error:
            self._stop_waiting(error)
        else:
            self._stop_waiting(None)

    def _wait_anew(self) -> None:
        """The server has its seconds from now."""
        self._deadline = self._loop.time() + self._seconds
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._answers is None:  # nobody waits
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        else:
            self._stop_waiting(TimeoutError("No answer in time"))

    def _stop_waiting(self, trouble: Exception | None) -> None:
        if self._answers is not None and self._answered is not None and not self._answered.done():
            self._answers.trouble = trouble
            self._answered.set_result(None)

    @property
    def is_ahead(self) -> bool:
        """The server has said more than it was asked: no answer can be told from the next any more."""
        return bool(self._buffer)

    @property
    def tls(self) -> ssl.SSLObject | None:
        found: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object") if self.transport else None
        return found

    @property
    def has_answered(self) -> bool:
        """A reply is there to be read, though nobody waits for one yet."""
        waiter = self._response_waiter
        return waiter is not None and waiter.done() and waiter.exception() is None

    async def write_pieces(self, pieces: Iterable[bytes], seconds: float) -> None:
        """Write all of them, giving the server `seconds` for each; stops early when it answers meanwhile."""
        self._response_pending = True  # an answer in the middle is a refusal and must not be thrown away
        # Without its end nobody is handed anything, and a server may well stop reading for a while.
        self._give_up_unheard(0)
        try:
            for piece in pieces:
                if self.has_answered:
                    return
                self.write(piece)
                async with asyncio.timeout(seconds):
                    await self._drain_helper()
        except ConnectionError:
            if not self.has_answered:  # servers that refuse in the middle often answer and hang up at once
                raise
        finally:
            self._give_up_unheard(lease_margin())
        self._response_pending = self.has_answered

    def _give_up_unheard(self, seconds: float) -> None:
        if self.transport is not None:
            give_up_unheard(self.transport.get_extra_info("socket"), seconds)

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()


async def resolve(host: str, port: int) -> list[Address]:
    """The host's addresses, in the order in which to try them. Raises socket.gaierror."""
    if not host:
        raise socket.gaierror(socket.EAI_NONAME, "No host")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, ValueError):
        found = await _look_up(host, port)
    return [(family, address) for family, _, _, _, address in found]


async def _look_up(host: str, port: int) -> list[Any]:
    # A thread of its own: name servers that never answer would fill the loop's few threads, hold up the look-ups
    # of other servers, and keep the process from ending.
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(found: list[Any] | Exception) -> None:
        if answer.done():
            return
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[Any] | Exception
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except ValueError:  # an empty label, one of more than 63 letters, a NUL
            found = socket.gaierror(socket.EAI_NONAME, "Not a host name")
        except OSError as error:
            found = error
        with contextlib.suppress(RuntimeError):  # nobody waits any more, the loop is closed
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=ask, daemon=True, name=f"look up {host}").start()
    return await answer


async def reach(address: Address) -> socket.socket:
    """A connected socket."""
    family, target = address
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        # A server may think for ten minutes after the final dot; routers forget silent connections sooner.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        give_up_unheard(connected, lease_margin())
        await asyncio.get_running_loop().sock_connect(connected, target)
    except BaseException:
        connected.close()
        raise
    return connected


def give_up_unheard(connected: Any, seconds: float) -> None:
    """End the connection when what was written is not acknowledged for so long; 0: when the kernel likes.

    That is a quarter of an hour, also for what was closed long ago: once the way is open again, mail would arrive that
    others took over and sent meanwhile.
    """
    if sys.platform == "linux":
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


def own_name(wire: Wire) -> str:
    """What to say in EHLO: this machine's full name, else the address it speaks from (RFC 5321 §4.1.4)."""
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    sockname = wire.transport.get_extra_info("sockname") if wire.transport else None
    address = sockname[0].split("%")[0] if sockname else "127.0.0.1"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def in_pieces(*contents: bytes) -> Iterator[bytes]:
    """These one after another in pieces, none of which is a copy of much."""
    for content in contents:
        if len(content) <= PIECE:
            yield content
        else:
            view = memoryview(content)
            yield from (bytes(view[start : start + PIECE]) for start in range(0, len(content), PIECE))


def dot_stuffed(message: bytes) -> bytes:
    """The message as DATA wants it: CRLF at the end of every line, leading dots doubled."""
    breaks = message.count(b"\r\n")
    if message.count(b"\n") != breaks or message.count(b"\r") != breaks:
        # A lone CR or LF before a dot could end the message for some servers, and begin another (SMTP smuggling).
        message = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


def tell(error: OSError, phase: Phase) -> tuple[str, str]:
    """What a network error means: the kind of a DeliveryError, and plain words."""
    if isinstance(error, TimeoutError):
        return "timeout", "No answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls", error.verify_message
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "tls", (error.reason or "TLS failed").replace("_", " ").lower()
    if isinstance(error, socket.gaierror):
        return "dns", error.strerror or "The name was not found"
    if phase == "connect":
        kind = "refused" if isinstance(error, ConnectionRefusedError) else "connect"
        return kind, error.strerror or "Could not connect"
    return "dropped", "The server closed the connection"


def without_secrets(reply: Reply, secrets: Sequence[str]) -> Reply:
    """The reply without anything that we had sent to log in; some servers repeat, or cut, the line they dislike."""

    def hide(word: re.Match[str]) -> str:
        return "***" if any(word[0] in secret for secret in secrets) else word[0]

    text = reply.text
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    # Passwords come as base64, tokens in the letters of URLs.
    for pieces in (r"[A-Za-z0-9+/=]{8,}", r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{6,}[A-Za-z0-9_~-]"):
        text = re.sub(pieces, hide, text)
    return Reply(reply.code, reply.enhanced, text)
