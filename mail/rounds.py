"""One round at the queue: what a worker takes away to send, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from mail import claiming, planning
from mail.boot_clock import boot_seconds
from mail.claiming import Claimed
from mail.composing import letter_of
from mail.delivery import Job, bounce_token
from mail.endpoint import Endpoint
from mail.models import Content, Server
from mail.queue import author_of
from mail.routing import Decision
from mail.settling import Fate, Settlement, settle


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: the jobs, and how to reach each server that may be needed for them."""

    began: float  # by the boot clock, before the claim
    jobs: Sequence[Job]
    endpoints: Mapping[int, Endpoint]


def take(lanes: Sequence[str], *, owner: str, capacity: Mapping[int, int]) -> Round:
    """Recover, plan anew, claim; runs in the thread that owns the database."""
    began = boot_seconds()
    claiming.recover()
    claiming.plan_anew()
    claimed = [mail for lane in lanes for mail in claiming.claim(lane, owner=owner, capacity=capacity)]
    if not claimed:
        return Round(began, [], {})
    jobs = _jobs_of(claimed, lease_ends=began + settings.MAIL_LEASE_SECONDS)
    servers = {way.server.id for job in jobs for way in job.ways if way.server}
    endpoints = {server.pk: Endpoint.of(server) for server in Server.objects.filter(pk__in=servers)}
    return Round(began, jobs, endpoints)


def _jobs_of(claimed: Sequence[Claimed], *, lease_ends: float) -> list[Job]:
    contents = claiming.contents_of(claimed)
    letters = {pk: letter_of(content) for pk, content in contents.items()}
    snapshot = planning.snapshot()
    usable = frozenset(Server.objects.filter(blocked_cause="").values_list("pk", flat=True))
    jobs, astray = [], []
    for mail in claimed:
        ways = _ways_of(mail, contents[mail.content_id], snapshot, usable)
        if ways:
            jobs.append(Job(mail, letters[mail.content_id], ways, lease_ends))
        else:
            astray.append(Settlement(mail, Fate.RELEASED))
    if astray:
        # The settings changed between plan and claim: planned anew in the next round.
        settle(astray)
    return jobs


def _ways_of(mail: Claimed, content: Content, snapshot: planning.Snapshot, usable: frozenset[int]) -> list[Decision]:
    """The planned way, then those that keep its header From; where the outcome is unknown, the planned one only."""
    ways = planning.ways(
        author=author_of(content),
        lane=mail.lane,
        asked_server_id=mail.asked_server_id,
        snapshot=snapshot,
        bounce_token=bounce_token(mail.id),
    )
    planned = next((way for way in ways if way.server and way.server.id == mail.server_id), None)
    if planned is None or mail.uncertain:
        return [planned] if planned else []
    others = [
        way
        for way in ways
        if way is not planned and way.server and way.server.id in usable and way.header_from == planned.header_from
    ]
    return [planned, *others]
