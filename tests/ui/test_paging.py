"""Pages by key, counts that stop counting, and what a list reads from its address."""

from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import translation
from django.utils.http import urlencode

from daeris.ui.lists import ControlPanel, Filter, Tab
from daeris.ui.paging import Count, KeyPager, Page, bounded_count, bounded_counts
from mail.models import Contact

pytestmark = pytest.mark.django_db


@pytest.fixture
def contacts() -> list[Contact]:
    """Ten, of whom three at a time share a name."""
    rows = [Contact(name=f"Name {number // 3}", email=f"{number}@a.example") for number in range(10)]
    return Contact.objects.bulk_create(rows)


def names(page: Page) -> list[str]:
    return [contact.email.partition("@")[0] for contact in page]


def walk(pager: KeyPager, direction: str, query: dict[str, str]) -> list[list[str]]:
    """Every page from here to the end of one direction."""
    pages = []
    turn: dict[str, str] | None = query
    while turn is not None:
        page = pager.page(turn, Contact.objects.all())
        pages.append(names(page))
        turn = getattr(page, direction)
        assert len(pages) < 20
    return pages


@pytest.mark.parametrize("order", [("name", "pk"), ("-name", "pk"), ("name", "-pk"), ("-created_at", "-pk"), ("pk",)])
def test_pages_forward_and_back_hold_every_row_once(contacts: list[Contact], order: tuple[str, ...]) -> None:
    pager = KeyPager(order, size=4)
    expected = [contact.email.partition("@")[0] for contact in Contact.objects.order_by(*order)]

    forward = walk(pager, "next", {})

    assert [name for page in forward for name in page] == expected
    last = pager.page({}, Contact.objects.all())
    while last.next:
        last = pager.page(last.next, Contact.objects.all())
    assert last.previous
    backward = [names(last), *walk(pager, "previous", last.previous)]
    assert backward == forward[::-1]


def test_the_page_says_where_it_is(contacts: list[Contact]) -> None:
    pager = KeyPager(("name", "pk"), size=4)

    first = pager.page({}, Contact.objects.all())
    second = pager.page(first.next or {}, Contact.objects.all())
    third = pager.page(second.next or {}, Contact.objects.all())
    again = pager.page(third.previous or {}, Contact.objects.all())

    assert [(page.first, page.last) for page in (first, second, third, again)] == [(1, 4), (5, 8), (9, 10), (5, 8)]
    assert (first.previous, third.next) == (None, None)
    assert first.count == Count(10)
    assert not first.is_whole


def test_one_page_needs_no_turning(contacts: list[Contact]) -> None:
    page = KeyPager(("pk",), size=10).page({}, Contact.objects.all())

    assert page.is_whole
    assert len(page) == 10


def test_nothing_is_a_page_too() -> None:
    page = KeyPager(("pk",)).page({}, Contact.objects.none())

    assert (page.rows, page.first, page.last, page.next, page.previous) == ([], 0, 0, None, None)
    assert page.count == Count(0)


def test_rows_that_came_meanwhile_shift_nothing(contacts: list[Contact]) -> None:
    pager = KeyPager(("-pk",), size=4)
    first = pager.page({}, Contact.objects.all())
    Contact.objects.create(name="New", email="new@a.example")

    second = pager.page(first.next or {}, Contact.objects.all())

    assert names(second) == ["5", "4", "3", "2"]


def test_the_way_back_to_the_beginning_is_a_full_page(contacts: list[Contact]) -> None:
    pager = KeyPager(("pk",), size=4)
    second = pager.page(pager.page({}, Contact.objects.all()).next or {}, Contact.objects.all())
    contacts[0].delete()

    first = pager.page(second.previous or {}, Contact.objects.all())

    assert names(first) == ["1", "2", "3", "4"]
    assert first.previous is None


