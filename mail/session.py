"""A session with a server: opened step by step, ended politely; what is said in between is `connection`'s.

aiosmtplib frames the replies, upgrades to TLS and encodes the log-in. Its higher calls are not used: they hide in
which phase a mail ended (which decides whether it may be sent again), try a wrong password with every mechanism
that the server offers, and cannot tell a message half written from one whose final dot had left.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator

from aiosmtplib import SMTPResponse, SMTPResponseException
from aiosmtplib.auth import auth_crammd5_verify, auth_login_encode, auth_plain_encode
from aiosmtplib.esmtp import parse_esmtp_extensions

from mail.endpoint import ClientCertificateUnusable, Endpoint
from mail.exceptions import BEFORE_MAIL, DeliveryError, Phase, Reply
from mail.oauth_login import TokenSource, show
from mail.reply_rules import is_permanent
from mail.wire import Address, Wire, own_name, reach, resolve, tell, without_secrets

QUIT_SECONDS = 2.0
MECHANISMS = ("plain", "login", "cram-md5")


class Session:
    """A session with an endpoint. Every failure is a DeliveryError that knows its phase."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.phase: Phase = "resolve"
        self.address: Address | None = None
        self.extensions: dict[str, str] = {}
        self.tls = ""
        self.mails = 0
        self.errors = 0
        self.greeted: Reply | None = None
        self.addresses: list[Address] = []
        self.mechanisms: list[str] = []
        self._socket: socket.socket | None = None
        self._wire: Wire | None = None
        # False while an answer is awaited and after any that never came: then nothing more can be said here.
        self._in_step = False
        self._transaction_open = False

    # -- Opening ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Go through every step up to the log-in; closed again when one of them fails."""
        try:
            for _phase, step in self.steps():
                await step()
        except BaseException:
            await self.abort()
            raise

    def steps(self) -> Iterator[tuple[Phase, Callable[[], Awaitable[None]]]]:
        """What opening consists of, in order."""
        yield "resolve", self.resolve
        yield "connect", self.connect
        if self.endpoint.security == "tls":
            yield "starttls", self.handshake
        yield "greeting", self.greeting
        yield "ehlo", self.ehlo
        if self.endpoint.security == "starttls":
            yield "starttls", self.starttls
            yield "ehlo", self.ehlo  # what was said in the clear no longer counts (RFC 3207 §4.2)
        if self.endpoint.username or self.endpoint.tokens is not None:
            yield "auth", self.login

    async def resolve(self) -> None:
        """Find the addresses of the host."""
        with self._phase("resolve"):
            async with asyncio.timeout(self.endpoint.connect_seconds):
                self.addresses = await resolve(self.endpoint.host, self.endpoint.port)

    async def connect(self) -> None:
        """Reach one of the addresses, trying each; all of them together have the time to connect."""
        with self._phase("connect"):
            async with asyncio.timeout(self.endpoint.connect_seconds) as limit:
                for position, address in enumerate(self.addresses):
                    share = (limit.when() or 0) - asyncio.get_running_loop().time()
                    last = position == len(self.addresses) - 1
                    try:
                        # One address that swallows packets must not use up the time of the next.
                        async with asyncio.timeout(share / (len(self.addresses) - position)):
                            self._socket = await reach(address)
                    except OSError:
                        if last:
                            raise
                    else:
                        self.address = address
                        break
            if self.endpoint.security != "tls":
                await self._attach(None)

    async def handshake(self) -> None:
        """TLS from the first byte."""
        with self._phase("starttls"):
            async with asyncio.timeout(self.endpoint.connect_seconds):
                await self._attach(await self._tls_context())
            self._note_tls()

    async def greeting(self) -> None:
        """Hear the server's 220."""
        with self._phase("greeting"):
            response = await self._on.read_response(timeout=self.endpoint.command_seconds)
            reply = self._heard(*response)
            self.greeted = reply
            self._expect(reply, reply.code == 220)

    async def ehlo(self) -> None:
        """Introduce ourselves and learn what the server can do; HELO for those who know no EHLO."""
        with self._phase("ehlo"):
            name = (self.endpoint.ehlo_name or own_name(self._on)).encode("ascii", "replace")
            response = await self._exchange(b"EHLO", name)
            self.extensions, self.mechanisms = parse_esmtp_extensions(response.message)
            reply = self._heard(*response)
            if reply.code in (500, 502, 504):
                self.extensions, self.mechanisms = {}, []
                reply = await self._say(b"HELO", name)
            self._expect(reply, reply.code == 250)

    async def starttls(self) -> None:
        """Upgrade to TLS; without it nothing more is said."""
        with self._phase("starttls"):
            if "starttls" not in self.extensions:
                raise self._error("starttls_missing", "The server does not offer STARTTLS")
            context = await self._tls_context()
            seconds = self.endpoint.command_seconds
            self._in_step = False
            try:
                response = await self._on.start_tls(context, server_hostname=self._hostname, timeout=seconds)
            except SMTPResponseException as refusal:
                self._expect(self._heard(refusal.code, refusal.message), False)
            except BaseException:
                self._on.closed.set()  # asyncio tells a protocol nothing about the end of a failed upgrade
                raise
            else:
                self._heard(*response)
            self._note_tls()

    async def login(self) -> None:
        """Log in by one mechanism, once: every further try of a wrong password counts towards a lock-out."""
        with self._phase("auth"):
            if self.endpoint.tokens is not None:
                await self._show_tokens(self.endpoint.tokens)
                return
            password = self.endpoint.password
            if password is None:
                raise self._error("credentials_unreadable", "No key opens the stored password")
            mechanism = next((name for name in MECHANISMS if name in self.mechanisms), None)
            if mechanism is None:
                offered = ", ".join(self.mechanisms).upper() or "none"
                raise self._error("auth_unavailable", f"No usable log-in mechanism (offered: {offered})")
            reply, secrets = await self._authenticate(mechanism, self.endpoint.username, password)
            # Some servers repeat the line that they did not like.
            self._expect(without_secrets(reply, [*secrets, password]), reply.code == 235)

    async def _show_tokens(self, tokens: TokenSource) -> None:
        if not self.tls:
            raise self._error("token_needs_tls", "A token is shown under TLS only (RFC 6750)")
        if "xoauth2" not in self.mechanisms:
            offered = ", ".join(self.mechanisms).upper() or "none"
            raise self._error("auth_unavailable", f"The server does not offer XOAUTH2 (offered: {offered})")
        user, token = self.endpoint.username, await tokens.get()
        reply = await show(self._say, user, token)
        if is_permanent(reply) and reply.code != 421:
            # Over before its time, or taken back: once more with another one, for which the provider is asked.
            reply = await show(self._say, user, await tokens.get(but=token))
        if is_permanent(reply):
            raise DeliveryError(self.phase, "token_refused", reply=reply, tls=self.tls, host=self._hostname)
        self._expect(reply, reply.code == 235)

    async def _authenticate(self, mechanism: str, username: str, password: str) -> tuple[Reply, list[str]]:
        if mechanism == "plain":
            answer = auth_plain_encode(username, password)
            reply = await self._say(b"AUTH", b"PLAIN", answer)
            if reply.code == 334:  # it takes no answer before its question
                reply = await self._say(answer)
            return reply, [answer.decode()]
        if mechanism == "login":
            user, secret = auth_login_encode(username, password)
            reply = await self._say(b"AUTH", b"LOGIN")
            if reply.code == 334:
                reply = await self._say(user)
            if reply.code == 334:
                reply = await self._say(secret)
            return reply, [secret.decode()]
        reply = await self._say(b"AUTH", b"CRAM-MD5")
        if reply.code == 334:
            reply = await self._say(auth_crammd5_verify(username, password, reply.text))
        return reply, []

    @property
    def is_usable(self) -> bool:
        """Still connected, nobody owes an answer, and none lies there that was not asked for."""
        return self._in_step and self._wire is not None and self._wire.is_connected and not self._wire.is_ahead

    # -- Ending ----------------------------------------------------------------------------------

    async def quit(self) -> None:
        """Say goodbye when the server listens, and close in any case."""
        if self.is_usable:
            with contextlib.suppress(DeliveryError), self._phase("final"):
                await self._say(b"QUIT", seconds=QUIT_SECONDS)
        await self.abort()

    async def abort(self) -> None:
        """Close at once; returns when the socket is closed."""
        self._in_step = False
        if self._wire is not None:
            self._wire.abort()
            # Not `wait_for`, which may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIT_SECONDS):
                    await self._wire.closed.wait()
        elif self._socket is not None:
            self._socket.close()

    # -- Words and errors ------------------------------------------------------------------------

    @property
    def _on(self) -> Wire:
        if self._wire is None:
            raise ConnectionResetError("Not connected")
        return self._wire

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate (DER); None without TLS."""
        tls = self._wire.tls if self._wire is not None else None
        return tls.getpeercert(binary_form=True) if tls is not None else None

    @property
    def _hostname(self) -> str:
        return self.endpoint.host.rstrip(".")  # certificates name hosts without the final dot

    async def _attach(self, context: ssl.SSLContext | None) -> None:
        """Give the connected socket to the protocol, under TLS when there is a context."""
        hostname = self._hostname if context else None
        wire = Wire()
        await asyncio.get_running_loop().create_connection(
            lambda: wire, sock=self._socket, ssl=context, server_hostname=hostname
        )
        self._wire = wire

    async def _tls_context(self) -> ssl.SSLContext:
        try:
            return await asyncio.to_thread(self.endpoint.tls_context)
        except ClientCertificateUnusable as error:
            raise self._error(error.kind, str(error)) from error
        except ValueError as error:
            raise self._error("ca_invalid", "The private CA certificate cannot be read") from error

    def _note_tls(self) -> None:
        tls = self._on.tls
        self.tls = (tls.version() or "") if tls is not None else ""

    async def _say(self, *words: bytes, seconds: float | None = None) -> Reply:
        return self._heard(*await self._exchange(*words, seconds=seconds))

    async def _exchange(self, *words: bytes, seconds: float | None = None) -> SMTPResponse:
        self._in_step = False
        limit = self.endpoint.command_seconds if seconds is None else seconds
        return await self._on.execute_command(*words, timeout=limit)

    def _heard(self, code: int, text: str) -> Reply:
        if not 200 <= code <= 599:
            raise self._gibberish(f"Not an SMTP reply: {text}")
        # 421 announces that the server hangs up, whatever it was asked (RFC 5321 §3.8).
        self._in_step = code != 421
        return Reply.of(code, text)

    def _expect(self, reply: Reply, as_hoped: bool) -> None:
        if not as_hoped:
            raise DeliveryError(self.phase, reply=reply, tls=self.tls, host=self._hostname)

    def _error(self, kind: str, detail: str) -> DeliveryError:
        return DeliveryError(self.phase, kind, tls=self.tls, detail=detail, host=self._hostname)

    def _gibberish(self, detail: str) -> DeliveryError:
        """The server speaks no SMTP. While we log in, its words are not repeated: they may be our secret, sent back."""
        return self._error("protocol", "Not an SMTP reply" if self.phase == "auth" else detail)

    @contextlib.contextmanager
    def _phase(self, phase: Phase) -> Iterator[None]:
        """Whatever happens inside happened in this phase, and is told in our own words."""
        self.phase = phase
        try:
            yield
        except SMTPResponseException as error:
            raise self._gibberish(error.message) from None
        except OSError as error:
            # Once a mail is on its way, only that the connection was lost matters.
            alert = self._wire.alert if self._wire is not None and self.phase in BEFORE_MAIL else None
            raise self._error(*tell(alert or error, self.phase)) from error
