"""An order given by hand changes as few numbers as it can, and leaves readable ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.ordering import numbered


@pytest.mark.parametrize(
    ("before", "order", "moved", "changed"),
    [
        # Between two neighbours: one round number.
        ({1: 10, 2: 20, 3: 30}, [1, 3, 2], 3, {3: 15}),
        ({1: 10, 2: 20, 3: 50}, [1, 3, 2], 3, {3: 15}),
        ({1: 10, 2: 50, 3: 60}, [1, 3, 2], 3, {3: 30}),
        ({1: 10, 2: 13, 3: 30}, [1, 3, 2], 3, {3: 11}),
        # To the end, and to the beginning.
        ({1: 10, 2: 20, 3: 30}, [2, 3, 1], 1, {1: 40}),
        ({1: 10, 2: 20, 3: 33}, [2, 3, 1], 1, {1: 40}),
        ({1: 10, 2: 20, 3: 30}, [3, 1, 2], 3, {3: 5}),
        ({1: 100, 2: 200}, [2, 1], 2, {2: 50}),
        # Nothing fits: all anew.
        ({1: 10, 2: 10, 3: 10}, [1, 3, 2], 3, {3: 20, 2: 30}),
        ({1: 1, 2: 2, 3: 9}, [1, 3, 2], 3, {1: 10, 3: 20, 2: 30}),
        ({1: 0, 2: 5}, [2, 1], 2, {2: 10, 1: 20}),
        ({1: -5, 2: 5}, [2, 1], 1, {1: 10}),
        # One alone.
        ({1: 10}, [1], 1, {}),
    ],
)
def test_numbers(before: dict[int, int], order: list[int], moved: int, changed: dict[int, int]) -> None:
    assert numbered(order, before, moved=moved) == changed


@given(st.lists(st.integers(-20, 60), min_size=1, max_size=8), st.data())
def test_the_new_order_is_the_one_that_was_asked_for(priorities: list[int], data: st.DataObject) -> None:
    before = dict(enumerate(priorities, 1))
    order = sorted(before, key=lambda pk: (before[pk], pk))
    moved = data.draw(st.sampled_from(order))
    order.remove(moved)
    order.insert(data.draw(st.integers(0, len(order))), moved)

    after = before | numbered(order, before, moved=moved)

    assert sorted(after, key=lambda pk: (after[pk], pk)) == order
