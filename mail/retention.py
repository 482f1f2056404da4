"""What has been kept long enough goes: the words and files of old mail, and what was tried to deliver it.

Rows of mail stay, and so does whatever a person may still decide about. It goes in small batches, each of them a short
transaction that waits for nobody; where the time is over, the next run goes on.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from mail import attachments
from mail.models import Attempt, Content, Mail

# So much at once; a row of a batch is locked for some milliseconds.
CONTENTS = 100
ATTEMPTS = 1000
# A run ends after so long: the same workers put back what others held, and that is due every few seconds.
MOST_SECONDS = 30.0
# Where the last run stopped. Lost without harm: it begins with the oldest again.
PLACE = "mail.retention.place"
PLACE_SECONDS = 24 * 3600
# What is in these states may still be sent: by itself, or because a person finds that it should.
UNDECIDED = [Mail.State.QUEUED, Mail.State.SENDING, Mail.State.FAILED]
MOVING = [Mail.State.QUEUED, Mail.State.SENDING]


def bodies_since() -> datetime | None:
    """Words older than this are not kept; None: all are."""
    return _since(settings.MAIL_KEEP_BODIES_DAYS)


def attempts_since() -> datetime | None:
    """Attempts older than this are not kept; None: all are."""
    return _since(settings.MAIL_KEEP_ATTEMPTS_DAYS)


def sweep(most_seconds: float = MOST_SECONDS) -> None:
    """Let go of what is older than the settings say, until the time is over."""
    ends = time.monotonic() + most_seconds
    work = [(sweep_bodies, bodies_since()), (sweep_attempts, attempts_since())]
    for number, (batches, since) in enumerate(work):
        if since is None:
            continue
        # Neither waits for the other: what the first leaves of the time is the second one's.
        until = ends - (len(work) - number - 1) * most_seconds / len(work)
        for _ in batches(since):
            if time.monotonic() >= until:
                break


def sweep_bodies(since: datetime) -> Iterator[int]:
    """Take the words and the files of contents made and settled before this, batch by batch: how many of each."""
    kept = Content.objects.filter(forgotten_at__isnull=True, created_at__lt=since).order_by("created_at", "pk")
    facts = kept.values_list("created_at", "pk")

    def beyond(key: tuple[datetime, int]) -> "QuerySet[Content, Any]":
        created_at, pk = key
        return facts.filter(Q(created_at__gt=created_at) | Q(pk__gt=pk), created_at__gte=created_at)

    for found in _batches("bodies", facts, beyond, CONTENTS):
        yield _forget([pk for _, pk in found], since)


def sweep_attempts(since: datetime) -> Iterator[int]:
    """Delete the attempts of settled mails for which nothing was tried since then, batch by batch: how many of each."""
    facts = Attempt.objects.order_by("pk").values_list("pk", "started_at", "mail_id")

    def beyond(key: tuple[int, datetime, int]) -> "QuerySet[Attempt, Any]":
        return facts.filter(pk__gt=key[0])

    for found in _batches("attempts", facts, beyond, ATTEMPTS):
        old = {mail_id for _, started_at, mail_id in found if started_at < since}
        if not old:
            # They were written in this order, so all that follow are younger.
            cache.delete(f"{PLACE}.attempts")
            return
        yield _delete_attempts(old, since)


def _batches(
    name: str, first: "QuerySet[Any, Any]", beyond: Callable[[Any], "QuerySet[Any, Any]"], size: int
) -> Iterator[list[Any]]:
    """The rows from where the last run stopped, in parts; at their end the next run begins anew.

    What may not go yet is passed over, and looked at again in the next round: however much that is, it never keeps
    a run from what comes after it.
    """
    place = f"{PLACE}.{name}"
    key = cache.get(place)
    while found := list((first if key is None else beyond(key))[:size]):
        key = found[-1]
        cache.set(place, key, PLACE_SECONDS)
        yield found
    cache.delete(place)


def _forget(content_ids: list[int], since: datetime) -> int:
    needed = Mail.objects.filter(Q(state__in=UNDECIDED) | Q(settled_at__gte=since), content=OuterRef("pk"))
    with transaction.atomic():
        # A copy that is just being queued holds its content: it is passed over, not waited for.
        free = Content.objects.select_for_update(skip_locked=True).filter(pk__in=content_ids, forgotten_at__isnull=True)
        spent = list(free.filter(~Exists(needed)).values_list("pk", flat=True))
        Content.objects.filter(pk__in=spent).update(text="", html="", forgotten_at=now())
        used = Content.attachments.through.objects.filter(content__in=spent)
        files = set(used.values_list("attachment_id", flat=True))
        used.delete()
        attachments.release(files)
    return len(spent)


def _delete_attempts(mail_ids: set[int], since: datetime) -> int:
    """All of a mail or none, so that what is left of its story is never a part of it."""
    later = Attempt.objects.filter(mail=OuterRef("pk"), started_at__gte=since)
    mails = Mail.objects.filter(~Exists(later), pk__in=mail_ids).exclude(state__in=MOVING)
    ids = list(mails.values_list("pk", flat=True))
    with transaction.atomic():
        # Asked again by their age: a mail may have been tried anew in this very moment.
        old = Attempt.objects.filter(mail__in=ids, started_at__lt=since).order_by("pk")
        free = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True))
        return Attempt.objects.filter(pk__in=free).delete()[0]


def _since(days: float | None) -> datetime | None:
    return now() - timedelta(days=days) if days else None
