"""Who may send what, and until when: claim, extend, recover.

Everything here is one short transaction on the table that is the queue. Times are the database's own, so that
workers on machines whose clocks disagree still agree about leases.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import chain

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from mail import limits, shares
from mail.boot_clock import lease_margin
from mail.glance import OpenServer, glance
from mail.models import Attempt, Lane, Mail, Server
from mail.signals import mail_failed
from mail.statements import LATER, NOW, rows

logger = logging.getLogger(__name__)

RECOVER_BATCH = 500
# How often an outcome may stay unknown before a person decides: the first time and two more tries (design §6).
MOST_UNCERTAIN = 3


@dataclass(slots=True)
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
    document_type_id: int | None
    team_id: int | None
    first_attempt_at: datetime | None
    # Both true where nobody looked: whether its server's mail is counted, and whether its words may be a secret.
    is_counted: bool = True
    is_secret: bool = True


def safe_until(began: float) -> float:
    """Until when something may be begun under a lease taken or renewed at `began`, both by the boot clock."""
    lease: int = settings.MAIL_LEASE_SECONDS
    return began + lease - lease_margin()


def database_now() -> Combinable:
    return ExpressionWrapper(Now(), output_field=DateTimeField())


# -- Claiming --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Hands:
    """What a worker holds of each lane and server, and so how much more it may take."""

    lanes: Sequence[str] = ()
    held: Counter[tuple[str, int]] = field(default_factory=Counter)
    # Servers that just failed here, until that is written down.
    out: Set[int] = frozenset()
    # How many connections the worker was given where they are shared out among all workers.
    shares: dict[int, int] = field(default_factory=dict)

    def room_for(self, lane: str, server: OpenServer) -> int:
        """How many more mails of this lane for this server: together twice its connections at most."""
        if server.id in self.out:
            return 0
        connections = self.shares.get(server.id, server.max_connections)
        of_server = sum(self.held[each, server.id] for each in {*self.lanes, lane})
        room = 2 * connections - of_server
        if server.in_trouble:
            # It could not be reached a moment ago: one mail finds out whether it can be now.
            room = 1 - of_server
        if lane == Lane.MASS and len(self.lanes) > 1:
            # They share the connections: half of them stay free for what a person is waiting for.
            room = min(room, max(1, connections // 2) - self.held[lane, server.id])
        return room


def claim(
    lane: str, *, owner: str, hands: Hands, servers: Sequence[OpenServer] | None = None, plan_version: int = 0
) -> list[Claimed]:
    """Take the mails of one lane that are due, for each server what there is room for; they are `sending` now.

    `servers` are those with due mail, looked for when not given. Each is asked for by itself, so that one with much
    to do never hides another. Mail planned under older settings than `plan_version` waits for its new plan.
    """
    claimed: list[Claimed] = []
    for server in glance().due(lane) if servers is None else servers:
        room = hands.room_for(lane, server)
        if room <= 0:
            continue
        # Counted and taken in one transaction; where nothing is counted, taking is one statement.
        with transaction.atomic() if server.is_limited else nullcontext():
            if server.is_limited:
                room = _reserved(server, lane, owner=owner, hands=hands)
            taken = _claim_for(lane, server, owner=owner, limit=room, plan_version=plan_version) if room > 0 else []
        hands.held[lane, server.id] += len(taken)
        claimed += taken
    return claimed


def _reserved(seen: OpenServer, lane: str, *, owner: str, hands: Hands) -> int:
    """How many of the room that is there may be taken of a server whose mail or connections are counted."""
    # Whoever has the row counts and takes; the others look again later instead of waiting for it.
    server = Server.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=seen.id).first()
    if server is None:
        return 0
    left = limits.room(server, lane)
    if left == 0:
        return 0
    if server.limit_connections:
        share = shares.take(server, lane, owner)
        if share == 0:
            return 0
        hands.shares[server.pk] = share
    room = hands.room_for(lane, seen)
    return room if left is None else min(room, left)


def _claim_for(lane: str, server: OpenServer, *, owner: str, limit: int, plan_version: int) -> list[Claimed]:
    sql = _claim_sql(connection.vendor, only_urgent=server.rests)
    found = rows(sql, [owner, settings.MAIL_LEASE_SECONDS, lane, server.id, plan_version, limit])
    return [Claimed(*[*row[:-1], _as_datetime(row[-1]), server.is_limited]) for row in found]


@cache
def _claim_sql(vendor: str, *, only_urgent: bool) -> str:
    """One statement, so that no two workers take the same row and no lease exists without its row."""
    urgent = "AND urgent" if only_urgent else ""
    due = f"""
        SELECT id FROM mail_mail
        WHERE lane = %s AND server_id = %s AND state = 'queued'
            -- A clock that is read once bounds the index; else all that is scheduled for later would be read, too.
            AND due_at <= (SELECT {NOW[vendor]})
            AND plan_version >= %s {urgent}
        ORDER BY due_at, id LIMIT %s
    """
    # PostgreSQL: an array is computed once, and rows that another worker is taking are skipped, not waited for.
    ids = f"= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))" if vendor == "postgresql" else f"IN ({due})"
    return f"""
        UPDATE mail_mail
        SET state = 'sending', lease_owner = %s, lease_until = {LATER[vendor]},
            fence = fence + 1
        WHERE id {ids}
        RETURNING id, fence, content_id, lane, server_id, asked_server_id, recipient_name, recipient_address,
                  tries, uncertain, urgent, document_type_id, team_id, first_attempt_at
    """


def _as_datetime(value: datetime | str | None) -> datetime | None:
    """A raw column as Django would give it: SQLite hands out UTC without saying so, as text or not."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


