"""A clock that a person cannot set and that goes on while the machine sleeps."""

import time

# Linux has one; elsewhere the monotonic clock is the nearest.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_seconds() -> float:
    """Seconds since the machine started."""
    return time.clock_gettime(_CLOCK)
