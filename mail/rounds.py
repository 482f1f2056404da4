"""One round at the queue: what a worker takes away to send, as plain values."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from mail import claiming, guards, planning, replanning
from mail.boot_clock import boot_seconds
from mail.claiming import Claimed, Hands
from mail.composing import Letter, letter_of
from mail.delivery import Job, bounce_token
from mail.domains.dmarc import Policy
from mail.endpoint import Endpoint
from mail.models import Content, Server
from mail.queue import author_of
from mail.routing import Decision, Question
from mail.settling import Fate, Settlement, settle_all

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: the jobs, and how to reach each server that may be needed for them."""

    jobs: Sequence[Job]
    endpoints: Mapping[int, Endpoint]
    # There was more to plan than fits into one round: the next one should not wait.
    is_half_done: bool


def take(lanes: Sequence[str], *, owner: str, hands: Hands) -> Round:
    """Plan anew and claim; runs in the thread that owns the database."""
    snapshot = planning.snapshot()
    is_half_done = replanning.plan_anew(snapshot) == replanning.BATCH
    due = {lane: claiming.due_servers(lane) for lane in lanes}
    if not any(due.values()):
        return Round([], {}, is_half_done)
    began = boot_seconds()
    # All or nothing: what is claimed and then cannot be read would be called uncertain though nobody touched it.
    with transaction.atomic():
        claimed = [
            mail
            for lane, servers in due.items()
            for mail in claiming.claim(lane, owner=owner, hands=hands, servers=servers, plan_version=snapshot.version)
        ]
        if not claimed:
            return Round([], {}, is_half_done)
        prepared = _prepared(claimed, snapshot, lease_ends=began + settings.MAIL_LEASE_SECONDS)
        jobs = [job for job in prepared if isinstance(job, Job)]
        endpoints = _endpoints(jobs, hands.shares)
    if len(jobs) < len(prepared):
        settle_all([item for item in prepared if isinstance(item, Settlement)], owner=owner)
    return Round(jobs, endpoints, is_half_done)


def _endpoints(jobs: Sequence[Job], shares: Mapping[int, int]) -> dict[int, Endpoint]:
    servers = {way.server.id for job in jobs for way in job.ways if way.server}
    rows = Server.objects.select_related("grant").filter(pk__in=servers)
    found = {server.pk: Endpoint.of(server) for server in rows}
    return {pk: replace(one, max_connections=shares[pk]) if pk in shares else one for pk, one in found.items()}


def _prepared(claimed: Sequence[Claimed], snapshot: planning.Snapshot, *, lease_ends: float) -> list[Job | Settlement]:
    """A job for each of these mails, or what became of the mail when it cannot be one."""
    contents = claiming.contents_of(claimed)
    refused = guards.refused([mail.id for mail in claimed])
    # Where a mail may go instead when its own server fails.
    healthy = list(claiming.healthy_servers())
    usable = frozenset(server.pk for server in healthy if not server.is_limited)
    counted = frozenset(server.pk for server in healthy if server.is_limited)

    @cache
    def letter(content_id: int) -> Letter:
        return letter_of(contents[content_id])

    def prepare(mail: Claimed) -> Job | Settlement:
        content = contents[mail.content_id]
        if content.is_forgotten:
            return Settlement(mail, Fate.FAILED, cause="content_forgotten")
        if cause := refused.get(mail.id):
            return Settlement(mail, Fate.FAILED, cause=cause)
        question = _question_of(mail, content, snapshot)
        job = Job(mail, letter(mail.content_id), [], lease_ends, awaits=question.awaits)

        def choose(policies: Mapping[str, Policy]) -> None:
            planned, *others = _ways_of(mail, question.knowing(policies))
            job.ways = [way for way in (planned, *(way for way in others if _server_id(way) in usable)) if way]
            job.next_server_id = next((_server_id(way) for way in others if _server_id(way) in counted), None)

        choose({})
        job.choose = choose
        # Without one the settings changed between plan and claim: planned anew in the next round.
        return job if job.ways else Settlement(mail, Fate.RELEASED)

    return [_unless_it_is_broken(prepare, mail) for mail in claimed]


def _unless_it_is_broken(prepare: Callable[[Claimed], Job | Settlement], mail: Claimed) -> Job | Settlement:
    """One mail that nobody can read must not hold up those around it."""
    try:
        return prepare(mail)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as defect:
        logger.exception("mail %s", mail.id)
        return Settlement(mail, Fate.FAILED, cause="internal", failure=type(defect).__name__)


def _question_of(mail: Claimed, content: Content, snapshot: planning.Snapshot) -> Question:
    return planning.question(
        author=author_of(content),
        lane=mail.lane,
        asked_server_id=mail.asked_server_id,
        of=planning.About(mail.document_type_id, mail.team_id),
        snapshot=snapshot,
        bounce_token=bounce_token(mail.id),
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
