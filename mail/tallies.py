"""How many mails left through each server, and how many tries failed there, hour by hour."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Sum
from django.utils.timezone import now

from mail.models import Tally
from mail.statements import rows

# What the bars of the server list look back on, and how long the hours are kept.
HOURS_SHOWN = 24
DAYS_KEPT = 30


@dataclass(frozen=True, slots=True)
class LastDay:
    """What became of the tries at one server in the last 24 hours."""

    sent: int = 0
    failed: int = 0


# The end of an INSERT: what is counted already in that hour grows.
ADD_UP = """
        ON CONFLICT (server_id, hour) DO UPDATE
        SET sent = mail_tally.sent + excluded.sent, failed = mail_tally.failed + excluded.failed
"""


def this_hour() -> datetime:
    """The hour that what happens now is counted in."""
    return now().replace(minute=0, second=0, microsecond=0)


def record(*, sent: Mapping[int, int], failed: Mapping[int, int]) -> None:
    """Add these to the hour that it is; joins the caller's transaction. A server deleted meanwhile is passed over."""
    ids = sorted({*sent, *failed})
    if not ids:
        return
    sql = f"""
        INSERT INTO mail_tally (server_id, hour, sent, failed)
        SELECT server.id, %s, fresh.column2, fresh.column3
        FROM (VALUES {", ".join(["(%s, %s, %s)"] * len(ids))}) AS fresh
        JOIN mail_server AS server ON server.id = fresh.column1
        WHERE true
        ORDER BY 1
        {ADD_UP}
    """
    values = [part for pk in ids for part in (pk, sent.get(pk, 0), failed.get(pk, 0))]
    rows(sql, [connection.ops.adapt_datetimefield_value(this_hour()), *values])


def last_day(server_ids: Collection[int]) -> dict[int, LastDay]:
    """The last 24 hours of these servers, to the hour; a server without any is left out."""
    since = now() - timedelta(hours=HOURS_SHOWN)
    rows = Tally.objects.filter(server_id__in=server_ids, hour__gt=since).values("server_id")
    sums = rows.annotate(all_sent=Sum("sent"), all_failed=Sum("failed"))
    return {row["server_id"]: LastDay(row["all_sent"], row["all_failed"]) for row in sums}


def sweep() -> int:
    """Forget hours that nobody is shown any more; how many."""
    return Tally.objects.filter(hour__lt=now() - timedelta(days=DAYS_KEPT)).delete()[0]
