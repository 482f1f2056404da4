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
# Who has heard a ring looks at once, and again after so long: until then nobody needs to ring. It bounds how many
# tasks a burst of posts makes, and how long one of them may wait.
MOMENT_SECONDS = 0.05

_silent_until = 0.0


def ring(lane: str) -> None:
    """Wake a worker of this lane once the caller's transaction is committed.

    Rings are coalesced: until a worker hears the first, the next ones cost one short question to Redis.
    A broker that is dead or silent costs at most 0.3 s, then nothing for ten seconds. No `REDIS_URL`, no bell.
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
    if time.monotonic() < _silent_until:
        return
    try:
        if _redis().set(_key(lane), 1, nx=True, ex=RUNG_SECONDS):
            _send(lane)
    except Exception as error:
        # Whatever it is, the mail is safe in its table, and no business of the person who posted it.
        _silent_until = time.monotonic() + SILENT_SECONDS
        _connection.cache_clear()
        logger.warning("bell: silent for %.0f s, the broker failed (%s)", SILENT_SECONDS, type(error).__name__)


def _send(lane: str) -> None:
    from mail.tasks import deliver_due

    options: dict[str, Any] = {"connection": _connection(), "retry": False, "expires": RUNG_SECONDS}
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
