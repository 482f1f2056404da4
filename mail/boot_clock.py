"""A clock that a person cannot set and that goes on while the machine sleeps."""

import time

from django.conf import settings

# Linux has one; elsewhere the monotonic clock is the nearest.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_seconds() -> float:
    """Seconds since the machine started."""
    return time.clock_gettime(_CLOCK)


def lease_margin() -> float:
    """How long a lease must last at least when something is begun (design §3): 20 s, a third of shorter leases."""
    margin: float = min(20.0, settings.MAIL_LEASE_SECONDS / 3)
    return margin
