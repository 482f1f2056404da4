"""An installation with two workers and a schedule, a server that misbehaves, and what each fault cost."""

import contextlib
import itertools
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from celery import Celery

from tests.lab.ports import free_port
from tests.lab.proc import Process
from tests.lab.redis import Redis
from tests.lab.stack import CELERY, Stack
from tests.lab.waiting import eventually
from tests.peers.faults.receiver import Receiver
from tests.peers.faults.talking import Talker

# The long round (`make faults`) takes what the design speaks of, several times, at other moments each time.
IS_LONG = bool(os.environ.get("DAERIS_LONG"))
MAILS = 3_000 if IS_LONG else 150
# A mail takes its time, so that whatever happens, happens in the middle, also on a busy machine.
PACE = 0.01 if IS_LONG else 0.04
REPETITIONS = range(5 if IS_LONG else 1)
SEED = int(os.environ.get("FAULTS_SEED") or random.randrange(10**6))

CONNECTIONS = 5
LEASE_SECONDS = 3
COMMAND_SECONDS = 3
# What a dead worker may have handed over without writing it down: one mail on each connection, and two group commits
# that together are no more than twice the connections (design §3, §6).
HELD = 3 * CONNECTIONS

SETTINGS = {
    "EMAIL_URL": "smtp://127.0.0.1:9",
    "MAIL_LEASE_SECONDS": LEASE_SECONDS,
    "MAIL_BACKOFF_SECONDS": 1,
    "MAIL_COMMAND_SECONDS": COMMAND_SECONDS,
    "MAIL_DATA_SECONDS": COMMAND_SECONDS,
}


@dataclass
class Row:
    """One fault: its mails, and what became of them."""

    site: "Site"
    name: str
    prefix: str
    total: int
    # How many may come twice; all of them as attempts of unknown outcome.
    may_repeat: int = 0
    # The states in which its mails may end.
    ends_as: frozenset[str] = frozenset({"sent"})
    when: list[str] = field(default_factory=list)
    lost: int = 0
    twice: int = 0
    uncertain: int = 0
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0

    @property
    def customers(self) -> set[str]:
        return {f"{self.prefix}{number}@acme.test" for number in range(self.total)}

    def accepted(self) -> Counter[str]:
        """How often each customer got the mail so far."""
        return self.site.receiver.accepted(self.prefix)

    def wait_for(self, number: int, deadline: float = 60) -> None:
        """Return once so many were accepted."""
        eventually(
            lambda: sum(self.accepted().values()) >= number,
            deadline=deadline,
            says=lambda: f"{sum(self.accepted().values())} of {number} accepted; {self.states()}",
            every=0.005,
        )

    def at_some_moment(self, after: float = 0.05, until: float = 0.6) -> None:
        """Return at a random moment while mail goes out, between these parts of it."""
        number = self.site.chance.randint(int(self.total * after), int(self.total * until))
        self.wait_for(number)
        self.when.append(f"at {number}")

    def states(self) -> dict[str, int]:
        states = "SELECT state, count(*) FROM mail_mail WHERE recipient_address LIKE %s GROUP BY state"
        return dict(self.site.stack.sql(states, f"{self.prefix}%"))  # type: ignore[arg-type]

    def is_settled(self) -> bool:
        try:
            states = self.states()
        except psycopg.Error:  # it is away by order
            return False
        return states.keys() <= self.ends_as and sum(states.values()) == self.total

    def until_settled(self, *, deadline: float = 0, rings: bool = True) -> None:
        """Return once every mail has ended, ringing meanwhile as posts and the schedule do."""

        def look() -> bool:
            if rings:
                self.site.ring()
            return self.is_settled()

        eventually(look, deadline=deadline or 60 + self.total / 20, says=lambda: str(self.states()), every=0.2)

    def snapshot(self) -> tuple[object, ...]:
        """Everything that is written of its mails, to see whether it changes."""
        return (
            self.site.stack.sql("SELECT * FROM mail_mail WHERE recipient_address LIKE %s ORDER BY id", self.like),
            self.site.stack.sql(
                "SELECT a.* FROM mail_attempt a JOIN mail_mail m ON m.id = a.mail_id"
                " WHERE m.recipient_address LIKE %s ORDER BY a.id",
                self.like,
            ),
            self.accepted(),
        )

    @property
    def like(self) -> str:
        return f"{self.prefix}%"

    def judge(self) -> None:
        """Count, and hold against design §6: none lost, none twice that is not owned up to, no state that lies."""
        self.seconds = self.seconds or time.monotonic() - self.began
        got = self.accepted()
        rows = self.site.stack.sql(
            "SELECT m.recipient_address, m.state, m.lease_owner,"
            " SUM(CASE WHEN a.outcome = 'uncertain' THEN 1 ELSE 0 END),"
            " SUM(CASE WHEN a.outcome = 'accepted' THEN 1 ELSE 0 END)"
            " FROM mail_mail m LEFT JOIN mail_attempt a ON a.mail_id = m.id"
            " WHERE m.recipient_address LIKE %s GROUP BY m.id, m.recipient_address, m.state, m.lease_owner",
            self.like,
        )
        told = {address: (state, owner, int(unknown), int(known)) for address, state, owner, unknown, known in rows}
        self.twice = sum(times - 1 for times in got.values())
        self.uncertain = sum(unknown for _, _, unknown, _ in told.values())
        self.lost = len({address for address, (state, *_) in told.items() if state == "sent"} - set(got))
        self.lost += len(self.customers - set(told))

        assert self.lost == 0
        assert {state for state, *_ in told.values()} <= self.ends_as
        if self.ends_as == {"sent"}:
            assert set(got) == self.customers
        # Whoever is told "sent" is told so once, and whoever got it twice was told that nobody knew.
        assert {address for address, (_, _, _, known) in told.items() if known > 1} == set()
        assert {address for address, (state, _, _, known) in told.items() if state == "sent" and not known} == set()
        hidden = {address for address, times in got.items() if times > told[address][3] + told[address][2]}
        assert hidden == set()
        assert {owner for _, owner, _, _ in told.values()} == {""}
        assert self.twice <= self.may_repeat

    def as_line(self) -> tuple[str, ...]:
        """For the matrix."""
        figures = (self.total, self.lost, self.twice, self.may_repeat, self.uncertain)
        return (self.name, *map(str, figures), f"{self.seconds:.1f}", ", ".join(self.when))


