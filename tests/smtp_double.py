"""A real SMTP server on loopback that does what it is told, right or wrong.

    def test_a_busy_server_is_asked_again_later(mail, smtp_double):
        smtp_double.answer("RCPT", "451 4.7.1 Greylisted, try again later")

It can be told something for each *point* of a session: CONNECT (before the banner), EHLO, STARTTLS, AUTH,
MAIL, RCPT, DATA, BODY (in the middle of the message), FINAL (after the final dot), RSET, NOOP, QUIT.
It is strict about what it hears: what a client may not send is kept in `violations`, and the fixture
fails the test for it.
"""

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from tests.lab.smtp_session import ClosedError, Received, Rule, Session
from tests.lab.waiting import eventually

POINTS = {"CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY", "FINAL", "RSET", "NOOP", "QUIT"}
Security = Literal["none", "starttls", "tls"]


@dataclass
class SmtpDouble:
    """The server. Start and stop it, or use it in a `with`; `host` and `port` say where it is."""

    security: Security = "none"
    tls: ssl.SSLContext | None = None
    users: dict[str, str] = field(default_factory=dict)  # with users, MAIL needs a log-in
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    # Whether a token is good for a user: XOAUTH2 is offered, and MAIL needs a log-in.
    accepts_token: Callable[[str, str], bool] | None = None
    waits_for_question: bool = False  # AUTH takes no answer on its own line
    size: int | None = 10 * 1024 * 1024  # None: SIZE is not offered
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    slowly: bool = False  # answers travel one byte a packet
    pace: float = 0  # seconds that a message takes beside all orders, so that what happens may happen in the middle
    body_bytes: int = 1  # how much of the message is read before BODY happens
    # A connection carries so many mails: the next MAIL is answered with `enough`; with "close" it hangs up instead, and
    # with "close after" it did so with its last answer.
    mails_at_most: int | None = None
    enough: str = "421 4.7.0 Too many messages in this connection"
    # Whoever connects beside so many hears `too_many`.
    connections_at_most: int | None = None
    too_many: str = "421 4.7.0 Too many concurrent connections"

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # every line heard outside messages and log-ins
    violations: list[str] = field(default_factory=list)
    connections: int = 0
    log_ins: int = 0  # tried, right or wrong
    tokens: list[str] = field(default_factory=list)  # every token that was shown, good or not
    open: int = 0
    most_open: int = 0
    turned_away: int = 0  # connections that were one too many, and mails beyond `mails_at_most`

    def __post_init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def needs_log_in(self) -> bool:
        return bool(self.users) or self.accepts_token is not None

    @property
    def offered(self) -> tuple[str, ...]:
        """The mechanisms that EHLO names."""
        return (*(self.mechanisms if self.users else ()), *(("XOAUTH2",) if self.accepts_token else ()))

    # -- Orders ------------------------------------------------------------------------------------
    def answer(self, point: str, reply: str, *, address: str = "", times: int | None = None) -> None:
        """Say this at the point; several lines by "\\n". 421 closes too. `address` is of MAIL or RCPT."""
        self._add(Rule(point, reply=reply, address=address, left=times))

    def close(self, point: str, *, after: bool = False, address: str = "", times: int | None = None) -> None:
        """Drop the connection instead of answering at the point, or just after having answered."""
        self._add(Rule(point, closes="after" if after else "instead", address=address, left=times))

    def delay(self, point: str, seconds: float, *, times: int | None = None) -> None:
        """Answer as usual, later."""
        self._add(Rule(point, seconds=seconds, left=times))

    def hang(self, point: str, *, times: int | None = None) -> None:
        """Never answer at the point, and keep the connection."""
        self.delay(point, 3600, times=times)

    def hold(self, point: str) -> threading.Event:
        """Answer as usual, once the event is set."""
        self._add(Rule(point, until=threading.Event()))
        return self._rules[-1].until  # type: ignore[return-value]

    def behave(self) -> None:
        """Forget all orders."""
        with self._lock:
            self._rules.clear()

    @property
    def orders_left(self) -> int:
        """How often it has still to do what it was told to do so and so often."""
        with self._lock:
            return sum(rule.left or 0 for rule in self._rules)

    def _add(self, rule: Rule) -> None:
        assert rule.point in POINTS, f"{rule.point} is none of {sorted(POINTS)}"
        with self._lock:
            self._rules.append(rule)

    def rule(self, point: str, address: str = "") -> Rule:
        """What to do now; counts as done once."""
        with self._lock:
            for rule in self._rules:
                if rule.fits(point, address):
                    if rule.left is not None:
                        rule.left -= 1
                    return rule
        return Rule(point)

    # -- What it has seen --------------------------------------------------------------------------
    @property
    def url(self) -> str:
        """As EMAIL_URL takes it, without a log-in."""
        return f"smtp{'s' if self.security == 'tls' else ''}://{self.host}:{self.port}" + (
            "?tls=starttls" if self.security == "starttls" else ""
        )

    @property
    def mails_per_connection(self) -> dict[int, int]:
        return dict(Counter(mail.connection for mail in self.mails))

    def mails_to(self, address: str) -> list[Received]:
        return [mail for mail in list(self.mails) if address.lower() in map(str.lower, mail.recipients)]

    def wait_for(self, number: int, deadline: float = 10) -> list[Received]:
        """The mails received, once there are that many."""
        eventually(
            lambda: len(self.mails) >= number, deadline=deadline, says=lambda: f"{len(self.mails)} of {number} mails"
        )
        return list(self.mails)

    # -- Life --------------------------------------------------------------------------------------
    def start(self) -> "SmtpDouble":
        """Listen, on the same port as before if it was stopped in between."""
        assert self.tls or self.security == "none", "TLS needs a certificate: SmtpDouble(tls=authority.server…)"
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="smtp-double", daemon=True
        )
        self._thread.start()
        assert started.wait(10), "the SMTP double did not start"
        return self

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._thread:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)
            assert not self._thread.is_alive(), "the SMTP double did not stop"
            self._thread = None

    def __enter__(self) -> "SmtpDouble":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        sessions: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            sessions.add(task)
            try:
                await self._session(reader, writer)
            finally:
                sessions.discard(task)

        tls = self.tls if self.security == "tls" else None
        # A client that gives up during the handshake is nothing the server's loop should complain about.
        self._loop.set_exception_handler(lambda loop, context: None)
        server = await asyncio.start_server(serve, self.host, self.port, ssl=tls, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stopping.wait()
        server.close()
        for task in sessions:
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        session = Session(self, self.connections, reader, writer)
        try:
            await session.run()
        except (ClosedError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        except Exception as defect:
            self.violations.append(f"defect of the double: {defect!r}")
            raise
        finally:
            self.open -= 1
            writer.transport.abort()


@pytest.fixture
def smtp_doubles() -> Iterator[Callable[..., SmtpDouble]]:
    """Starts SMTP servers with the options of SmtpDouble: `smtp_doubles(users={"alice": "secret"})`."""
    started: list[SmtpDouble] = []

    def start(**options: Any) -> SmtpDouble:
        started.append(SmtpDouble(**options).start())
        return started[-1]

    yield start
    for double in started:
        double.stop()
    assert not [double.violations for double in started if double.violations]


@pytest.fixture
def smtp_double(smtp_doubles: Callable[..., SmtpDouble]) -> SmtpDouble:
    """An SMTP server on loopback: plain, without log-in, with every usual extension."""
    return smtp_doubles()
