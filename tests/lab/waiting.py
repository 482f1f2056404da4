"""Wait for something to become true, never for time to pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# Deadlines are written for a quiet machine. A busy one gets more: only what never happens takes that long.
PATIENCE = 3


class DeadlineError(AssertionError):
    """What was waited for did not happen in time."""


def eventually(
    what: Callable[[], T], *, deadline: float = 10, says: str | Callable[[], str] = "", every: float = 0.02
) -> T:
    """The first truthy answer of `what`; raises DeadlineError with `says` when PATIENCE is at its end."""
    deadline *= PATIENCE
    end = time.monotonic() + deadline
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            reason = says() if callable(says) else says
            raise DeadlineError(f"not within {deadline:g} s: {reason or what}; last answer: {answer!r}")
        time.sleep(every)
