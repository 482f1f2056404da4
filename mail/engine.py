"""The delivery engine of a worker process: one asyncio loop, pooled connections, one thread at the database."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from mail import claiming, rounds
from mail.boot_clock import boot_seconds
from mail.composing import Body, encode_body
from mail.delivery import Job, Released, Report, deliver, unknown_outcome
from mail.desk import Desk
from mail.endpoint import Accepted, Endpoint, Envelope
from mail.exceptions import BEFORE_MAIL, DeliveryError
from mail.replies import Outcome, classify
from mail.routing import Decision
from mail.settling import BREAKER_FAILURES, Fate, Settlement, settle
from mail.smtp import Pool

logger = logging.getLogger(__name__)

POLL_SECONDS = 5.0
DRAIN_SECONDS = 25.0
# A database that is away is asked again after these, the last one repeated.
DATABASE_WAITS = (0.2, 0.5, 1.0, 2.0)
# SQLite has one writer: leave the web process room between two group commits.
SQLITE_PAUSE = 0.01
BODIES_KEPT = 32


@dataclass(slots=True)
class Line:
    """This worker's line to one server."""

    endpoint: Endpoint
    pool: Pool
    # Until one mail got through, they go one at a time: a wrong password is tried once, not ten times.
    proven: bool = False
    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    failures: int = 0
    blocked: bool = False

    @property
    def is_out(self) -> bool:
        return self.blocked or self.failures >= BREAKER_FAILURES


