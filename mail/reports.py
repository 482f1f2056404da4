"""Figures about the queue."""

from typing import Any

from django.db.models import Count, Min
from django.utils.timezone import now

from mail.models import Lane, Mail


def queue_counts() -> dict[str, Any]:
    """How many mails are in each state and lane, and the age in seconds of the oldest that is due (null: none)."""
    lanes: dict[str, dict[str, int]] = {lane: dict.fromkeys(Mail.State.values, 0) for lane in Lane.values}
    for row in Mail.objects.order_by().values("lane", "state").annotate(count=Count("pk")):
        lanes[row["lane"]][row["state"]] = row["count"]
    states = {state: sum(counts[state] for counts in lanes.values()) for state in Mail.State.values}
    oldest = Mail.objects.due().aggregate(oldest=Min("created_at"))["oldest"]
    age = round((now() - oldest).total_seconds(), 1) if oldest else None
    return {**states, "red": Mail.objects.red().count(), "lanes": lanes, "oldest_due_seconds": age}