class Site:
    """An installation of its own, running."""

    def __init__(self, stack: Stack, redis: Redis) -> None:
        self.stack, self.redis = stack, redis
        self.chance = random.Random(SEED)
        self.rows: list[Row] = []
        self.workers: list[Process] = []
        self.schedule: Process | None = None
        self._number = itertools.count(1)
        self._bell = Celery(broker=redis.url)
        self.receiver = Receiver(stack.folder, port=free_port(), pace=PACE)
        self.workers = [self.new_worker(), self.new_worker()]  # ready by the time that the office is
        office = Talker("tests.peers.faults.office", log=stack.folder / "office.log", env=stack.env)
        self.office = office
        office.ask("found", port=self.receiver.port, max_connections=CONNECTIONS, data_seconds=COMMAND_SECONDS)

    # -- Who works here ----------------------------------------------------------------------------
    def staff(self, **env: str) -> list[Process]:
        """The two workers, ready; those that are gone replaced."""
        self.workers = [worker for worker in self.workers if worker.is_running]
        self.workers += [self.new_worker(**env) for _ in range(2 - len(self.workers))]
        for worker in self.workers:
            worker.wait_for_output(" ready.", deadline=60)
        return self.workers

    def new_worker(self, **env: str) -> Process:
        """One more worker, about to be ready."""
        name = f"worker{next(self._number)}"
        command = [*CELERY, "worker", "-P", "threads", "-c", "2", "-n", f"{name}@lab", "-l", "INFO"]
        alone = ["--without-mingle", "--without-gossip"]  # to look for neighbours takes a second
        return self.stack.start(name, [*command, *alone, "-Q", "transactional,background"], **env)

    @contextlib.contextmanager
    def frozen(self, worker: Process) -> Iterator[None]:
        """The worker stands still; awake again afterwards."""
        worker.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            worker.signal(signal.SIGCONT)

    def start_schedule(self) -> Process:
        """The schedule, which is not waited for."""
        self.schedule = self.stack.beat()
        return self.schedule

    # -- Rows --------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def row(
        self, name: str, *, total: int = MAILS, may_repeat: int = 0, ends_as: set[str] | None = None
    ) -> Iterator[Row]:
        """Queue the mails of a row, let the fault happen while they go out, wait for their ends, and judge."""
        prefix = re.sub(r"\W+", "-", name.lower()) + f"-{next(self._number)}x"
        row = Row(self, name, prefix, total, may_repeat, frozenset(ends_as or {"sent"}))
        self.rows.append(row)
        self.staff()
        self.office.ask("fill", prefix=prefix, total=total)
        try:
            yield row
            row.until_settled()
        finally:
            row.seconds = time.monotonic() - row.began
        row.judge()
        self.receiver.order("behave")
        assert self.receiver.violations == []

    def wait_seconds(self, seconds: float) -> None:
        """Let so much time pass, where a fault has to last."""
        end = time.monotonic() + seconds
        eventually(lambda: time.monotonic() > end, deadline=seconds + 10, every=1)

    def ring(self) -> None:
        """As whoever has mail does; in vain while the broker is away."""
        with (
            contextlib.suppress(Exception),
            self._bell.connection_for_write(
                transport_options={"socket_timeout": 0.3, "socket_connect_timeout": 0.3, "max_retries": 0}
            ) as connection,
        ):
            self._bell.send_task(
                "mail.tasks.deliver_due",
                ("transactional",),
                queue="transactional",
                connection=connection,
                retry=False,
                expires=5,
            )

    def dismiss(self) -> None:
        """End the workers, which have nothing in hand, at once."""
        for worker in self.workers:
            worker.kill()

    def close(self) -> None:
        """End everything, at once: how workers end by themselves is what rows are about."""
        self._bell.close()
        for process in self.stack.processes:
            if process.is_running:
                process.kill()
        self.stack.close()
        self.office.stop()
        self.receiver.stop()