class Engine:
    """Delivers the mail of its lanes until it is stopped, or until nothing is left to do."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self.lanes = tuple(lanes)
        self.owner = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._desk = Desk()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = asyncio.Event()
        self._stopping = False
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[int, Line] = {}
        self._bodies: OrderedDict[int, asyncio.Future[Body]] = OrderedDict()
        self._finished: asyncio.Queue[Report] = asyncio.Queue()
        self._unsettled = 0
        self._settled = asyncio.Event()
        self._threads: list[threading.Thread] = []
        self._defect: Exception | None = None

    # -- From other threads ----------------------------------------------------------------------

    def start(self) -> None:
        """Work in threads of its own until `stop`."""
        self._threads = [
            threading.Thread(target=self._desk.serve, name="mail-desk", daemon=True),
            threading.Thread(target=self._run_loop, name="mail-loop", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at the queue now. Harmless at any time, from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._bell.set)

    def stop_soon(self) -> None:
        """Take no more mail and begin to end; returns at once."""
        self._stopping = True
        self.wake()

    def stop(self) -> None:
        """Finish what is on the wire, hand the rest back, end. Takes at most half a minute."""
        self.stop_soon()
        for thread in reversed(self._threads):
            thread.join(DRAIN_SECONDS + 4)

    def run_until_empty(self) -> None:
        """Deliver what is due with the caller's own database connection; return when nothing is left or under way."""
        loop = threading.Thread(target=self._run_loop, kwargs={"until_empty": True}, name="mail-loop", daemon=True)
        loop.start()
        self._desk.serve()
        loop.join()
        if self._defect is not None:
            raise self._defect

    # -- The loop --------------------------------------------------------------------------------

    def _run_loop(self, *, until_empty: bool = False) -> None:
        try:
            asyncio.run(self._main(until_empty=until_empty))
        except Exception as defect:
            self._defect = defect
            logger.exception("the delivery engine ended")
        finally:
            self._desk.close()

    async def _main(self, *, until_empty: bool) -> None:
        self._loop = asyncio.get_running_loop()
        helpers = [asyncio.create_task(self._settle_forever()), asyncio.create_task(self._keep_leases())]
        try:
            while not self._stopping:
                self._bell.clear()
                took = await self._round()
                if until_empty and not took and not self._jobs and not await self._desk.ask(self._work_left):
                    break
                await self._wait(0.05 if until_empty else POLL_SECONDS)
        finally:
            await self._drain()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*(line.pool.close() for line in self._lines.values()), return_exceptions=True)
            self._loop = None

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), seconds)
        for line in self._lines.values():
            await line.pool.close_idle()

    def _work_left(self) -> bool:
        return claiming.work_left(self.lanes)

    async def _round(self) -> int:
        """Take what there is room for and set it going; how many."""
        known_out = self._known_out()
        try:
            taken = await self._desk.ask(rounds.take, self.lanes, owner=self.owner, capacity=self._capacity())
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the database did not answer (%s); asked again soon", type(error).__name__)
            return 0
        planned = {job.mail.server_id for job in taken.jobs}
        for server_id, endpoint in taken.endpoints.items():
            self._connect_line(server_id, endpoint, is_back=server_id in planned & known_out)
        for job in taken.jobs:
            self._jobs[job.mail.id] = job
            task = asyncio.create_task(self._run(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(taken.jobs)

    def _capacity(self) -> dict[int, int]:
        """For each server, how many more mails may be in hand: twice its connections at most."""
        in_hand = Counter(job.mail.server_id for job in self._jobs.values())
        most = {server_id: line.endpoint.max_connections for server_id, line in self._lines.items()}
        out = {server_id for server_id, line in self._lines.items() if line.is_out and in_hand[server_id]}
        return {
            server_id: 0
            if server_id in out
            else 2 * most.get(server_id, settings.MAIL_CONNECTIONS) - in_hand[server_id]
            for server_id in {*most, *in_hand}
        }

    def _has_room(self) -> bool:
        """Whether it is worth asking the table again: half of what one server may have in hand is done."""
        in_hand = Counter(job.mail.server_id for job in self._jobs.values())
        return not in_hand or any(
            in_hand[server_id] <= line.endpoint.max_connections for server_id, line in self._lines.items()
        )

    def _known_out(self) -> set[int]:
        """Servers that are out and whose trouble is written down: mail that the table gives out for them is meant."""
        in_hand = {job.mail.server_id for job in self._jobs.values()}
        return {server_id for server_id, line in self._lines.items() if line.is_out and server_id not in in_hand}

    def _connect_line(self, server_id: int, endpoint: Endpoint, *, is_back: bool) -> None:
        line = self._lines.get(server_id)
        if line is None or line.endpoint != endpoint:
            if line is not None:  # its settings changed: what is under way ends on the old connections
                self._close_later(line.pool)
            self._lines[server_id] = Line(endpoint, Pool(endpoint))
        elif is_back:  # it was mended, or its rest is over; one more failure is enough
            line.blocked, line.failures, line.proven = False, BREAKER_FAILURES - 1, False

    def _close_later(self, pool: Pool) -> None:
        task = asyncio.create_task(pool.close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- One mail --------------------------------------------------------------------------------

    async def _run(self, job: Job) -> None:
        try:
            report = await deliver(job, body_of=self._body_of, transmit=self._transmit)
        except asyncio.CancelledError:  # the drain's time is over
            report = Report(
                unknown_outcome(job, (), cause="worker_stopped") if job.begun else Settlement(job.mail, Fate.RELEASED)
            )
        self._finished.put_nowait(report)

    async def _body_of(self, job: Job) -> Body:
        """The encoded body of a mail's content: made once, in a thread, for all copies that are near in time."""
        key = job.mail.content_id
        if key not in self._bodies:
            self._bodies[key] = asyncio.ensure_future(asyncio.to_thread(encode_body, job.letter))
            while len(self._bodies) > BODIES_KEPT:
                self._bodies.popitem(last=False)
        self._bodies.move_to_end(key)
        return await asyncio.shield(self._bodies[key])

    async def _transmit(self, job: Job, way: Decision, envelope: Envelope) -> Accepted:
        if way.server is None:
            raise TypeError("a way without a server was planned")
        line = self._lines[way.server.id]
        if line.proven:
            return await self._send(job, line, envelope)
        async with line.first:
            if not line.proven:
                return await self._send(job, line, envelope)
        return await self._send(job, line, envelope)

    async def _send(self, job: Job, line: Line, envelope: Envelope) -> Accepted:
        if self._stopping or (line.is_out and not job.mail.urgent):
            raise Released

        async def gate(step: Literal["mail", "data"]) -> None:
            if step == "mail":
                self._check_lease(job, line)
                job.begun = True
            else:
                await self._room_for_data()

        try:
            accepted = await line.pool.send(envelope, gate=gate)
        except DeliveryError as error:
            self._learn(line, error)
            job.begun = False
            raise
        line.proven, line.failures = True, 0
        self._unsettled += 1
        return accepted

    def _check_lease(self, job: Job, line: Line) -> None:
        """Begin no MAIL that might outlast the lease (design §3): 20 s must be left, a third of shorter leases."""
        margin = min(20.0, settings.MAIL_LEASE_SECONDS / 3)
        if self._stopping or job.lost or line.blocked or boot_seconds() > job.lease_ends - margin:
            raise Released

    async def _room_for_data(self) -> None:
        """What is accepted and not yet written down is what a crash may send twice: keep it small."""
        while self._unsettled > 2 * max(1, sum(line.pool.open for line in self._lines.values())):
            self._settled.clear()
            await self._settled.wait()

    def _learn(self, line: Line, error: DeliveryError) -> None:
        verdict = classify(error)
        if verdict.outcome is Outcome.BLOCKED:
            line.blocked = True
        elif verdict.outcome is Outcome.NEXT_SERVER:
            line.failures += 1
        if error.phase in BEFORE_MAIL:
            line.proven = False

    # -- Settling and keeping ----------------------------------------------------------------------

    async def _settle_forever(self) -> None:
        """Group commit: whatever has finished while the last write went on is written by the next."""
        while True:
            reports = [await self._finished.get()]
            while not self._finished.empty():
                reports.append(self._finished.get_nowait())
            await self._settle(reports)
            if connection.vendor == "sqlite":
                await asyncio.sleep(SQLITE_PAUSE)

    async def _settle(self, reports: list[Report]) -> None:
        settlements = [report.settlement for report in reports]
        news = [item for report in reports for item in report.news]
        for attempt in range(1_000_000):
            try:
                await self._desk.ask(settle, settlements, news, owner=self.owner)
                break
            except (DatabaseError, InterfaceError):
                logger.exception("%s outcomes could not be written yet", len(reports))
                await asyncio.sleep(DATABASE_WAITS[min(attempt, len(DATABASE_WAITS) - 1)])
        for item in settlements:
            self._jobs.pop(item.mail.id, None)
            self._finished.task_done()
        self._unsettled -= sum(item.fate is Fate.SENT for item in settlements)
        self._settled.set()
        if self._has_room():
            self._bell.set()

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(settings.MAIL_LEASE_SECONDS / 3)
            held = {job.mail.id: job.mail.fence for job in self._jobs.values()}
            if held:
                began = boot_seconds()
                with contextlib.suppress(DatabaseError, InterfaceError):
                    self._renew(await self._desk.ask(claiming.extend, held), held, began)

    def _renew(self, ours: set[int], held: dict[int, int], began: float) -> None:
        for mail_id, fence in held.items():
            job = self._jobs.get(mail_id)
            if job is None or job.mail.fence != fence:
                continue
            if mail_id in ours:
                job.lease_ends = began + settings.MAIL_LEASE_SECONDS
            else:
                job.lost = True

    async def _drain(self) -> None:
        """Let what is on the wire finish, within bounds, and write everything down."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.join(), 3)
