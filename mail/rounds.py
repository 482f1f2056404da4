"""One round at the queue: what a worker takes away to send, as plain values."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial

from django.db import DatabaseError, InterfaceError

from mail import claiming, guards, planning, replanning
from mail.boot_clock import boot_seconds
from mail.claiming import Claimed, Hands
from mail.delivery import Job, bounce_token
from mail.domains.dmarc import Policy
from mail.endpoint import Endpoint
from mail.glance import Glance, glance
from mail.letters import Letters, Written
from mail.models import Content, Server
from mail.queue import author_of
from mail.routing import Decision, Question
from mail.settling import Fate, Settlement, settle_all

logger = logging.getLogger(__name__)

# Seconds for which a look at the queue holds, while it showed mail to take.
MOMENT = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: the jobs, and how to reach each server that may be needed for them."""

    jobs: Sequence[Job]
    endpoints: Mapping[int, Endpoint]
    # There was more to plan than fits into one round: the next one should not wait.
    is_half_done: bool
    # Servers against which no failure was held a moment ago.
    well: Set[int] = frozenset()


@dataclass(slots=True)
class Memory:
    """What a worker knows from one round to the next, so as not to ask again."""

    letters: Letters = field(default_factory=Letters)
    # How to reach each server, under one version of the settings.
    version: int = 0
    endpoints: dict[int, Endpoint] = field(default_factory=dict)
    # What was seen last, and when: while there is mail to take, one look is good for some rounds.
    seen: Glance | None = None
    seen_at: float = 0.0
    # Claimed, and not yet jobs. What a trouble with the database leaves here was not tried, and goes back.
    untouched: list[Claimed] = field(default_factory=list)

    def look(self) -> Glance:
        """What is seen now, or was a moment ago."""
        if self.seen is None or time.monotonic() - self.seen_at > MOMENT:
            self.seen, self.seen_at = glance(), time.monotonic()
        return self.seen

    def forget_seen(self) -> None:
        """Look anew next time."""
        self.seen = None


def take(lanes: Sequence[str], *, owner: str, hands: Hands, memory: Memory | None = None) -> Round:
    """Plan anew and claim; runs in the thread that owns the database."""
    memory = memory or Memory()
    if memory.untouched:
        settle_all([Settlement(mail, Fate.RELEASED) for mail in memory.untouched], owner=owner)
        memory.untouched.clear()
        memory.forget_seen()
    seen = memory.look()
    snapshot = planning.snapshot(version=seen.version)
    is_half_done = False
    if seen.is_stale or seen.version != snapshot.version:
        is_half_done = replanning.plan_anew(snapshot) == replanning.BATCH
        memory.forget_seen()
        seen = memory.look()
    began = boot_seconds()
    for lane in lanes:
        for server in seen.due(lane):
            memory.untouched += claiming.claim(
                lane, owner=owner, hands=hands, servers=[server], plan_version=snapshot.version
            )
    if not memory.untouched:
        memory.forget_seen()
        return Round([], {}, is_half_done)
    letters = memory.letters.of({mail.content_id for mail in memory.untouched})
    bench = _Workbench(snapshot, seen, letters, safe_until=claiming.safe_until(began))
    prepared = bench.prepared(memory.untouched)
    jobs = [job for job in prepared if isinstance(job, Job)]
    endpoints = _endpoints(jobs, snapshot, memory)
    memory.untouched.clear()
    if len(jobs) < len(prepared):
        settle_all([item for item in prepared if isinstance(item, Settlement)], owner=owner)
    well = frozenset(server.id for server in seen.servers if server.is_well)
    return Round(jobs, _shared(endpoints, hands.shares), is_half_done, well)


def _endpoints(jobs: Sequence[Job], snapshot: planning.Snapshot, memory: Memory) -> dict[int, Endpoint]:
    """How to reach every server that these may need; known as long as the settings are the same."""
    if memory.version != snapshot.version:
        memory.version, memory.endpoints = snapshot.version, {}
    needed = {way.server.id for job in jobs for way in job.ways if way.server}
    if unknown := needed - memory.endpoints.keys():
        rows = Server.objects.select_related("grant").filter(pk__in=unknown)
        fresh = {server.pk: Endpoint.of(server) for server in rows}
        # An account may be connected anew without a change of the settings.
        memory.endpoints |= {pk: endpoint for pk, endpoint in fresh.items() if endpoint.tokens is None}
    else:
        fresh = {}
    return {pk: endpoint for pk, endpoint in {**memory.endpoints, **fresh}.items() if pk in needed}


