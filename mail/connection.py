"""A connection over which one mail goes after another, each in as few turns as the server allows.

What the copies of a mail have in common is written as it is; nothing of one mail can leak into the next, since a
transaction that was left open is ended first, and a server that is ahead of us is not spoken to again.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Literal, NoReturn

from mail.endpoint import Accepted, Envelope
from mail.exceptions import DeliveryError, Phase, Reply
from mail.session import Session
from mail.wire import PIECE, Answers, dot_stuffed, in_pieces

# Asked right before MAIL and right before the content: may wait, or raise what stops the mail while nothing of it is
# handed over.
Gate = Callable[[Literal["mail", "data"]], Awaitable[None]]

MAX_MAILS = 100
# Postfix begins to answer slowly after 10 errors on a connection, and hangs up after 20.
MAX_ERRORS = 8
# The replies after which a transaction goes on (RFC 5321 §4.3.2).
GOOD: dict[Phase, frozenset[int]] = {
    "mail": frozenset({250}),
    "rcpt": frozenset({250, 251, 252}),
    "data": frozenset({354}),
}


class Connection(Session):
    """A connection to an endpoint. Every failure is a DeliveryError that knows its phase."""

    # By the clock of the loop; kept by whoever keeps the connection.
    opened_at = used_at = 0.0

    @property
    def is_worn(self) -> bool:
        return self.mails >= MAX_MAILS or self.errors >= MAX_ERRORS

    @property
    def max_size(self) -> int:
        """The largest message the server takes; 0 when it does not say."""
        size = self.extensions.get("size", "").strip()
        return int(size) if size.isascii() and size.isdigit() else 0

    async def deliver(self, envelope: Envelope, gate: Gate | None = None) -> Accepted:
        """Hand one mail over. After an error the connection may be used again if `is_usable`."""
        self.phase = "mail"
        options = self._mail_options(envelope)
        if gate:
            await gate("mail")
        try:
            if "pipelining" in self.extensions:
                await self._announce(envelope, options)
            else:
                await self.mail_from(envelope.sender, options)
                await self.rcpt_to(envelope.recipient)
                await self._data()
            if gate:
                await gate("data")
            reply = await self._content(dot_stuffed(envelope.message), envelope.shared)
        except DeliveryError:
            self.errors += 1
            raise
        self._transaction_open = False
        self.mails += 1
        return Accepted(reply, self.tls)

    # -- All at once ---------------------------------------------------------------------------------

    async def _announce(self, envelope: Envelope, options: list[bytes]) -> None:
        """MAIL, RCPT and DATA in one write, to a server that listens so far ahead (RFC 2920)."""
        said: list[tuple[Phase, bytes]] = [
            ("mail", _mail_command(envelope.sender, options)),
            ("rcpt", _rcpt_command(envelope.recipient)),
            ("data", b"DATA"),
        ]
        if self._transaction_open:
            said.insert(0, ("mail", b"RSET"))
        with self._phase("mail"):
            self._transaction_open, self._in_step = True, False
            lines = b"".join([line + b"\r\n" for _, line in said])
            if lines.count(b"\n") != len(said):
                raise ValueError("A command holds a line break")
            answers = await self._on.exchange(lines, replies=len(said), seconds=self.endpoint.command_seconds)
        for (phase, _), (code, text) in zip(said, answers.heard, strict=False):
            if code not in GOOD[phase]:
                await self._refused(phase, code, text, answers)
        if answers.trouble is not None:
            with self._phase(said[len(answers.heard)][0]):
                raise answers.trouble

    async def _refused(self, phase: Phase, code: int, text: str, answers: Answers) -> NoReturn:
        """A command was refused. What the server said to those after it decides whether we are in step."""
        with self._phase(phase):
            reply = self._heard(code, text)
        self._in_step = answers.trouble is None and all(heard.code != 421 for heard in answers.heard)
        if self._in_step and answers.heard[-1].code == 354:
            # It waits for a message. Where nobody is to get it, an empty one ends that (RFC 2920 §3.1); where it took
            # the recipient, somebody would get it, and hanging up is all that is left.
            self._in_step = False
            if phase == "rcpt" and code >= 400:
                await self._end_empty()
        raise DeliveryError(phase, reply=reply, tls=self.tls, host=self._hostname)

    async def _end_empty(self) -> None:
        with contextlib.suppress(OSError):
            ended = await self._on.exchange(b".\r\n", replies=1, seconds=self.endpoint.command_seconds)
            self._in_step = ended.trouble is None and ended.heard[0].code != 421

    # -- Step by step --------------------------------------------------------------------------------

    async def mail_from(self, sender: str, options: list[bytes] | None = None) -> Reply:
        """Begin a transaction, after ending one that was left open: nothing of a mail may leak into the next."""
        with self._phase("mail"):
            await self.reset()
            self._transaction_open = True
            reply = await self._say(_mail_command(sender, options or []))
            self._expect(reply, reply.code in GOOD["mail"])
            return reply

    async def rcpt_to(self, recipient: str) -> Reply:
        """Name the recipient of the transaction."""
        with self._phase("rcpt"):
            reply = await self._say(_rcpt_command(recipient))
            self._expect(reply, reply.code in GOOD["rcpt"])
            return reply

    async def _data(self) -> None:
        with self._phase("data"):
            reply = await self._say(b"DATA")
            self._expect(reply, reply.code in GOOD["data"])
            self._in_step = False  # from here on it takes whatever is said for the message

    async def reset(self) -> None:
        """Make the server forget the transaction that a refusal left open."""
        if self._transaction_open:
            reply = await self._say(b"RSET")
            if reply.code != 250:
                self._in_step = False
            self._expect(reply, reply.code == 250)
            self._transaction_open = False

    def _mail_options(self, envelope: Envelope) -> list[bytes]:
        options = []
        size = envelope.size
        if "size" in self.extensions:
            if 0 < self.max_size < size:
                raise self._error("too_large", f"The message has {size} bytes; the server takes {self.max_size}")
            options.append(b"SIZE=%d" % size)
        smtputf8 = envelope.smtputf8 or not (envelope.sender + envelope.recipient).isascii()
        if smtputf8 and "smtputf8" not in self.extensions:
            raise self._error("smtputf8_missing", "The server does not accept international addresses (SMTPUTF8)")
        if "8bitmime" in self.extensions and (smtputf8 or not envelope.is_ascii):
            options.append(b"BODY=8BITMIME")
        if smtputf8:
            options.append(b"SMTPUTF8")
        return options

    # -- The content ---------------------------------------------------------------------------------

    async def _content(self, own: bytes, shared: bytes) -> Reply:
        """The message, after the server said to go ahead."""
        with self._phase("data"):
            self._in_step = False
            if len(own) + len(shared) <= PIECE:
                last = own + shared + b".\r\n"
            else:
                await self._on.write_pieces(in_pieces(own, shared), self.endpoint.command_seconds)
                last = b".\r\n"
            if self._on.has_answered:
                reply = self._heard(*await self._on.read_response())
                self._in_step = False
                self._expect(reply, False)
            if not self._on.is_connected:
                raise ConnectionResetError("Lost before the final dot")
            # This piece leaves together with the final dot: from then on only an answer tells its fate.
            self.phase = "final"
            answers = await self._on.exchange(last, replies=1, seconds=self.endpoint.data_seconds)
            if answers.trouble is not None:
                raise answers.trouble
            reply = self._heard(*answers.heard[0])
            self._expect(reply, 200 <= reply.code < 300)
            return reply


def _mail_command(sender: str, options: list[bytes]) -> bytes:
    return b" ".join([b"MAIL FROM:<" + sender.encode() + b">", *options])


def _rcpt_command(recipient: str) -> bytes:
    return b"RCPT TO:<" + recipient.encode() + b">"
