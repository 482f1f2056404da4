"""Several small questions, one query."""

from typing import Any

import pytest

from daeris.ui.asking import Columns, FirstKey, HowMany, Questions
from mail.models import Contact

pytestmark = pytest.mark.django_db


@pytest.fixture
def contacts() -> list[Contact]:
    names = ["Zoe", 'Ana "la jefa"', "Núria", "Bea"]
    return [Contact.objects.create(name=name, email="" if name == "Bea" else f"{name[0]}@a.example") for name in names]


def test_all_are_answered_by_one_query(contacts: list[Contact], django_assert_num_queries: Any) -> None:
    everybody = Contact.objects.order_by("-pk")
    questions = Questions()
    number, bounded = questions.ask(HowMany(everybody)), questions.ask(HowMany(everybody, 2))
    last, nobody = questions.ask(FirstKey(everybody)), questions.ask(FirstKey(everybody.filter(name="X")))
    rows = questions.ask(Columns(everybody, ("pk", "name", "user"), 3))
    with django_assert_num_queries(1):
        assert (number.value, bounded.value) == (4, 2)
        assert (last.value, nobody.value) == (contacts[-1].pk, None)
        assert rows.value == [(one.pk, one.name, None) for one in contacts[:0:-1]]


def test_no_rows_are_no_rows(django_assert_num_queries: Any) -> None:
    questions = Questions()
    missing, impossible = (
        questions.ask(Columns(rows, ("pk", "name"), 3)) for rows in (Contact.objects.all(), Contact.objects.none())
    )
    with django_assert_num_queries(1):
        assert (missing.value, impossible.value) == ([], [])


def test_what_has_no_answer_is_not_asked(django_assert_num_queries: Any) -> None:
    questions = Questions()
    number, key = questions.ask(HowMany(Contact.objects.none())), questions.ask(FirstKey(Contact.objects.none()))
    with django_assert_num_queries(0):
        assert (number.value, key.value) == (0, None)