def test_a_key_whose_rows_have_gone_shows_the_first_page(contacts: list[Contact]) -> None:
    pager = KeyPager(("pk",), size=8)
    turn = pager.page({}, Contact.objects.all()).next
    Contact.objects.filter(pk__gt=contacts[7].pk).delete()

    page = pager.page(turn or {}, Contact.objects.all())

    assert (page.first, len(page)) == (1, 8)


@pytest.mark.parametrize(
    "key",
    ["", "x", "!!!", "bnVsbA", "W10", "WzFd", "WyJhIiwiYiJd", "W1tdLFtdXQ", "WyJcdTAwMDAiLDFd", "é", "WyJhIiwxZTk5OV0"],
)
def test_a_key_that_is_not_ours_shows_the_first_page(contacts: list[Contact], key: str) -> None:
    for name in ("after", "before"):
        page = KeyPager(("name", "pk"), size=4).page({name: key, "n": "-1"}, Contact.objects.all())
        assert (names(page), page.first) == (["0", "1", "2", "3"], 1)


def test_a_page_costs_two_queries(contacts: list[Contact], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        KeyPager(("name", "pk"), size=4).page({}, Contact.objects.all())
    with django_assert_num_queries(1):
        KeyPager(("name", "pk"), size=4).page({}, Contact.objects.all(), count=False)


def test_counts_stop_at_their_limit(contacts: list[Contact], django_assert_num_queries: Any) -> None:
    everyone = Contact.objects.all()

    with django_assert_num_queries(1):
        counts = bounded_counts(
            {"all": everyone, "one": everyone.filter(email="3@a.example"), "none": everyone.none()}, limit=9
        )

    assert counts == {"all": Count(9, more=True), "one": Count(1), "none": Count(0)}
    assert bounded_count(everyone, limit=10) == Count(10)
    assert bounded_counts({}) == {}


@pytest.mark.parametrize(("language", "text"), [("es", "1.000+"), ("en", "1,000+")])
def test_a_count_is_written_in_the_readers_language(language: str, text: str) -> None:
    with translation.override(language):
        assert str(Count(1000, more=True)) == text


# -- The head of a list -----------------------------------------------------------------------------
def panel(**query: str) -> ControlPanel:
    return ControlPanel(
        RequestFactory().get(f"/list/?{urlencode(query)}"),
        tabs=[Tab("", "All", Count(3)), Tab("failed", "Failed", 1, tone="danger")],
        filters=[Filter("day", "Date", [("today", "Today"), ("week", "This week")])],
        groupings=[("state", "State")],
        sorts={"date": ("created_at", "pk"), "name": ("name", "pk")},
        default_sort="-date",
    )


def test_the_address_says_everything() -> None:
    one = panel(state="failed", day="today", q="  hello ", group="state", sort="name", after="key", n="80")

    assert (one.state, one.chosen("day"), one.words, one.grouping) == ("failed", "today", "hello", "state")
    assert one.order == ("name", "pk")
    assert one.state_options[0].url == "/list/?day=today&q=++hello+&group=state&sort=name"
    assert one.facets[0].label == "Today"
    assert "day=" not in one.facets[0].url
    assert dict(one.kept) == {"state": "failed", "day": "today", "group": "state", "sort": "name"}


def test_what_the_address_cannot_mean_is_as_if_absent() -> None:
    one = panel(state="x", day="y", group="z", sort="password", q="\0")

    assert (one.state, one.chosen("day"), one.grouping, one.words, one.facets) == ("", "", "", "", [])
    assert one.order == ("-created_at", "-pk")
    assert not one.is_narrowed


def test_a_column_turns_its_order() -> None:
    assert panel().sort_option("date", "Date")[1] == "descending"
    assert panel().sort_option("date", "Date")[0].url == "/list/?sort=date"
    assert panel(sort="date").sort_option("date", "Date")[0].url == "/list/?sort=-date"
    assert panel().sort_option("name", "Name") == (panel().sort_option("name", "Name")[0], "")
