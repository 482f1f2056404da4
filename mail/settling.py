"""What became of mails, written down in one short transaction for as many as have finished."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.timezone import now

from mail import limits, tallies
from mail.boot_clock import boot_seconds
from mail.claiming import Claimed
from mail.endpoint import Endpoint
from mail.exceptions import BEFORE_MAIL
from mail.models import Attempt, Mail, Server
from mail.models.mail import forget_secrets
from mail.signals import mail_failed, mail_sent
from mail.statements import as_json, items_of, rows

logger = logging.getLogger(__name__)

# The breaker: after so many failures in a row a server is left alone, longer each time.
BREAKER_FAILURES = 3
REST_SECONDS = (30, 60, 120, 300)


class Fate(StrEnum):
    """What a finished mail moves to."""

    SENT = "sent"
    AGAIN = "again"
    FAILED = "failed"
    # Given back untouched: the worker stops, or its server was found blocked meanwhile.
    RELEASED = "released"


@dataclass(slots=True)
class Try:
    """One attempt, as plain values for a row of `Attempt`."""

    outcome: str
    server_id: int | None
    server_name: str
    started_at: datetime
    seconds: float
    step: str = ""
    explanation: dict[str, Any] = field(default_factory=dict)
    header_from: str = ""
    envelope_from: str = ""
    tls: str = ""
    phase: str = ""
    reply_code: int | None = None
    enhanced_code: str = ""
    reply_text: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """A finished mail: its fate, the tries that led there, and what is known of its servers."""

    mail: Claimed
    fate: Fate
    tries: tuple[Try, ...] = ()
    cause: str = ""
    reply_code: int | None = None
    failure: str = ""
    wait_seconds: float = 0
    is_uncertain: bool = False
    # Where it must go next time; None: wherever its plan says.
    server_id: int | None = None


@dataclass(frozen=True, slots=True)
class ServerNews:
    """What a mail taught about a server."""

    server_id: int
    works: bool = False
    failed: bool = False
    # It finds that it gets too much from us: seconds to leave it alone.
    slow_seconds: float = 0
    blocked_cause: str = ""
    reply: str = ""
    # How it was reached. A server whose settings were changed meanwhile is not judged by the old ones.
    endpoint: Endpoint | None = None
    # When the try began that taught it, by the boot clock.
    began: float = 0.0


def settle(settlements: Sequence[Settlement], news: Sequence[ServerNews] = (), *, owner: str = "") -> None:
    """Write down all of these at once. Rows that were taken over meanwhile are left alone: the fence decides."""
    if _is_plain_success(settlements, news):
        _send_signals(settlements, _settle_at_once(settlements, owner))
        return
    with transaction.atomic():
        ours = _settle_sent([item for item in settlements if item.fate is Fate.SENT])
        for item in settlements:
            if item.fate is not Fate.SENT and _settle_one(item):
                ours.add(item.mail.id)
        _write_attempts([item for item in settlements if item.mail.id in ours], owner)
        if secrets := {item.mail.content_id for item in settlements if item.mail.is_secret and item.mail.id in ours}:
            forget_secrets(secrets)
        for heard in _without_repeats(news):
            _tell_server(heard)
        # Last, as all workers write the same few rows: they are locked for the shortest time.
        _count([item for item in settlements if item.mail.id in ours])
    _send_signals(settlements, ours)


def settle_all(settlements: Sequence[Settlement], news: Sequence[ServerNews] = (), *, owner: str = "") -> None:
    """Settle, whatever it takes: one outcome that cannot be written never holds up the others.

    Raises only while the database does not answer (`is_away`). A row that cannot be written at all keeps its lease,
    and is recovered as uncertain when that ends.
    """
    if _try_to_settle(settlements, news, owner=owner):
        return
    for item in _without_deleted_servers(settlements):
        # By itself, and in the worst case without its story.
        _try_to_settle([item], owner=owner) or _try_to_settle([_bare(item)], owner=owner)
    for heard in news:
        _try_to_settle([], [heard], owner=owner)


def is_away(error: Exception) -> bool:
    """Whether the database did not answer, so that the same may well succeed later."""
    return isinstance(error, (OperationalError, InterfaceError))


def _try_to_settle(settlements: Sequence[Settlement], news: Sequence[ServerNews] = (), *, owner: str) -> bool:
    try:
        settle(settlements, news, owner=owner)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("the outcome of mail %s cannot be written like this", [item.mail.id for item in settlements])
        return False
    return True


def _without_deleted_servers(settlements: Sequence[Settlement]) -> list[Settlement]:
    """The same, naming by key only those servers that nobody deleted while the mail was on its way."""
    known = set(Server.objects.values_list("pk", flat=True))
    return [
        replace(
            item,
            server_id=item.server_id if item.server_id in known else None,
            tries=tuple(
                attempt if attempt.server_id in known else replace(attempt, server_id=None) for attempt in item.tries
            ),
        )
        for item in settlements
    ]


def _bare(item: Settlement) -> Settlement:
    return Settlement(item.mail, item.fate, cause=item.cause, wait_seconds=item.wait_seconds)


def _is_plain_success(settlements: Sequence[Settlement], news: Sequence[ServerNews]) -> bool:
    """Whether all of it is what happens nearly always, for which PostgreSQL needs one statement."""
    return (
        connection.vendor == "postgresql"
        and not news
        and all(
            item.fate is Fate.SENT and item.tries and not item.mail.is_counted and not item.mail.is_secret
            for item in settlements
        )
    )


def _settle_at_once(settlements: Sequence[Settlement], owner: str) -> set[int]:
    """The same as step by step, in one statement and so in one turn; the ids of those that were still ours."""
    return {pk for (pk,) in rows(_at_once_sql(), [_items(settlements), now(), owner[:100], tallies.this_hour()])}


@cache
def _at_once_sql() -> str:
    columns = ", ".join(("mail_id", *_FACTS))
    return f"""
        WITH item AS MATERIALIZED (SELECT * FROM {_items_table("postgresql")}),
        moved AS (
            UPDATE mail_mail
            SET {_SENT}
            FROM (SELECT DISTINCT mail_id, fence FROM item) AS key
            WHERE mail_mail.id = key.mail_id AND mail_mail.fence = key.fence
                -- By key, never by the index of the states, where every mail in hand leaves a dead entry behind.
                AND mail_mail.id = ANY (ARRAY(SELECT mail_id FROM item)) AND state IS NOT DISTINCT FROM 'sending'
            RETURNING mail_mail.id
        ),
        tried AS (
            INSERT INTO mail_attempt (worker, {columns})
            SELECT %s, {columns} FROM item JOIN moved ON moved.id = mail_id
            RETURNING server_id, outcome
        ),
        counted AS (
            INSERT INTO mail_tally (server_id, hour, sent, failed)
            SELECT server.id, %s,
                   count(*) FILTER (WHERE outcome = 'accepted'), count(*) FILTER (WHERE outcome <> 'accepted')
            FROM tried JOIN mail_server AS server ON server.id = server_id
            GROUP BY server.id ORDER BY server.id
            {tallies.ADD_UP}
        )
        SELECT id FROM moved
    """


def _settle_sent(settlements: Sequence[Settlement]) -> set[int]:
    if not settlements:
        return set()
    keys = as_json({"id": item.mail.id, "fence": item.mail.fence} for item in settlements)
    return {pk for (pk,) in rows(_sent_sql(connection.vendor), [connection.ops.adapt_datetimefield_value(now()), keys])}


_SENT = """state = 'sent', settled_at = %s, tries = tries + 1, cause = '', failure = '', reply_code = NULL,
            lease_owner = '', lease_until = NULL"""


@cache
def _sent_sql(vendor: str) -> str:
    return f"""
        UPDATE mail_mail
        SET {_SENT}
        FROM {items_of(vendor, ((Mail, "id"), (Mail, "fence")))}
        WHERE mail_mail.id = item.id AND mail_mail.fence = item.fence AND state = 'sending'
        RETURNING mail_mail.id
    """


def _settle_one(item: Settlement) -> bool:
    """Move one mail that was not sent; False when it is no longer ours."""
    mine = Mail.objects.filter(pk=item.mail.id, fence=item.mail.fence, state=Mail.State.SENDING)
    free = {"lease_owner": "", "lease_until": None}
    if item.fate is Fate.RELEASED:
        return bool(mine.update(state=Mail.State.QUEUED, plan_version=0, **free))
    failed = item.fate is Fate.FAILED
    changes: dict[str, Any] = {
        "state": Mail.State.FAILED if failed else Mail.State.QUEUED,
        "cause": item.cause,
        "reply_code": item.reply_code,
        "failure": item.failure,
        "tries": F("tries") + 1,
        "uncertain": F("uncertain") + int(item.is_uncertain),
        "first_attempt_at": item.mail.first_attempt_at or (item.tries[0].started_at if item.tries else now()),
        "settled_at": now() if failed else None,
        "due_at": Now() + timedelta(seconds=item.wait_seconds),
        "urgent": False,
    }
    if item.server_id:
        changes["server_id"] = item.server_id
    return bool(mine.update(**changes, **free))


def _write_attempts(settlements: Sequence[Settlement], owner: str) -> None:
    if any(item.tries for item in settlements):
        rows(_attempts_sql(connection.vendor), [owner[:100], _items(settlements)])


# The fields of a try, which are columns of an attempt.
_FACTS = tuple(Try.__dataclass_fields__)
_facts_of = attrgetter(*_FACTS)


@cache
def _attempts_sql(vendor: str) -> str:
    columns = ", ".join(("mail_id", *_FACTS))
    return f"INSERT INTO mail_attempt (worker, {columns}) SELECT %s, {columns} FROM {_items_table(vendor)}"


def _items(settlements: Sequence[Settlement]) -> str:
    """Every try of these, with the mail and its fence."""
    return as_json(
        {"mail_id": item.mail.id, "fence": item.mail.fence, **dict(zip(_FACTS, _facts_of(attempt), strict=True))}
        for item in settlements
        for attempt in item.tries
    )


def _items_table(vendor: str) -> str:
    facts = ((Attempt, name.removesuffix("_id")) for name in _FACTS)
    return items_of(vendor, ((Attempt, "mail"), (Mail, "fence"), *facts))


def _count(settlements: Sequence[Settlement]) -> None:
    """For the limits, what was handed over at all; for the bars, what became of it."""
    handed: Counter[int] = Counter()
    sent: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for item in settlements:
        for one in item.tries:
            if one.server_id:
                handed[one.server_id] += item.mail.is_counted and one.phase not in BEFORE_MAIL
                (sent if one.outcome == Attempt.Outcome.ACCEPTED else failed)[one.server_id] += 1
    limits.record(+handed)
    tallies.record(sent=sent, failed=failed)


def _without_repeats(news: Sequence[ServerNews]) -> list[ServerNews]:
    """That a server works or is blocked is told once; every failure counts."""
    return [*dict.fromkeys(item for item in news if not item.failed), *(item for item in news if item.failed)]


def _tell_server(news: ServerNews) -> None:
    server = Server.objects.filter(pk=news.server_id)
    if news.blocked_cause:
        row = server.select_for_update().first()
        if row is None or (news.endpoint and not news.endpoint.leads_to(row)):
            return
        # Found well since the try began: what was wrong then was mended. By the database's clock, like that moment.
        began = Now() - timedelta(seconds=boot_seconds() - news.began)
        server.filter(Q(blocked_at=None) | Q(blocked_at__lte=began), blocked_cause="").update(
            blocked_cause=news.blocked_cause, blocked_reply=news.reply, blocked_at=now()
        )
    elif news.slow_seconds:
        until = Now() + timedelta(seconds=news.slow_seconds)
        server.update(slowed_until=until, slowed_reply=news.reply)
    elif news.works:
        server.exclude(failures=0, trouble_since=None).update(failures=0, trouble_since=None, resting_until=None)
    elif news.failed:
        _rest_when_in_trouble(news.server_id)


def _rest_when_in_trouble(server_id: int) -> None:
    Server.objects.filter(pk=server_id).update(failures=F("failures") + 1)
    # Does it rest already? By the database's clock, as the next claim asks: those of the hosts may differ by minutes.
    awake = Server.objects.filter(pk=server_id, failures__gte=BREAKER_FAILURES).exclude(resting_until__gt=Now())
    server = awake.first()
    if server is None:
        return
    pause = REST_SECONDS[min(server.failures - BREAKER_FAILURES, len(REST_SECONDS) - 1)]
    Server.objects.filter(pk=server_id).update(
        trouble_since=server.trouble_since or now(), resting_until=Now() + timedelta(seconds=pause)
    )
    # Its mails are planned anew: another server that keeps the same From takes them.
    Mail.objects.filter(server_id=server_id, state=Mail.State.QUEUED).update(plan_version=0)


def _send_signals(settlements: Sequence[Settlement], ours: set[int]) -> None:
    sent = [item.mail.id for item in settlements if item.mail.id in ours and item.fate is Fate.SENT]
    failed = [item.mail.id for item in settlements if item.mail.id in ours and item.fate in {Fate.AGAIN, Fate.FAILED}]
    if sent:
        mail_sent.send_robust(sender=Mail, mails=sent)
    if failed:
        mail_failed.send_robust(sender=Mail, mails=failed)
