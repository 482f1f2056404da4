"""The delivery engine of a worker process: one asyncio loop, pooled connections, one thread at the database."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Collection, Coroutine, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal

from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from mail import bell, claiming, rounds, shares
from mail.bodies import Bodies
from mail.boot_clock import boot_seconds
from mail.claiming import Hands
from mail.delivery import Job, Released, Report, ServerOut, deliver
from mail.desk import Desk
from mail.domains.policies import Policies
from mail.endpoint import Accepted, Endpoint, Envelope
from mail.exceptions import DeliveryError
from mail.lines import Line
from mail.models import Lane
from mail.routing import Decision
from mail.settling import Fate, ServerNews, Settlement, is_away, settle_all

logger = logging.getLogger(__name__)

POLL_SECONDS = 5.0
# What dead workers held is looked for at most this often, however quickly rounds follow each other.
SWEEP_SECONDS = 1.0
# Half a minute in all: for what is on the wire, to write it down, to say goodbye to the servers.
DRAIN_SECONDS = 20.0
SETTLE_SECONDS = 4.0
STOP_SECONDS = 28.0
# After trouble with the database it is asked again after these, the last one repeated.
WAITS = (0.2, 0.5, 1.0, 2.0)
# A command that ends by itself gives up after so many failures in a row, some ten seconds.
MOST_FAILURES = 8
# A worker with more than it can hold rings for the others at most this often.
CALL_SECONDS = 0.3
# A share of a server's connections is given back after so long without mail for it.
SHARE_SECONDS = 2.0
# SQLite has one writer: leave the web process room between two group commits.
SQLITE_PAUSE = 0.01


class Engine:
    """Delivers the mail of its lanes until it is stopped, or until nothing is left to do."""

    def __init__(self, lanes: Sequence[str]) -> None:
        # What a person is waiting for comes first.
        self.lanes = tuple(sorted(lanes, key=Lane.values.index))
        self.owner = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._desk = Desk()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = asyncio.Event()
        self._stopping = False
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[int, Line] = {}
        # Servers of whose connections this worker has a share, and when mail was last in hand for them.
        self._shares: dict[int, float] = {}
        self._memory = rounds.Memory()
        # Servers against which no failure is held: that one of them works is no news.
        self._well: set[int] = set()
        self._bodies = Bodies()
        self._policies = Policies()
        self._finished: asyncio.Queue[Report] = asyncio.Queue()
        self._unsettled = 0
        self._settled = asyncio.Event()
        self._threads: list[threading.Thread] = []
        self._swept_at = self._called_at = float("-inf")
        self._defect: Exception | None = None
        # When the database last did not answer.
        self._away_at = datetime.min.replace(tzinfo=UTC)

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
        deadline = time.monotonic() + STOP_SECONDS
        for thread in reversed(self._threads):
            thread.join(max(0.1, deadline - time.monotonic()))

    def run(self, *, until_empty: bool = False) -> None:
        """Work with the caller's own database connection until `stop_soon`, or until nothing is left or under way."""
        loop = threading.Thread(
            target=self._run_loop, kwargs={"until_empty": until_empty}, name="mail-loop", daemon=True
        )
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
            await self._rounds(until_empty=until_empty)
        finally:
            self._stopping = True
            await self._drain()
            for helper in helpers:
                helper.cancel()
            await self._close_lines(list(self._lines))
            if self._shares:
                with contextlib.suppress(Exception):  # otherwise they end with their lease
                    await self._desk.ask(shares.give_back, self.owner)
            self._loop = None

    async def _rounds(self, *, until_empty: bool) -> None:
        """One round after another. A worker outlives whatever goes wrong; who waits for an end is told of it."""
        failures = 0
        while not self._stopping:
            self._bell.clear()
            try:
                took = await self._round()
                if until_empty and not took and not self._jobs and not await self._desk.ask(self._work_left):
                    return
            except Exception as trouble:
                failures += 1
                if until_empty and failures >= MOST_FAILURES:
                    raise
                self._tell(trouble, "looking at the queue")
                await asyncio.sleep(_wait_after(failures))
            else:
                failures = 0
                await self._wait(0.05 if until_empty else POLL_SECONDS)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), seconds)

    def _tell(self, trouble: Exception, during: str) -> None:
        if is_away(trouble):
            self._away_at = now()
            logger.warning("%s: the database did not answer (%s); again soon", during, type(trouble).__name__)
        else:
            logger.error("%s: %s", during, trouble, exc_info=trouble)

    def _work_left(self) -> bool:
        return claiming.work_left(self.lanes)

    async def _round(self) -> int:
        """Take what there is room for and set it going; how many."""
        if time.monotonic() - self._swept_at > SWEEP_SECONDS:
            await self._desk.ask(claiming.recover, but=list(self._jobs))
            self._swept_at = time.monotonic()
        await self._give_back_shares()
        known_out = self._known_out()
        hands = self._hands()
        taken = await self._desk.ask(rounds.take, self.lanes, owner=self.owner, hands=hands, memory=self._memory)
        self._well = set(taken.well)
        self._shares |= dict.fromkeys(hands.shares, time.monotonic())
        planned = {job.mail.server_id for job in taken.jobs}
        for server_id, endpoint in taken.endpoints.items():
            self._connect_line(server_id, endpoint, is_back=server_id in planned & known_out)
        for job in taken.jobs:
            if former := self._jobs.get(job.mail.id):
                former.lost = True  # its lease ran out here, and was put back by another
            self._jobs[job.mail.id] = job
            self._start(self._run(job))
        if taken.is_half_done:
            self._bell.set()
        await self._call_others()
        return len(taken.jobs)

    async def _call_others(self) -> None:
        """One ring wakes one worker. While this one has its hands full, others are told that there is more."""
        lines = ((lane, self._lines[pk], held) for (lane, pk), held in self._held().items() if pk in self._lines)
        full = {lane for lane, line, held in lines if held >= 2 * line.endpoint.max_connections}
        if full and time.monotonic() - self._called_at > CALL_SECONDS:
            self._called_at = time.monotonic()
            for lane in full:
                await self._desk.ask(bell.ring, lane)

    async def _give_back_shares(self) -> None:
        """Where connections are shared out among all workers, do not sit on those that nothing goes over."""
        in_hand = {job.mail.server_id for job in self._jobs.values()}
        self._shares |= dict.fromkeys(in_hand & self._shares.keys(), time.monotonic())
        idle = [pk for pk, used_at in self._shares.items() if time.monotonic() - used_at > SHARE_SECONDS]
        if idle:
            await self._close_lines(idle)
            await self._desk.ask(shares.give_back, self.owner, idle)
            for server_id in idle:
                del self._shares[server_id]

    async def _close_lines(self, server_ids: Collection[int]) -> None:
        lines = [self._lines.pop(pk) for pk in server_ids if pk in self._lines]
        await asyncio.gather(*(line.pool.close() for line in lines), return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _held(self) -> Counter[tuple[str, int]]:
        return Counter((job.mail.lane, job.mail.server_id) for job in self._jobs.values())

    def _hands(self) -> Hands:
        held = self._held()
        in_hand = {server_id for _, server_id in held}
        out = {pk for pk, line in self._lines.items() if line.is_out and pk in in_hand}
        kept = {pk: self._lines[pk].endpoint.max_connections for pk in self._shares if pk in self._lines}
        return Hands(self.lanes, held, out, kept)

    def _is_time_for_more(self, settled: Sequence[Settlement]) -> bool:
        """Whether it is worth asking the table again: half of what may be in hand of their kind is done."""
        held = self._held()
        return any(
            held[mail.lane, mail.server_id] <= self._lines[mail.server_id].endpoint.max_connections
            for mail in (item.mail for item in settled)
            if mail.server_id in self._lines
        )

    def _known_out(self) -> set[int]:
        """Servers that are out and whose trouble is written down: mail that the table gives out for them is meant."""
        in_hand = {job.mail.server_id for job in self._jobs.values()}
        return {server_id for server_id, line in self._lines.items() if line.is_out and server_id not in in_hand}

    def _connect_line(self, server_id: int, endpoint: Endpoint, *, is_back: bool) -> None:
        line = self._lines.get(server_id)
        if line is None or line.endpoint != endpoint:
            if line is not None:  # its settings changed: what is under way ends on the old connections
                self._start(line.pool.close())
            self._lines[server_id] = Line.to(endpoint)
        elif is_back:
            line.come_back()

    # -- One mail --------------------------------------------------------------------------------

    async def _run(self, job: Job) -> None:
        try:
            if job.awaits and job.choose:
                job.choose(await self._policies.of([job.awaits]))
            report = await deliver(job, body_of=self._bodies.take, transmit=self._transmit)
        except asyncio.CancelledError:  # the drain's time is over
            report = Report(Settlement(job.mail, Fate.RELEASED))
        self._finished.put_nowait(report)
        self._bodies.give_back(job)

    async def _transmit(self, job: Job, way: Decision, envelope: Envelope) -> Accepted:
        line = self._lines.get(way.server.id) if way.server else None
        if way.server is None or line is None:  # deleted between plan and claim
            raise ServerOut
        async with line:
            if self._stopping:
                raise Released
            line.refuse_when_out(job)
            job.reached[way.server.id] = line.endpoint
            return await self._send(job, line, envelope)

    async def _send(self, job: Job, line: Line, envelope: Envelope) -> Accepted:
        async def gate(step: Literal["mail", "data"]) -> None:
            if step == "mail":
                await self._room_for_more()
                if self._stopping or line.blocked or line.slowed:
                    raise Released
                _check_lease(job)
                line.reached_mail()
            else:
                _check_lease(job)
                job.begun = True

        try:
            accepted = await line.pool.send(envelope, gate=gate)
        except DeliveryError as error:
            line.failed(job, error)
            job.begun = False
            raise
        line.accepted()
        self._unsettled += 1
        return accepted

    async def _room_for_more(self) -> None:
        """What is accepted and not yet written down is what a crash may send twice: keep it small."""
        while self._unsettled > 2 * max(1, sum(line.pool.open for line in self._lines.values())):
            self._settled.clear()
            await self._settled.wait()

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
        news = [item for report in reports for item in report.news if self._is_news(item, report)]
        self._well -= {item.server_id for item in news}
        for failures in count(1):
            try:
                await self._desk.ask(self._write_down, settlements, news)
                break
            except Exception as trouble:
                self._tell(trouble, f"writing down {len(reports)} outcomes")
                if not is_away(trouble):
                    break  # their leases end, and then they are recovered
                news = [item for report in reports for item in report.news if self._is_news(item, report)]
                await asyncio.sleep(_wait_after(failures))
        for item in settlements:
            job = self._jobs.get(item.mail.id)
            if job and job.mail.fence == item.mail.fence:
                del self._jobs[item.mail.id]
            self._finished.task_done()
        self._unsettled -= sum(item.fate is Fate.SENT for item in settlements)
        self._settled.set()
        if self._is_time_for_more(settlements):
            self._bell.set()

    def _write_down(self, settlements: Sequence[Settlement], news: Sequence[ServerNews]) -> None:
        settle_all(settlements, news, owner=self.owner)
        if news or any(item.fate is not Fate.SENT for item in settlements):
            self._memory.forget_seen()

    def _is_news(self, item: ServerNews, report: Report) -> bool:
        if item.works:
            return item.server_id not in self._well
        # The database has been away since: it may be this host that is cut off, and that tells nothing about servers.
        return not (item.failed and any(one.started_at <= self._away_at for one in report.settlement.tries))

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(settings.MAIL_LEASE_SECONDS / 3)
            held = {job.mail.id: job.mail.fence for job in self._jobs.values()}
            if held or self._shares:
                began = boot_seconds()
                try:
                    self._renew(await self._desk.ask(self._extend, held), held, began)
                except Exception as trouble:
                    self._tell(trouble, f"extending {len(held)} leases")

    def _extend(self, held: dict[int, int]) -> set[int]:
        if self._shares:
            shares.extend(self.owner)
        return claiming.extend(held)

    def _renew(self, ours: set[int], held: dict[int, int], began: float) -> None:
        for mail_id, fence in held.items():
            job = self._jobs.get(mail_id)
            if job is None or job.mail.fence != fence:
                continue
            if mail_id in ours:
                job.safe_until = claiming.safe_until(began)
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
            await asyncio.wait_for(self._finished.join(), SETTLE_SECONDS)


def _check_lease(job: Job) -> None:
    """Begin nothing that might outlast the lease."""
    if job.lost or boot_seconds() > job.safe_until:
        raise Released


def _wait_after(failures: int) -> float:
    return WAITS[min(failures, len(WAITS)) - 1]
