"""One session of the SMTP double: what it hears, what it says, and what a client may not do."""

import asyncio
import base64
import binascii
import email
import email.policy
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.smtp_double import SmtpDouble


@dataclass(frozen=True, slots=True)
class Received:
    """One accepted mail: its envelope, its bytes without dot-stuffing, and how it came."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    mail_options: tuple[str, ...]
    connection: int
    tls: str
    user: str
    moment: float = field(default_factory=time.monotonic)

    @property
    def message(self) -> EmailMessage:
        message = email.message_from_bytes(self.data, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass(slots=True)
class Rule:
    """What happens at a point, how often, and for which address."""

    point: str
    reply: str | None = None  # None: the usual answer
    closes: Literal["", "instead", "after"] = ""
    seconds: float = 0
    until: threading.Event | None = None
    address: str = ""
    left: int | None = None  # None: every time

    def fits(self, point: str, address: str) -> bool:
        return self.point == point and self.left != 0 and self.address.lower() in ("", address.lower())


class ClosedError(Exception):
    """The session is over, by order or because the client has gone."""


class Session:
    """One connection, from the banner to its end."""

    def __init__(
        self, double: "SmtpDouble", number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.double, self.number, self.reader, self.writer = double, number, reader, writer
        self.user = ""
        self.greeted = False
        self.carried = 0
        self.forget_mail()

    def forget_mail(self) -> None:
        self.sender: str | None = None
        self.mail_options: tuple[str, ...] = ()
        self.recipients: list[str] = []

    @property
    def tls(self) -> str:
        tls = self.writer.get_extra_info("ssl_object")
        return tls.version() if tls else ""

    async def run(self) -> None:
        if self.double.connections_at_most is not None and self.double.open > self.double.connections_at_most:
            await self._turn_away(self.double.too_many)
        await self.say("CONNECT", "220 double.lab.test ESMTP")
        while True:
            line = await self.line()
            self.double.commands.append(line if not line.upper().startswith("AUTH") else "AUTH ***")
            verb, _, rest = line.partition(" ")
            verb = {"HELO": "EHLO"}.get(verb.upper(), verb.upper())
            handler: Callable[[str], Any] | None = getattr(self, f"on_{verb.lower()}", None)
            if not handler:
                await self.send(f"500 5.5.2 {verb} is not understood")
            else:
                await handler(rest)

    # -- Reading and answering ---------------------------------------------------------------------
    async def line(self) -> str:
        raw = await self.reader.readuntil(b"\n")
        if not raw.endswith(b"\r\n"):
            self.wrong("a command ended in a bare LF")
        try:
            line = raw.rstrip(b"\r\n").decode()
        except UnicodeDecodeError:
            self.wrong("a command is neither ASCII nor UTF-8")
            line = raw.rstrip(b"\r\n").decode(errors="replace")
        if not line.isascii() and "SMTPUTF8" not in self.double.extensions:
            self.wrong(f"UTF-8 in a command without SMTPUTF8: {line}")
        return line

    def wrong(self, what: str) -> None:
        self.double.violations.append(what)

    async def say(self, point: str, usual: str, address: str = "") -> str:
        """Answer at a point, as usual or as ordered; what was answered."""
        rule = self.double.rule(point, address)
        if rule.until:
            await asyncio.to_thread(rule.until.wait, 30)
        if rule.seconds:
            await asyncio.sleep(rule.seconds)
        if rule.closes == "instead":
            raise ClosedError
        reply = usual if rule.reply is None else rule.reply
        await self.send(reply)
        if rule.closes == "after" or reply.startswith("421"):
            await self.finish()
        return reply

    async def send(self, reply: str) -> None:
        if "PIPELINING" not in self.double.extensions and self.reader._buffer:  # type: ignore[attr-defined]
            self.wrong("the client did not wait for an answer, and PIPELINING is not offered")
        lines = reply.split("\n")
        for line in lines[:-1]:
            await self.write(f"{line[:3]}-{line[4:]}\r\n".encode())
        await self.write(f"{lines[-1]}\r\n".encode())

    async def write(self, data: bytes) -> None:
        for piece in [data[at : at + 1] for at in range(len(data))] if self.double.slowly else [data]:
            self.writer.write(piece)
            await self.writer.drain()
            if self.double.slowly:
                await asyncio.sleep(0)

    async def finish(self) -> None:
        # An orderly end, so that the client is sure to read the last answer.
        self.writer.close()
        await self.writer.wait_closed()
        raise ClosedError

    async def _turn_away(self, reply: str) -> None:
        self.double.turned_away += 1
        if reply == "close":
            raise ClosedError
        await self.send(reply)
        if reply.startswith(("421", "554")):
            await self.finish()

    @property
    def is_spent(self) -> bool:
        return self.double.mails_at_most is not None and self.carried >= self.double.mails_at_most

    # -- Commands ----------------------------------------------------------------------------------
    async def on_ehlo(self, _: str) -> None:
        self.greeted = True
        self.forget_mail()
        offers = list(self.double.extensions)
        if self.double.size is not None:
            offers.append(f"SIZE {self.double.size}")
        if self.double.security == "starttls" and not self.tls:
            offers.append("STARTTLS")
        if self.double.needs_log_in and (self.tls or self.double.security == "none"):
            offers.append("AUTH " + " ".join(self.double.offered))
        await self.say("EHLO", "\n".join(f"250 {offer}" for offer in ["double.lab.test", *offers]))

    async def on_starttls(self, _: str) -> None:
        if self.double.security != "starttls" or self.tls:
            await self.send("502 5.5.1 STARTTLS is not offered")
            return
        reply = await self.say("STARTTLS", "220 2.0.0 Ready to start TLS")
        if reply.startswith("220"):
            if self.reader._buffer:  # type: ignore[attr-defined]
                self.wrong("the client sent commands together with STARTTLS")
            await self.writer.start_tls(self.double.tls)  # type: ignore[arg-type]
            self.greeted = False

    async def on_auth(self, rest: str) -> None:
        mechanism, _, first = rest.partition(" ")
        if not self.greeted:
            self.wrong("AUTH before EHLO")
        if self.user:
            await self.send("503 5.5.1 Already authenticated")
            return
        if mechanism.upper() not in self.double.offered:
            await self.send("504 5.5.4 Mechanism is not offered")
            return
        self.double.log_ins += 1
        if self.double.waits_for_question:
            first = ""
        if mechanism.upper() == "XOAUTH2":
            await self._xoauth2(first)
            return
        try:
            user, password = await (self._plain(first) if mechanism.upper() == "PLAIN" else self._login(first))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            await self.send("501 5.5.2 Cannot decode")
            return
        right = self.double.users.get(user) == password
        usual = "235 2.7.0 Authentication successful" if right else "535 5.7.8 Authentication credentials invalid"
        if (await self.say("AUTH", usual)).startswith("235"):
            self.user = user

    async def _xoauth2(self, first: str) -> None:
        """As Gmail does it: a token that is no good is answered with JSON, and refused after an empty line."""
        found = re.fullmatch(r"user=([^\x01]*)\x01auth=Bearer ([^\x01]+)\x01\x01", await self._challenge("", first))
        if not found or not self.double.accepts_token:
            await self.send("501 5.5.2 Cannot decode")
            return
        user, token = found.groups()
        self.double.tokens.append(token)
        if self.double.accepts_token(user, token):
            if (await self.say("AUTH", "235 2.7.0 Accepted")).startswith("235"):
                self.user = user
            return
        why = b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'
        await self.send(f"334 {base64.b64encode(why).decode()}")
        if await self.line():
            self.wrong("the reason in JSON was not answered with an empty line")
        await self.say("AUTH", "535 5.7.8 Username and Password not accepted")

    async def _plain(self, first: str) -> tuple[str, str]:
        _, user, password = (await self._challenge("", first)).split("\0")
        return user, password

    async def _login(self, first: str) -> tuple[str, str]:
        return await self._challenge("Username:", first), await self._challenge("Password:")

    async def _challenge(self, question: str, answer: str = "") -> str:
        if not answer:
            await self.send(f"334 {base64.b64encode(question.encode()).decode()}")
            answer = await self.line()
        return base64.b64decode(answer, validate=True).decode()

    async def on_mail(self, rest: str) -> None:
        address, options = _path(rest)
        if self.sender is not None:
            self.wrong("MAIL inside a mail transaction")
        if not self.greeted:
            self.wrong("MAIL before EHLO")
        declared = next((int(option[5:]) for option in options if option.startswith("SIZE=")), 0)
        usual = "250 2.1.0 Ok"
        if self.double.needs_log_in and not self.user:
            usual = "530 5.7.0 Authentication required"
        elif self.double.size is not None and declared > self.double.size:
            usual = "552 5.3.4 Message size exceeds fixed limit"
        self._check_options(options, address)
        if self.is_spent:
            await self._turn_away(self.double.enough)
            return
        if (await self.say("MAIL", usual, address)).startswith("250"):
            self.sender, self.mail_options, self.recipients = address, options, []

    def _check_options(self, options: Iterable[str], address: str) -> None:
        offered = {*self.double.extensions, *(["SIZE"] if self.double.size is not None else [])}
        for option in options:
            name = {"BODY": "8BITMIME"}.get(option.split("=")[0], option.split("=")[0])
            if name not in offered:
                self.wrong(f"MAIL {option} without {name} being offered")
        if not address.isascii() and "SMTPUTF8" not in options:
            self.wrong(f"MAIL FROM:<{address}> without the SMTPUTF8 parameter")

    async def on_rcpt(self, rest: str) -> None:
        address, _ = _path(rest)
        if self.sender is None:
            if "PIPELINING" not in self.double.extensions:  # a pipelining client cannot know yet that MAIL was refused
                self.wrong("RCPT without MAIL")
            await self.send("503 5.5.1 MAIL first")
        elif (await self.say("RCPT", "250 2.1.5 Ok", address)).startswith("250"):
            self.recipients.append(address)

    async def on_data(self, _: str) -> None:
        if not self.recipients:
            # A pipelining client may ask this way, RFC 2920 §3.1; a waiting one may not.
            await self.send("554 5.5.1 No valid recipients")
            return
        if not (await self.say("DATA", "354 End data with <CR><LF>.<CR><LF>")).startswith("354"):
            self.forget_mail()
            return
        data = await self._body()
        self._check_body(data)
        usual = f"250 2.0.0 Ok: queued as {len(self.double.mails) + 1:08X}"
        if self.double.size is not None and len(data) > self.double.size:
            usual = "552 5.3.4 Message too big"
        mail = Received(
            self.sender or "", tuple(self.recipients), data, self.mail_options, self.number, self.tls, self.user
        )
        self.forget_mail()
        await self._final(mail, usual)

    async def _final(self, mail: Received, usual: str) -> None:
        rule = self.double.rule("FINAL", mail.recipients[0])
        if (rule.reply or usual).startswith("250"):
            # Kept before it is answered, as a real server does: a lost answer does not unsend a mail.
            self.double.mails.append(mail)
        if seconds := rule.seconds + self.double.pace:
            await asyncio.sleep(seconds)
        if rule.closes == "instead":
            raise ClosedError
        await self.send(rule.reply or usual)
        self.carried += (rule.reply or usual).startswith("250")
        at_once = self.is_spent and self.double.enough == "close after"
        if at_once or rule.closes == "after" or (rule.reply or "").startswith("421"):
            await self.finish()

    async def _body(self) -> bytes:
        rule = self.double.rule("BODY", self.recipients[0])
        start = b""
        if rule.closes or rule.seconds:
            start = await self.reader.readexactly(self.double.body_bytes)
            await asyncio.sleep(rule.seconds)
            if rule.closes:
                raise ClosedError
        lines: list[bytes] = []
        while (line := start + await self.reader.readuntil(b"\n")) != b".\r\n":
            if not line.endswith(b"\r\n"):
                self.wrong("a line of a message ends in a bare LF")
            lines.append(line.removeprefix(b"."))
            start = b""
        return b"".join(lines)

    def _check_body(self, data: bytes) -> None:
        if b"\r" in data.replace(b"\r\n", b""):
            self.wrong("a bare CR in a message")
        if max(map(len, data.split(b"\r\n"))) > 998:
            self.wrong("a line of a message is longer than 998 bytes (RFC 5322 §2.1.1)")
        if not data.isascii() and not {"BODY=8BITMIME", "SMTPUTF8"} & set(self.mail_options):
            self.wrong("8-bit data in a message that was announced as 7-bit")

    async def on_rset(self, _: str) -> None:
        self.forget_mail()
        await self.say("RSET", "250 2.0.0 Ok")

    async def on_noop(self, _: str) -> None:
        await self.say("NOOP", "250 2.0.0 Ok")

    async def on_quit(self, _: str) -> None:
        await self.say("QUIT", "221 2.0.0 Bye")
        await self.finish()


def _path(rest: str) -> tuple[str, tuple[str, ...]]:
    """The address and the upper-case parameters of `FROM:<…> A=B` or `TO:<…>`."""
    found = re.fullmatch(r"(?:FROM|TO):\s*<([^>]*)>\s*(.*)", rest, re.IGNORECASE)
    return (found[1], tuple(found[2].upper().split())) if found else ("", ())
