"""Pooled connections to one server: opened when needed, kept while they are, never more than agreed."""

import asyncio
import re

from mail.connection import Connection, Gate
from mail.endpoint import Accepted, Endpoint, Envelope
from mail.exceptions import DeliveryError, Reply

__all__ = ["Accepted", "DeliveryError", "Endpoint", "Envelope", "Gate", "Pool", "Reply"]

IDLE_SECONDS = 30.0

_QUOTED_LOCAL_PART = re.compile(r'^"(?:[^"\\]|\\.)*"(?=@)')
# What would end the address, or the line, and let the rest be read as a parameter or a command.
_UNSAFE = re.compile(r'[\s<>"\x00-\x1f\x7f\ud800-\udfff]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_AN_ADDRESS = "Not an address that may be sent to a server"


class Pool:
    """Connections to one endpoint, for one event loop. Lives as long as the worker."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._slots = asyncio.Semaphore(max(1, endpoint.max_connections))
        self._idle: list[tuple[float, Connection]] = []  # the freshest last: the others may go idle and close
        self._busy: set[Connection] = set()
        self._closed = False
        self._ending = asyncio.Lock()  # held while connections say goodbye: until then they count for the server
        self._timer: asyncio.TimerHandle | None = None
        self._tidying: asyncio.Task[None] | None = None

    @property
    def open(self) -> int:
        """How many connections are open or being opened."""
        return len(self._idle) + len(self._busy)

    async def send(self, envelope: Envelope, *, gate: Gate | None = None) -> Accepted:
        """Hand one mail to the server, waiting for a free connection. Raises DeliveryError.

        `gate` is asked right before MAIL and before DATA; it may wait or raise, and may be asked for MAIL twice.
        """
        refuse_unsafe_addresses(envelope)
        envelope = self.endpoint.dressed(envelope)
        self._refuse_too_large(envelope)
        async with self._slots:
            connection = await self._take()
            if connection is not None:
                try:
                    return await self._use(connection, envelope, gate)
                except DeliveryError as error:
                    # The server had closed the idle connection; nothing of this mail was handed over.
                    if not _was_stale(error):
                        raise
            return await self._use(None, envelope, gate)

    def _refuse_too_large(self, envelope: Envelope) -> None:
        largest = self.endpoint.largest_mail
        if largest and largest < envelope.size:
            detail = f"The message has {envelope.size} bytes; for this server {largest} are allowed"
            raise DeliveryError("mail", "too_large", detail=detail)

    async def close_idle(self) -> None:
        """Close what nobody has used for 30 seconds. The pool also does so by itself."""
        limit = asyncio.get_running_loop().time() - IDLE_SECONDS
        old = [connection for since, connection in self._idle if since <= limit]
        self._idle = [(since, connection) for since, connection in self._idle if since > limit]
        await self._quit(old)

    async def close(self) -> None:
        """Close every idle connection now, and each busy one when its mail is done."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        idle, self._idle = self._idle, []
        await self._quit([connection for _, connection in idle])
        if self._tidying is not None:
            await self._tidying

    async def _take(self) -> Connection | None:
        """The idle connection that was used last, if one is alive and fresh enough."""
        while self._idle:
            _, connection = self._idle.pop()
            if connection.is_usable and not connection.is_worn:
                return connection
            await self._quit([connection])
        return None

    async def _use(self, connection: Connection | None, envelope: Envelope, gate: Gate | None) -> Accepted:
        """Send over this connection, or over a new one, and keep it when it can be used again."""
        fresh = connection is None
        connection = connection or Connection(self.endpoint)
        self._busy.add(connection)
        try:
            if fresh:
                async with self._ending:
                    pass
                await connection.open()
            return await connection.deliver(envelope, gate)
        finally:
            # Out of a mail in the middle (an error, a cancelled task) nothing can be said any more: no QUIT either.
            if not connection.is_usable:
                await connection.abort()
            elif self._closed:
                await connection.quit()
            else:
                self._idle.append((asyncio.get_running_loop().time(), connection))
                self._wake_later()
            self._busy.discard(connection)

    async def _quit(self, connections: list[Connection]) -> None:
        self._busy.update(connections)
        try:
            async with self._ending:
                await asyncio.gather(*(connection.quit() for connection in connections))
        finally:
            self._busy.difference_update(connections)

    def _wake_later(self) -> None:
        if self._timer is None:
            oldest = min(since for since, _ in self._idle)
            self._timer = asyncio.get_running_loop().call_at(oldest + IDLE_SECONDS, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._tidying = asyncio.get_running_loop().create_task(self._tidy())

    async def _tidy(self) -> None:
        await self.close_idle()
        if self._idle:
            self._wake_later()


def refuse_unsafe_addresses(envelope: Envelope) -> None:
    """Raise DeliveryError for an address that would say more to the server than an address."""
    refuse_unsafe_sender(envelope.sender)
    if not envelope.recipient or _is_unsafe(envelope.recipient):
        raise DeliveryError("rcpt", "address_invalid", detail=_NOT_AN_ADDRESS)


def refuse_unsafe_sender(sender: str) -> None:
    """The same for a sender, which may be empty: a report asks for no answer."""
    if sender and _is_unsafe(sender):
        raise DeliveryError("mail", "address_invalid", detail=_NOT_AN_ADDRESS)


def _is_unsafe(address: str) -> bool:
    bare = _QUOTED_LOCAL_PART.sub("", address)
    return _CONTROL.search(address) is not None or _UNSAFE.search(bare) is not None or "@" not in bare


def _was_stale(error: DeliveryError) -> bool:
    said_goodbye = error.reply is not None and error.reply.code == 421
    return error.phase == "mail" and (error.kind == "dropped" or said_goodbye)
