"""Servers in an order that somebody gives them by hand, written down in as few changed numbers as possible. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

# How far apart servers are numbered, so that another fits between them.
STEP = 10


def numbered(order: Sequence[int], priorities: Mapping[int, int], *, moved: int) -> dict[int, int]:
    """The priorities that have to change so that servers stand in this order; `moved` is the one that was moved.

    Administrators know their servers by these numbers: the moved one alone gets another, a round one between those of
    its new neighbours. Only where nothing fits there (they are equal, or next to each other) all are numbered 10, 20…
    """
    rest = [pk for pk in order if pk != moved]
    is_sorted = all(priorities[one] <= priorities[other] for one, other in pairwise(rest))
    at = order.index(moved)
    below = priorities[order[at - 1]] if at else None
    above = priorities[order[at + 1]] if at + 1 < len(order) else None
    fitting = _between(below, above) if is_sorted else None
    wanted = {moved: fitting} if fitting is not None else {pk: STEP * n for n, pk in enumerate(order, 1)}
    return {pk: number for pk, number in wanted.items() if priorities[pk] != number}


def _between(below: int | None, above: int | None) -> int | None:
    """A whole number between these, as round as there is one; positive. None when there is none."""
    if below is None and above is None:
        return STEP
    if above is None:
        assert below is not None
        return (max(below, 0) // STEP + 1) * STEP
    low = 0 if below is None else below
    middle = (low + above) / 2
    for step in (STEP, STEP // 2, 1):
        inside = range((low // step + 1) * step, above, step)
        if inside:
            return min(inside, key=lambda number: abs(number - middle))
    return None
