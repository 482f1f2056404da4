"""Simultaneous connections to a server, shared out to the workers so that together they never have more than agreed.

A share is taken with the first mail that is claimed, kept by the worker's lease, and given back when the connections
are closed.
"""

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db.models import Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from mail.models import ConnectionShare, Lane, Mail, Server


def take(server: Server, lane: str, owner: str) -> int:
    """How many connections this worker may have open to the server; 0: the others have them all.

    The caller has the server's row locked. Mass mail takes half of them at most, and none while there is but one
    and somebody waits for it.
    """
    limit = server.limit_connections or server.max_connections
    shares = ConnectionShare.objects.filter(server=server)
    shares.filter(lease_until__lt=Now()).delete()
    if kept := shares.filter(owner=owner).first():
        return 0 if _must_yield(server, lane, limit) else kept.connections
    taken = shares.aggregate(taken=Sum("connections"))["taken"] or 0
    wanted = min(server.max_connections, max(1, limit // 2) if lane == Lane.MASS else limit)
    connections = min(wanted, limit - taken)
    if connections <= 0 or _must_yield(server, lane, limit):
        return 0
    ConnectionShare.objects.create(server=server, owner=owner, connections=connections, lease_until=_lease())
    return connections


def extend(owner: str) -> None:
    """Keep what this worker has for another lease."""
    ConnectionShare.objects.filter(owner=owner).update(lease_until=_lease())


def give_back(owner: str, server_ids: Collection[int] | None = None) -> None:
    """Its connections to these servers are closed; to all of them when none is named."""
    shares = ConnectionShare.objects.filter(owner=owner)
    (shares if server_ids is None else shares.filter(server_id__in=server_ids)).delete()


def in_use(server_ids: Collection[int]) -> dict[int, int]:
    """How many connections to each of these servers the workers have among them: for people."""
    if not server_ids:
        return {}
    alive = ConnectionShare.objects.filter(server_id__in=server_ids, lease_until__gte=Now())
    return dict(alive.order_by().values_list("server_id").annotate(number=Sum("connections")))


def _must_yield(server: Server, lane: str, limit: int) -> bool:
    if lane != Lane.MASS or limit > 1:
        return False
    waiting = Mail.objects.filter(lane=Lane.TRANSACTIONAL, server=server, state=Mail.State.QUEUED)
    return waiting.filter(due_at__lte=Now()).exists()


def _lease() -> Combinable:
    return Now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS)
