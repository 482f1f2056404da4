"""Wrong passwords are slowed: who guesses waits, longer each time."""

import hashlib
import logging
import time
import unicodedata
from collections.abc import Callable
from math import ceil
from typing import TypeVar

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

logger = logging.getLogger(__name__)

# So many attempts in a row are free. The next waits are these, the last one repeated.
FREE = 5
WAITS = (30, 60, 120, 240, 480, 900)
# After so long without an attempt, all is forgotten.
REMEMBERED = 3600
Answer = TypeVar("Answer")


class Throttle:
    """The attempts of one client address at one user name, whether anybody has that name or not."""

    def __init__(self, request: HttpRequest, username: str) -> None:
        name = unicodedata.normalize("NFKC", username).strip().casefold()
        # Hashed: a key must be short, and some people type their password where the name goes.
        mark = hashlib.sha256(f"{address_of(request)}\0{name}".encode(errors="replace")).hexdigest()
        self._count, self._until = f"login.count.{mark}", f"login.until.{mark}"

    def enter(self) -> int:
        """Count one more attempt; the seconds to wait when it comes too early, and 0 when it may be made."""
        return _ask(self._enter, 0)

    def clear(self) -> None:
        """The password was right."""
        _ask(lambda: cache.delete_many([self._count, self._until]), None)

    def _enter(self) -> int:
        left: float = cache.get(self._until, 0) - time.time()
        if left > 0:
            return ceil(left)
        cache.add(self._count, 0, REMEMBERED)
        attempts = cache.incr(self._count)
        cache.touch(self._count, REMEMBERED)
        if attempts >= FREE:
            # Written down before the password is looked at: many guesses at once are no way around it.
            wait = WAITS[min(attempts - FREE, len(WAITS) - 1)]
            cache.set(self._until, time.time() + wait, wait)
        return 0


def address_of(request: HttpRequest) -> str:
    """The client's address; behind our own proxy the one that it saw."""
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return seen.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


def _ask(question: Callable[[], Answer], otherwise: Answer) -> Answer:
    try:
        return question()
    except Exception:  # whatever the cache raises: people must be able to log in without it
        logger.warning("the cache did not answer; log-ins are not slowed", exc_info=True)
        return otherwise
