"""The bell: tells a worker that there is mail, without ever delaying or failing who rings it."""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import redis
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 0.3
SILENT_SECONDS = 10.0
# A ring that was never heard is forgotten after this; the workers look by themselves every few seconds anyway.
RUNG_SECONDS = 30
# A ring that is older is not even heard. Who hears it compares it with a clock of their own, and the clocks of hosts
# may differ by minutes.
STALE_SECONDS = 900
# Who has heard a ring looks at once, and again after so long: until then nobody needs to ring. It bounds how many
# tasks a burst of posts makes, and how long one of them may wait.
MOMENT_SECONDS = 0.05

_silent_until = 0.0
# By lane: until when a worker will surely look once more, whatever else happens; nobody needs to ask Redis before.
_rung_until: dict[str, float] = {}


def ring(lane: str) -> None:
    """Wake a worker of this lane once the caller's transaction is committed.

    Rings are coalesced: until a worker hears the first, the next ones cost one short question to Redis, and that only
    once in a moment. A broker that is dead or silent costs at most 0.3 s, then nothing for ten seconds. No
    `REDIS_URL`, no bell.
    """
    if settings.REDIS_URL:
        transaction.on_commit(partial(_ring, lane))


def heard(lane: str, look: Callable[[], None]) -> None:
    """Called by the worker that hears it: looks now, and once more when the next ring can come through."""
    look()
    try:
        # From its end on others ring again, also when this worker dies before.
        _redis().pexpire(_key(lane), int(MOMENT_SECONDS * 1000))
    except redis.RedisError as error:
        logger.warning("bell: Redis did not answer (%s)", type(error).__name__)
    else:
        # What came in between did not ring. Redis forgets a key within the millisecond after its end.
        again = threading.Timer(MOMENT_SECONDS + 0.005, look)
        again.daemon = True
        again.start()


def _ring(lane: str) -> None:
    global _silent_until
    asked = time.monotonic()
    if asked < max(_silent_until, _rung_until.get(lane, 0.0)):
        return
    try:
        is_first, left = _take_turn(lane)
        if is_first:
            _send(lane)
        # Whoever has heard the ring by then, or hears it later, looks once more after that: see `heard`.
        _rung_until[lane] = asked + min(left, MOMENT_SECONDS)
    except Exception as error:
        # Whatever it is, the mail is safe in its table, and no business of the person who posted it.
        _silent_until = time.monotonic() + SILENT_SECONDS
        _connection.cache_clear()
        logger.warning("bell: silent for %.0f s, the broker failed (%s)", SILENT_SECONDS, type(error).__name__)


def _take_turn(lane: str) -> tuple[bool, float]:
    """Whether nobody has rung, and for how many seconds nobody else will; in one round trip."""
    with _redis().pipeline(transaction=False) as questions:
        questions.set(_key(lane), 1, nx=True, ex=RUNG_SECONDS)
        questions.pttl(_key(lane))
        is_first, milliseconds = questions.execute()
    return bool(is_first), milliseconds / 1000


def _send(lane: str) -> None:
    from mail.tasks import deliver_due

    options: dict[str, Any] = {"connection": _connection(), "retry": False, "expires": STALE_SECONDS}
    deliver_due.apply_async(args=(lane,), queue=lane, **options)


def _key(lane: str) -> str:
    return f"daeris:bell:{lane}"


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=LIMIT_SECONDS,
        socket_connect_timeout=LIMIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


@cache
def _connection() -> Any:
    """A broker connection of the bell's own: the worker's may wait, this one must not."""
    from celery import current_app

    options = {"socket_timeout": LIMIT_SECONDS, "socket_connect_timeout": LIMIT_SECONDS, "max_retries": 0}
    return current_app.connection_for_write(transport_options={**current_app.conf.broker_transport_options, **options})
