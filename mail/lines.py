"""A worker's line to one server: its connections, and what the worker knows of the server at this moment."""

import asyncio
from dataclasses import dataclass, field

from mail.delivery import Job, ServerOut, counts_for_breaker, lets_us_in
from mail.endpoint import Endpoint
from mail.exceptions import BEFORE_MAIL, DeliveryError
from mail.replies import Outcome, classify
from mail.settling import BREAKER_FAILURES
from mail.smtp import Pool


@dataclass(slots=True)
class Line:
    """This worker's line to one server."""

    endpoint: Endpoint
    pool: Pool
    # A connection got as far as MAIL. Until then mails go one at a time: a wrong password is tried once, not ten times.
    proven: bool = False
    failures: int = 0
    blocked: bool = False
    slowed: bool = False
    _first: asyncio.Lock = field(default_factory=asyncio.Lock)
    _prover: "asyncio.Task[object] | None" = None

    @classmethod
    def to(cls, endpoint: Endpoint) -> "Line":
        return cls(endpoint, Pool(endpoint))

    @property
    def is_out(self) -> bool:
        return self.blocked or self.slowed or self.failures >= BREAKER_FAILURES

    def come_back(self) -> None:
        """It was mended, or its rest is over; one more failure is enough to leave it alone again."""
        self.blocked, self.slowed, self.failures, self.proven = False, False, BREAKER_FAILURES - 1, False

    def refuse_when_out(self, job: Job) -> None:
        """Raise ServerOut while the server is left alone. A person's "send now" passes a resting one only."""
        if self.blocked or self.slowed or (self.is_out and not job.mail.urgent):
            raise ServerOut

    async def __aenter__(self) -> None:
        """A mail's turn: alone with the server while it is not proven, side by side with others then."""
        if not self.proven:
            await self._first.acquire()
            self._prover = asyncio.current_task()
            if self.proven:
                self._let_others()

    async def __aexit__(self, *error: object) -> None:
        self._let_others()

    def reached_mail(self) -> None:
        """It is there and let us in; what this mail's fate will be need not concern the others."""
        self.proven = True
        self._let_others()

    def accepted(self) -> None:
        self.failures = 0

    def failed(self, job: Job, error: DeliveryError) -> None:
        """Learn from a mail that was not accepted."""
        verdict = classify(error)
        if verdict.outcome is Outcome.BLOCKED:
            self.blocked = True
        elif verdict.slow_down:
            self.slowed = True
        elif counts_for_breaker(job, verdict):
            self.failures += 1
        elif lets_us_in(error, verdict):
            self.failures = 0
        if error.phase in BEFORE_MAIL:
            self.proven = False

    def _let_others(self) -> None:
        if self._prover is not None and self._prover is asyncio.current_task():
            self._prover = None
            self._first.release()
