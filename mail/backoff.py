"""How long a mail waits before it is tried again."""

from collections.abc import Callable, Sequence

# A server's "try again in …" is believed up to here.
MAX_HINT = 4 * 3600.0
# "Try again in 0 seconds" must not become a busy loop.
MIN_HINT = 5.0
# Mails that failed together shall not all come back in the same second.
SPREAD = 0.2


def next_wait(tries: int, *, waits: Sequence[int], hint: float | None, random: Callable[[], float]) -> float:
    """Seconds until the next try after `tries` of them: the server's hint, else the wait of its turn ±20 %.

    The last wait repeats. `random` gives a number from 0 to 1, as `random.random` does.
    """
    if hint is not None:
        return min(max(hint, MIN_HINT), MAX_HINT)
    wait = waits[min(max(tries, 1), len(waits)) - 1]
    return wait * (1 - SPREAD + 2 * SPREAD * random())
