"""How long a mail waits: 1, 5, 15, 30 minutes, 1, 2, 4 hours, then every 4 hours, ±20 % (design §6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.backoff import MAX_HINT, next_wait

WAITS = [60, 300, 900, 1800, 3600, 7200, 14400]


def test_the_waits_grow_and_the_last_repeats() -> None:
    waits = [next_wait(tries, waits=WAITS, hint=None, random=lambda: 0.5) for tries in range(1, 10)]

    assert waits == [60, 300, 900, 1800, 3600, 7200, 14400, 14400, 14400]


@pytest.mark.parametrize(("random", "wait"), [(0.0, 240), (0.5, 300), (1.0, 360)])
def test_mails_that_failed_together_come_back_apart(random: float, wait: float) -> None:
    assert next_wait(2, waits=WAITS, hint=None, random=lambda: random) == pytest.approx(wait)


@pytest.mark.parametrize(("hint", "wait"), [(90, 90), (7200, 7200), (10**9, MAX_HINT), (0, 5)])
def test_what_the_server_asks_for_wins_up_to_four_hours(hint: float, wait: float) -> None:
    assert next_wait(7, waits=WAITS, hint=hint, random=lambda: 0.9) == wait


@given(st.integers(-5, 10**6), st.none() | st.floats(0, 10**12), st.floats(0, 1))
def test_a_wait_is_always_longer_than_nothing_and_shorter_than_five_hours(
    tries: int, hint: float | None, random: float
) -> None:
    assert 0 < next_wait(tries, waits=WAITS, hint=hint, random=lambda: random) < 5 * 3600
