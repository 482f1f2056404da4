"""Who may send what, and until when: plan anew, claim, extend, hand back, recover.

Everything here is one short transaction on the table that is the queue. Times are the database's own, so that
workers on machines whose clocks disagree still agree about leases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BooleanField, DateTimeField, ExpressionWrapper, F, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from mail import planning
from mail.models import Attempt, Content, Lane, Mail, Server
from mail.queue import author_of
from mail.routing import Decision

PLAN_BATCH = 500
# How often an outcome may stay unknown before a person decides: the first time and two more tries (design §6).
MOST_UNCERTAIN = 3


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail in this worker's hands: what is needed to send it, as plain values."""

    id: int
    fence: int
    content_id: int
    lane: str
    server_id: int
    asked_server_id: int | None
    recipient_name: str
    recipient_address: str
    tries: int
    uncertain: int
    urgent: bool
    first_attempt_at: datetime | None


def database_now() -> Combinable:
    return ExpressionWrapper(Now(), output_field=DateTimeField())


def lease_end() -> Combinable:
    """When a lease taken now ends, by the database's clock."""
    return ExpressionWrapper(Now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS), output_field=DateTimeField())


# -- Planning anew ---------------------------------------------------------------------------------


def plan_anew() -> int:
    """Give every waiting mail planned under older settings its server of today; how many were looked at."""
    snapshot = planning.snapshot()
    done = 0
    while True:
        stale = Mail.objects.filter(state=Mail.State.QUEUED, plan_version__lt=snapshot.version)
        batch = list(stale.select_related("content").order_by("pk")[:PLAN_BATCH])
        if batch:
            resting = set(Server.objects.filter(resting_until__gt=Now()).values_list("pk", flat=True))
            for mail in batch:
                _replan(mail, snapshot, resting)
        done += len(batch)
        if len(batch) < PLAN_BATCH:
            return done


def _replan(mail: Mail, snapshot: planning.Snapshot, resting: set[int]) -> None:
    ways = planning.ways(
        author=author_of(mail.content), lane=mail.lane, asked_server_id=mail.asked_server_id, snapshot=snapshot
    )
    decision = best_way(ways, mail, resting)
    waiting = Mail.objects.filter(pk=mail.pk, state=Mail.State.QUEUED, fence=mail.fence)
    if decision.error:
        waiting.update(
            state=Mail.State.FAILED, cause=decision.error.value, settled_at=Now(), plan_version=snapshot.version
        )
    else:
        waiting.update(server_id=decision.server.id if decision.server else None, plan_version=snapshot.version)


def best_way(ways: Sequence[Decision], mail: Mail, resting: set[int]) -> Decision:
    """The first way, or the next one under the same From while its server rests.

    Where the outcome of an earlier try is unknown, the server that was tried.
    """
    first = ways[0]
    if first.server is None:
        return first
    same_from = [way for way in ways if way.server and way.header_from == first.header_from]
    if mail.uncertain:
        return next((way for way in same_from if way.server and way.server.id == mail.server_id), first)
    if first.server.id in resting and not mail.urgent:
        return next((way for way in same_from if way.server and way.server.id not in resting), first)
    return first


# -- Claiming --------------------------------------------------------------------------------------


def claim(lane: str, *, owner: str, capacity: Mapping[int, int]) -> list[Claimed]:
    """Take the mails of one lane that are due, for each server at most what `capacity` says; they are `sending` now.

    Blocked servers are passed over. A resting server's mail is taken only when a person said "send now". Each
    server is asked for by itself, so that one with much to do never hides another.
    """
    claimed: list[Claimed] = []
    for server_id, is_resting in _open_servers():
        free = capacity.get(server_id, settings.MAIL_CONNECTIONS)
        if free > 0:
            claimed += _claim_for(lane, server_id, owner=owner, limit=free, only_urgent=is_resting)
    return claimed


def _open_servers() -> list[tuple[int, bool]]:
    resting = ExpressionWrapper(Q(resting_until__isnull=False, resting_until__gt=Now()), output_field=BooleanField())
    return list(
        Server.objects.filter(blocked_cause="").order_by("pk").annotate(rests=resting).values_list("pk", "rests")
    )


def _claim_for(lane: str, server_id: int, *, owner: str, limit: int, only_urgent: bool) -> list[Claimed]:
    with connection.cursor() as cursor:
        cursor.execute(
            _claim_sql(only_urgent=only_urgent), [owner, settings.MAIL_LEASE_SECONDS, lane, server_id, limit]
        )
        rows = cursor.fetchall()
    return [Claimed(*[*row[:-1], _as_datetime(row[-1])]) for row in rows]


