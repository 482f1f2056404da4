"""Pooled connections to one server: opened when needed, kept while they are, never more than agreed or it takes."""

import asyncio
import re

from mail.connection import Connection, Gate
from mail.endpoint import Accepted, Endpoint, Envelope
from mail.exceptions import DeliveryError, Phase, Reply
from mail.habits import Lifespan, Slots
from mail.replies import classify
from mail.reply_rules import is_permanent

__all__ = ["Accepted", "DeliveryError", "Endpoint", "Envelope", "Gate", "Pool", "Reply"]

IDLE_SECONDS = 30.0
# A connection that was used until so long ago did not end for having been idle; and the server may still count it.
MOMENT = 1.0
# How long to wait for a server to notice that a connection of ours has ended.
PATIENCE = (0.1, 0.2, 0.4)
AFTER_MAIL: frozenset[Phase] = frozenset({"rcpt", "data", "final"})

_CONNECTION = re.compile(r"\b(connection|session)\b", re.IGNORECASE)
_QUOTED_LOCAL_PART = re.compile(r'^"(?:[^"\\]|\\.)*"(?=@)')
# What would end the address, or the line, and let the rest be read as a parameter or a command.
_UNSAFE = re.compile(r'[\s<>"\x00-\x1f\x7f\ud800-\udfff]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_AN_ADDRESS = "Not an address that may be sent to a server"


class Pool:
    """Connections to one endpoint, for one event loop. Lives as long as the worker."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._slots = Slots(endpoint.max_connections)
        self._lifespan = Lifespan()
        self._idle: list[Connection] = []  # the freshest last: the others may go idle and close
        self._busy: set[Connection] = set()
        self._standing: set[Connection] = set()  # those of both that the server let in
        self._left_at = float("-inf")  # when one of those ended
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
        waits, is_first = iter(PATIENCE), False
        while True:
            await self._slots.take(is_first=is_first)
            try:
                return await self._send(envelope, gate)
            except DeliveryError as error:
                if not _is_one_too_many(error):
                    raise
                may_be_counted = _now() < self._left_at + MOMENT and _speaks_of_connections(error)
                if may_be_counted and (seconds := next(waits, None)):
                    await asyncio.sleep(seconds)  # one of ours has just ended, which the server may not have seen yet
                elif self.open:
                    self._slots.shrink(len(self._standing))
                else:
                    raise
            finally:
                self._slots.give_back()
            is_first = True

    async def _send(self, envelope: Envelope, gate: Gate | None) -> Accepted:
        """Over the connection that was used last; over a new one when there is none, or the server has enough of it."""
        worn, is_lesson, ended_at = await self._take(), False, 0.0
        if worn is not None:
            is_lesson = _was_at_work(worn)
            try:
                return await self._use(worn, envelope, gate)
            except DeliveryError as error:
                # Nothing of this mail was handed over.
                if not _may_be_worn(worn, error):
                    raise
            ended_at = _now()
            await self._retire(worn)
        fresh = Connection(self.endpoint)
        try:
            return await self._use(fresh, envelope, gate)
        finally:
            # Where a new one takes the mail that the other did not, it was the connection.
            if worn is not None and is_lesson and fresh.phase in AFTER_MAIL:
                self._lifespan.ended(worn.mails, opened_at=worn.opened_at, moment=ended_at)

    def _refuse_too_large(self, envelope: Envelope) -> None:
        largest = self.endpoint.largest_mail
        if largest and largest < envelope.size:
            detail = f"The message has {envelope.size} bytes; for this server {largest} are allowed"
            raise DeliveryError("mail", "too_large", detail=detail)

    async def close_idle(self) -> None:
        """Close what nobody has used for 30 seconds. The pool also does so by itself."""
        limit = _now() - IDLE_SECONDS
        old = [connection for connection in self._idle if connection.used_at <= limit]
        self._idle = [connection for connection in self._idle if connection.used_at > limit]
        await self._quit(old)

    async def close(self) -> None:
        """Close every idle connection now, and each busy one when its mail is done."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        idle, self._idle = self._idle, []
        await self._quit(idle)
        if self._tidying is not None:
            await self._tidying

    async def _take(self) -> Connection | None:
        """The idle connection that was used last, if one is alive and fresh enough."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_usable:
                self._note_end(connection)
            elif not connection.is_worn and connection.mails < self._lifespan.most(_now()):
                return connection
            await self._quit([connection])
        return None

    async def _use(self, connection: Connection, envelope: Envelope, gate: Gate | None) -> Accepted:
        """Send over this connection, opened if it is new, and keep it when it can be used again."""
        self._busy.add(connection)
        is_refused = False
        try:
            if connection not in self._standing:
                await self._open(connection)
            accepted = await connection.deliver(envelope, gate)
        except DeliveryError as error:
            is_refused = not connection.mails and _is_one_too_many(error)
            raise
        else:
            connection.used_at = _now()
            if not connection.is_usable:  # the server hung up with its last answer
                self._note_end(connection)
            return accepted
        finally:
            if is_refused:  # what never carried a mail does not count any more
                self._standing.discard(connection)
            # Out of a mail in the middle (an error, a cancelled task) nothing can be said any more: no QUIT either.
            if is_refused or self._closed or not connection.is_usable:
                await connection.quit()
                self._leave(connection)
            else:
                connection.used_at = _now()
                self._idle.append(connection)
                self._wake_later()
            self._busy.discard(connection)

    async def _open(self, connection: Connection) -> None:
        async with self._ending:
            pass
        await connection.open()
        connection.opened_at = _now()
        self._standing.add(connection)
        self._slots.hold(len(self._standing))

    def _note_end(self, connection: Connection) -> None:
        """Learn from a connection that the server ended after its last mail."""
        if _was_at_work(connection):
            self._lifespan.ended(connection.mails, opened_at=connection.opened_at, moment=_now())

    async def _retire(self, connection: Connection) -> None:
        """Say goodbye to a connection that is not to be used again, where it still stands."""
        if connection in self._idle:
            self._idle.remove(connection)
            await self._quit([connection])

    async def _quit(self, connections: list[Connection]) -> None:
        self._busy.update(connections)
        try:
            async with self._ending:
                await asyncio.gather(*(connection.quit() for connection in connections))
        finally:
            self._busy.difference_update(connections)
            for connection in connections:
                self._leave(connection)

    def _leave(self, connection: Connection) -> None:
        if connection in self._standing:
            self._standing.remove(connection)
            self._left_at = _now()

    def _wake_later(self) -> None:
        if self._timer is None:
            oldest = min(connection.used_at for connection in self._idle)
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


def _may_be_worn(connection: Connection, error: DeliveryError) -> bool:
    """Whether a new connection may be taken where this one was not: closed, or not good for one mail more."""
    if error.phase != "mail":
        return False
    if error.reply is None:
        return error.kind == "dropped"
    if error.reply.code == 421:
        return True
    if is_permanent(error.reply) or not connection.mails:
        return False
    # Whoever sends too much, by whichever connection, does not try the next.
    return _CONNECTION.search(error.reply.text) is not None or not classify(error).slow_down


def _is_one_too_many(error: DeliveryError) -> bool:
    """Whether the server may take mail over the connections that stand, and only no more of those."""
    if error.reply is None or error.phase in AFTER_MAIL:
        return False
    return _speaks_of_connections(error) or (error.reply.code == 421 and not classify(error).slow_down)


def _speaks_of_connections(error: DeliveryError) -> bool:
    return classify(error).cause == "too_many_connections"


def _was_at_work(connection: Connection) -> bool:
    """Whether it was used a moment ago: if it ends now, it does not for having been idle."""
    return _now() < connection.used_at + MOMENT


def _now() -> float:
    return asyncio.get_running_loop().time()