def _shared(endpoints: Mapping[int, Endpoint], shares: Mapping[int, int]) -> dict[int, Endpoint]:
    return {
        pk: replace(endpoint, max_connections=shares[pk]) if pk in shares else endpoint
        for pk, endpoint in endpoints.items()
    }


class _Workbench:
    """Where claimed mails become jobs."""

    def __init__(
        self, snapshot: planning.Snapshot, seen: Glance, letters: Mapping[int, Written], *, safe_until: float
    ) -> None:
        self.snapshot, self.letters, self.safe_until = snapshot, letters, safe_until
        # Where a mail may go instead when its own server fails.
        self.usable = frozenset(one.id for one in seen.servers if not one.rests and not one.is_limited)
        self.counted = frozenset(one.id for one in seen.servers if not one.rests and one.is_limited)
        # The ways of one mail, found once for all like it, and the token that stands in its envelope sender.
        self._ways: dict[object, tuple[list[Decision], int | None, str]] = {}

    def prepared(self, claimed: Sequence[Claimed]) -> list[Job | Settlement]:
        """A job for each of these mails, or what became of the mail when it cannot be one."""
        # Mail about nothing concerns nobody above.
        refused = guards.refused([mail.id for mail in claimed if mail.document_type_id])
        return [_unless_it_is_broken(partial(self._job, refused=refused), mail) for mail in claimed]

    def _job(self, mail: Claimed, refused: Mapping[int, str]) -> Job | Settlement:
        written = self.letters[mail.content_id]
        mail.is_secret = written.content.sensitive
        if written.content.is_forgotten:
            return Settlement(mail, Fate.FAILED, cause="content_forgotten")
        if cause := refused.get(mail.id):
            return Settlement(mail, Fate.FAILED, cause=cause)
        job = Job(mail, written.letter, [], self.safe_until)
        self._give_ways(job, written.content)
        # Without one the settings changed between plan and claim: planned anew in the next round.
        return job if job.ways else Settlement(mail, Fate.RELEASED)

    def _give_ways(self, job: Job, content: Content) -> None:
        mail, token = job.mail, bounce_token(job.mail.id)
        alike = (
            *(content.author_name, content.author_address, mail.lane, mail.server_id, mail.asked_server_id),
            *(mail.document_type_id, mail.team_id, bool(mail.uncertain), len(token)),
        )
        if known := self._ways.get(alike):
            ways, job.next_server_id, its_token = known
            job.ways = [_with_token(way, its_token, token) for way in ways]
            return
        question = _question_of(mail, content, self.snapshot, token)
        job.awaits = question.awaits

        def choose(policies: Mapping[str, Policy]) -> None:
            planned, *others = _ways_of(mail, question.knowing(policies))
            job.ways = [way for way in (planned, *(way for way in others if _server_id(way) in self.usable)) if way]
            job.next_server_id = next((_server_id(way) for way in others if _server_id(way) in self.counted), None)

        choose({})
        if job.awaits:
            job.choose = choose
        else:
            self._ways[alike] = job.ways, job.next_server_id, token


def _unless_it_is_broken(prepare: Callable[[Claimed], Job | Settlement], mail: Claimed) -> Job | Settlement:
    """One mail that nobody can read must not hold up those around it."""
    try:
        return prepare(mail)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as defect:
        logger.exception("mail %s", mail.id)
        return Settlement(mail, Fate.FAILED, cause="internal", failure=type(defect).__name__)


def _with_token(way: Decision, its_token: str, token: str) -> Decision:
    """The way of a mail for another one like it, whose envelope sender has a token of its own."""
    if its_token not in way.envelope_from:
        return way
    return replace(way, envelope_from=way.envelope_from.replace(its_token, token))


def _question_of(mail: Claimed, content: Content, snapshot: planning.Snapshot, token: str) -> Question:
    return planning.question(
        author=author_of(content),
        lane=mail.lane,
        asked_server_id=mail.asked_server_id,
        of=planning.About(mail.document_type_id, mail.team_id),
        snapshot=snapshot,
        bounce_token=token,
    )


def _ways_of(mail: Claimed, question: Question) -> list[Decision | None]:
    """The planned way, then those that keep its header From; where the outcome is unknown, the planned one only.

    While a policy is awaited that decides about the From, all that could be meant. The first is None when the
    settings of now know no such way.
    """
    ways = question.ways()
    planned = next((way for way in ways if way.server and way.server.id == mail.server_id), None)
    if planned is None or mail.uncertain:
        return [planned]
    is_open = bool(question.awaits)
    return [planned, *(way for way in ways if way is not planned and (is_open or way.same_from(planned)))]


def _server_id(way: Decision | None) -> int:
    return way.server.id if way and way.server else 0
