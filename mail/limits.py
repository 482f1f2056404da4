"""How much may leave through a server now: sliding windows, counted in the database so that all workers agree.

What is in a worker's hands counts from the moment it is claimed; what was handed over counts in the slice in which
that is written down. Both are later than the server's own count, so no window as the server sees it is ever passed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Count, Q, Sum

from mail import shares
from mail.models import Lane, Mail, Server, Usage

Window = Usage.Window
# What a gauge may show besides a window.
CONNECTIONS = "connections"


@dataclass(frozen=True, slots=True)
class Gauge:
    """How full one window of a server is; or how many of its connections are in use."""

    window: str
    used: int
    limit: int

    @property
    def is_full(self) -> bool:
        return self.used >= self.limit


def limits_of(server: Server) -> dict[str, int]:
    """The limit of each window that has one."""
    limits = {
        Window.MINUTE: server.limit_minute,
        Window.HOUR: server.limit_hour,
        Window.DAY: server.limit_day,
    }
    return {window: limit for window, limit in limits.items() if limit}


def gauges(server: Server) -> list[Gauge]:
    """What of each limit is used now; empty for a server without limits."""
    return gauges_of([server]).get(server.pk, [])


def gauges_of(servers: Collection[Server]) -> dict[int, list[Gauge]]:
    """What is used of every limit of these servers, by four questions however many they are: for people."""
    found = _windows_of({one.pk: limits for one in servers if (limits := limits_of(one))})
    limited = {one.pk: one.limit_connections for one in servers if one.limit_connections}
    in_use = shares.in_use(limited)
    for pk, limit in limited.items():
        found.setdefault(pk, []).append(Gauge(CONNECTIONS, min(in_use.get(pk, 0), limit), limit))
    return found


def _windows_of(limited: Mapping[int, Mapping[str, int]]) -> dict[int, list[Gauge]]:
    if not limited:
        return {}
    now = _database_seconds()
    counting = Q()
    for window, (length, size) in Usage.SECONDS.items():
        counting |= Q(window=window, slice__gte=(now - length) // size)
    usage = Usage.objects.filter(counting, server_id__in=limited).order_by().values_list("server_id", "window")
    used = {(pk, window): count for pk, window, count in usage.annotate(used=Sum("count"))}
    sending = Mail.objects.filter(state=Mail.State.SENDING, server_id__in=limited).order_by().values_list("server_id")
    in_hand = dict(sending.annotate(number=Count("pk")))
    return {
        pk: [
            Gauge(window, min(used.get((pk, window), 0) + in_hand.get(pk, 0), limit), limit)
            for window, limit in limits.items()
        ]
        for pk, limits in limited.items()
    }


def room(server: Server, lane: str) -> int | None:
    """How many more mails of this lane may be taken now; None: as many as one likes.

    Mass mail leaves a tenth of each window to what a person is waiting for. Exact only while the caller has the
    server's row locked.
    """
    limits = limits_of(server)
    if not limits:
        return None
    in_hand, *used = _counts(server.pk, list(limits))
    kept_free = {window: limit // 10 if lane == Lane.MASS else 0 for window, limit in limits.items()}
    left = [
        limit - kept_free[window] - count - in_hand for (window, limit), count in zip(limits.items(), used, strict=True)
    ]
    return max(0, min(left))


def opens_at(server: Server, ahead: int = 0) -> datetime | None:
    """When the next mail may go, or the one that has so many `ahead` of it; None: now.

    A promise as far as the past can make one: what leaves until then is taken to leave as soon as it may.
    """
    moments = [_opens(server, window, limit, ahead) for window, limit in limits_of(server).items()]
    latest = max((moment for moment in moments if moment is not None), default=None)
    return datetime.fromtimestamp(latest, UTC) if latest is not None else None


def _opens(server: Server, window: str, limit: int, ahead: int) -> int | None:
    length, size = Usage.SECONDS[Window(window)]
    rounds, rest = divmod(ahead, limit)
    slices = Usage.objects.filter(server=server, window=window).order_by("slice")
    now = _database_seconds()
    counting = [(one.slice, one.count) for one in slices if one.slice >= (now - length) // size]
    to_free = sum(count for _, count in counting) + rest + 1 - limit
    if to_free <= 0:
        return now + rounds * length if rounds else None
    for number, count in counting:
        to_free -= count
        if to_free <= 0:
            return (number + 1) * size + length + rounds * length
    return now + (rounds + 1) * length


def record(counts: Mapping[int, int]) -> None:
    """Write down how many mails were handed to each server; joins the caller's transaction.

    One statement, in one order, so that two workers never wait for each other crosswise. Servers without a limit
    cost no row.
    """
    if not counts:
        return
    values = ", ".join(["(%s, %s)"] * len(counts))
    sql = f"""
        INSERT INTO mail_usage (server_id, "window", slice, count)
        SELECT server.id, windows.column1, {_SECONDS[connection.vendor]} / windows.column2, handed.column2
        FROM (VALUES {values}) AS handed
        JOIN mail_server AS server ON server.id = handed.column1
        CROSS JOIN (VALUES {_slice_lengths()}) AS windows
        WHERE server.limit_minute IS NOT NULL OR server.limit_hour IS NOT NULL OR server.limit_day IS NOT NULL
        ORDER BY 1, 2
        ON CONFLICT (server_id, "window", slice) DO UPDATE SET count = mail_usage.count + excluded.count
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [part for item in sorted(counts.items()) for part in item])


def sweep() -> int:
    """Remove the slices that no window reaches any more; how many."""
    now = _database_seconds()
    return sum(
        Usage.objects.filter(window=window, slice__lt=(now - length) // size - 1).delete()[0]
        for window, (length, size) in Usage.SECONDS.items()
    )


def _counts(server_id: int, windows: list[str]) -> list[int]:
    """What is in hand, then what counts in each window. One statement: nothing moves between them meanwhile."""
    used = ", ".join(
        f"""(SELECT coalesce(sum(count), 0) FROM mail_usage WHERE server_id = %s AND "window" = '{window}'
             AND slice >= ({_SECONDS[connection.vendor]} - {length}) / {size})"""
        for window, (length, size) in ((window, Usage.SECONDS[Window(window)]) for window in windows)
    )
    sql = f"SELECT (SELECT count(*) FROM mail_mail WHERE state = 'sending' AND server_id = %s), {used}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [server_id] * (1 + len(windows)))
        return [int(value) for value in cursor.fetchone()]


def _database_seconds() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_SECONDS[connection.vendor]}", [])
        return int(cursor.fetchone()[0])


def _slice_lengths() -> str:
    return ", ".join(f"('{window}', {size})" for window, (_, size) in Usage.SECONDS.items())


# Whole seconds by the database's clock of this moment, not of the transaction's beginning.
_SECONDS = {
    "postgresql": "floor(extract(epoch FROM clock_timestamp()))::bigint",
    "sqlite": "CAST(strftime('%%s', 'now') AS INTEGER)",
}
