"""Waiting mail gets its server of today: after a change of settings, and when its server is in trouble."""

from collections import defaultdict
from collections.abc import Callable, Sequence, Set
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from mail import planning
from mail.addresses import Mailbox
from mail.models import Mail, Server
from mail.queue import author_of
from mail.routing import Decision
from mail.signals import mail_failed

# Few enough that the thread that owns the database is soon free again for leases and outcomes.
BATCH = 500

WaysOf = Callable[[Mailbox | None, str, int | None, planning.About], list[Decision]]


def plan_anew(snapshot: planning.Snapshot) -> int:
    """Plan as much as one batch of the waiting mail whose plan is older than this; how many that were."""
    stale = Mail.objects.filter(state=Mail.State.QUEUED, plan_version__lt=snapshot.version)
    # Asked first: to look must not cost SQLite's one write lock.
    if not stale.exists():
        return 0

    @cache
    def ways_of(author: Mailbox | None, lane: str, asked_server_id: int | None, of: planning.About) -> list[Decision]:
        return planning.ways(author=author, lane=lane, asked_server_id=asked_server_id, of=of, snapshot=snapshot)

    failed: list[int] = []
    with transaction.atomic():
        resting = set(Server.objects.filter(resting_until__gt=Now()).values_list("pk", flat=True))
        batch = _taken(stale)
        for (server_id, error), ids in _decided(batch, ways_of, resting).items():
            changes: dict[str, Any] = {"server_id": server_id, "plan_version": snapshot.version}
            if error:
                failed += ids
                changes = {"state": Mail.State.FAILED, "cause": error, "settled_at": Now(), **changes}
            Mail.objects.filter(pk__in=ids).update(**changes)
    if failed:
        mail_failed.send_robust(sender=Mail, mails=failed)
    return len(batch)


def _taken(stale: "QuerySet[Mail]") -> list[Mail]:
    """A batch that nobody else can move meanwhile; what a person retries comes first, as its version is 0."""
    lean = stale.select_related("content").only(
        *("lane", "asked_server_id", "server_id", "uncertain", "urgent", "document_type_id", "team_id"),
        *("content__author_name", "content__author_address"),
    )
    return list(lean.select_for_update(skip_locked=True, of=("self",)).order_by("plan_version")[:BATCH])


def _decided(batch: Sequence[Mail], ways_of: WaysOf, resting: Set[int]) -> dict[tuple[int | None, str], list[int]]:
    """The mails of the batch by what was decided for them: the server, or why there is none."""
    decided: dict[tuple[int | None, str], list[int]] = defaultdict(list)
    for mail in batch:
        of = planning.About(mail.document_type_id, mail.team_id)
        ways = ways_of(author_of(mail.content), mail.lane, mail.asked_server_id, of)
        decision = best_way(ways, mail, resting)
        server_id = decision.server.id if decision.server else None
        decided[server_id, decision.error.value if decision.error else ""].append(mail.pk)
    return decided


def best_way(ways: Sequence[Decision], mail: Mail, resting: Set[int]) -> Decision:
    """The first way, or the next one under the same From while its server rests.

    Where the outcome of an earlier try is unknown, the server that was tried.
    """
    first = ways[0]
    if first.server is None:
        return first
    same_from = [way for way in ways if way.server and way.same_from(first)]
    if mail.uncertain:
        return next((way for way in same_from if way.server and way.server.id == mail.server_id), first)
    if first.server.id in resting and not mail.urgent:
        return next((way for way in same_from if way.server and way.server.id not in resting), first)
    return first