def _claim_sql(*, only_urgent: bool) -> str:
    """One statement, so that no two workers take the same row and no lease exists without its row."""
    urgent = "AND urgent" if only_urgent else ""
    due = f"""
        SELECT id FROM mail_mail
        WHERE lane = %s AND server_id = %s AND state = 'queued' AND due_at <= {_NOW[connection.vendor]} {urgent}
        ORDER BY due_at, id LIMIT %s
    """
    # PostgreSQL: an array is computed once, and rows that another worker is taking are skipped, not waited for.
    ids = f"= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))" if connection.vendor == "postgresql" else f"IN ({due})"
    return f"""
        UPDATE mail_mail
        SET state = 'sending', lease_owner = %s, lease_until = {_LATER[connection.vendor]},
            fence = fence + 1
        WHERE id {ids}
        RETURNING id, fence, content_id, lane, server_id, asked_server_id, recipient_name, recipient_address,
                  tries, uncertain, urgent, first_attempt_at
    """


# The database's clock, and its clock some seconds later; written as Django writes these columns.
_NOW = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"}
_LATER = {
    "postgresql": "clock_timestamp() + make_interval(secs => %s)",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+' || %s || ' seconds')",
}


def _as_datetime(value: datetime | str | None) -> datetime | None:
    """A raw column as Django would give it: SQLite hands out UTC without saying so, as text or not."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def contents_of(claimed: Iterable[Claimed]) -> dict[int, Content]:
    """The contents of these mails by id, with their attachments, in two queries."""
    ids = {mail.content_id for mail in claimed}
    return Content.objects.prefetch_related("attachments__blob").in_bulk(ids)


# -- Keeping, handing back, recovering ---------------------------------------------------------------


def extend(held: Mapping[int, int]) -> set[int]:
    """Lengthen the leases of these mails (id → fence); the ids that are still ours."""
    mine = Mail.objects.filter(pk__in=list(held), state=Mail.State.SENDING)
    with transaction.atomic():
        ours = {pk for pk, fence in mine.values_list("pk", "fence") if held[pk] == fence}
        Mail.objects.filter(pk__in=ours, state=Mail.State.SENDING).update(lease_until=lease_end())
    return ours


def recover() -> int:
    """Put back what a dead worker held: its lease ran out, so nobody knows what became of the mail. How many."""
    recovered = 0
    for mail in Mail.objects.filter(state=Mail.State.SENDING, lease_until__lt=Now())[:PLAN_BATCH]:
        recovered += _recover_one(mail)
    return recovered


def _recover_one(mail: Mail) -> bool:
    uncertain = mail.uncertain + 1
    given_up = uncertain >= MOST_UNCERTAIN
    with transaction.atomic():
        # The fence: a worker that wakes up meanwhile has extended the lease, or finds the row moved on.
        lost = Mail.objects.filter(pk=mail.pk, fence=mail.fence, state=Mail.State.SENDING, lease_until__lt=Now())
        moved = lost.update(
            state=Mail.State.FAILED if given_up else Mail.State.QUEUED,
            cause="uncertain" if given_up else "worker_lost",
            uncertain=uncertain,
            tries=F("tries") + 1,
            first_attempt_at=mail.first_attempt_at or mail.lease_until,
            due_at=Now(),
            settled_at=Now() if given_up else None,
            fence=F("fence") + 1,
            lease_owner="",
            lease_until=None,
        )
        if moved:
            Attempt.objects.create(
                mail=mail,
                outcome=Attempt.Outcome.UNCERTAIN,
                cause="worker_lost",
                server_id=mail.server_id,
                server_name=mail.server.name if mail.server else "",
                started_at=database_now(),
                worker=mail.lease_owner,
            )
    return bool(moved)


def is_due(lane: str) -> bool:
    """Whether mail of this lane waits to be taken."""
    return Mail.objects.filter(lane=lane, state=Mail.State.QUEUED, due_at__lte=Now()).exists()


def work_left(lanes: Iterable[str] = Lane.values) -> bool:
    """Whether something could be sent now, or is being sent by anyone."""
    resting = Q(server__resting_until__gt=Now()) & Q(urgent=False)
    waiting = Mail.objects.filter(state=Mail.State.QUEUED, due_at__lte=Now(), lane__in=list(lanes))
    claimable = waiting.filter(server__isnull=False, server__blocked_cause="").exclude(resting)
    return claimable.exists() or Mail.objects.filter(state=Mail.State.SENDING, lane__in=list(lanes)).exists()