# -- Keeping, handing back, recovering ---------------------------------------------------------------


def extend(held: Mapping[int, int]) -> set[int]:
    """Lengthen the leases of these mails (id → fence); the ids that are still ours."""
    if not held:
        return set()
    sql = f"""
        UPDATE mail_mail SET lease_until = {LATER[connection.vendor]}
        WHERE state = 'sending' AND (id, fence) IN (VALUES {", ".join(["(%s, %s)"] * len(held))})
        RETURNING id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [settings.MAIL_LEASE_SECONDS, *chain.from_iterable(held.items())])
        return {row[0] for row in cursor.fetchall()}


def recover(*, but: Collection[int] = ()) -> int:
    """Put back what a dead worker held: its lease ran out, so nobody knows what became of the mail. How many.

    `but`: what the asking worker itself has in hand. After a time without a database its leases have run out,
    yet it knows the outcomes and is about to write them.
    """
    lost = Mail.objects.filter(state=Mail.State.SENDING, lease_until__lt=Now()).exclude(pk__in=but)
    recovered = [mail.pk for mail in lost.select_related("server")[:RECOVER_BATCH] if _recover_one(mail)]
    if recovered:
        logger.warning("%s mails of workers that are gone were put back", len(recovered))
        mail_failed.send_robust(sender=Mail, mails=recovered)
    return len(recovered)


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
            if mail.server_id:
                limits.record({mail.server_id: 1})  # it may have been handed over
    return bool(moved)


def is_due(lane: str) -> bool:
    """Whether mail of this lane waits to be taken."""
    return Mail.objects.filter(lane=lane, state=Mail.State.QUEUED, due_at__lte=Now()).exists()


def work_left(lanes: Iterable[str] = Lane.values) -> bool:
    """Whether something could be sent now, or is being sent by anyone."""
    if Mail.objects.filter(state=Mail.State.SENDING, lane__in=list(lanes)).exists():
        return True
    seen = glance()
    due = ((lane, server) for lane in lanes for server in seen.due(lane))
    return any(not server.is_limited or _has_room(server.id, lane) for lane, server in due)


def _has_room(server_id: int, lane: str) -> bool:
    server = Server.objects.filter(pk=server_id).first()
    return server is not None and limits.room(server, lane) != 0
