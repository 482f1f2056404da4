"""The list of one kind of record: what the query string asks for, and who stands beside whom in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from daeris.documents.kinds import Kind
from daeris.ui.asking import FirstKey, HowMany, Questions
from daeris.ui.lists import ControlPanel, Filter, Tab
from daeris.ui.paging import LIMIT, Count, KeyPager, bounded_counts

PAGE_SIZE = 80
LONGEST_KEY = 19  # digits: one more is more than a key of the database holds


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The records before and after one in the list it was opened from, and its place there."""

    previous: str
    next: str
    position: int | None
    count: Count


def panel_of(kind: Kind, request: HttpRequest) -> ControlPanel:
    """The control panel of this kind's list, as the query string of the list or of a record opened from it says."""
    answers: dict[str, list[Any]] = {}
    for one in kind.filters:
        answers.setdefault(one.name, []).append(one)
    return ControlPanel(
        request,
        placeholder=kind.placeholder,
        tabs=[Tab("", _("All")), *(Tab(value, label) for value, label in kind.stages)],
        filters=[
            *(Filter(name, of[0].label, [(one.value, one.words) for one in of]) for name, of in answers.items()),
            *_keys_of(kind, request),
        ],
        sorts=kind.sorts,
        default_sort=kind.default_sort,
    )


def _keys_of(kind: Kind, request: HttpRequest) -> Iterator[Filter]:
    """The records that another one's button leads to: "?customer=12", a filter that is only there while it is on."""
    for name in kind.keys:
        key = request.GET.get(name, "")
        if is_key(key):
            field = kind.model._meta.get_field(name)
            one = field.related_model._default_manager.visible_to(request.user).filter(pk=key).first()
            if one is not None:
                yield Filter(name, capfirst(field.verbose_name), [(key, str(one))])


def rows_of(kind: Kind, panel: ControlPanel, user: Any) -> "QuerySet[Any]":
    """What the user may see of the list, searched and filtered; of every stage."""
    rows = kind.model._default_manager.visible_to(user)
    for one in kind.filters:
        if panel.chosen(one.name) == one.value:
            rows = one.keeps(rows, user)
    for name in kind.keys:
        if key := panel.chosen(name):
            rows = rows.filter(**{name: key})
    found: QuerySet[Any] = search(kind, rows, panel.words)
    return found


def search(kind: Kind, rows: Any, words: str) -> Any:
    """The rows that hold every word."""
    for word in words.split():
        rows = rows.filter(_holds(kind, word))
    return rows


def fill(kind: Kind, panel: ControlPanel, user: Any) -> None:
    """Put the rows of the page and the counts of the tabs into the panel."""
    rows = rows_of(kind, panel, user)
    counts = bounded_counts({tab.value: _in_stage(rows, tab.value) for tab in panel.tabs})
    panel.tabs = [Tab(tab.value, tab.label, counts[tab.value]) for tab in panel.tabs] if kind.stages else []
    pager = KeyPager(panel.order, PAGE_SIZE)
    panel.page = pager.page(panel.request, kind.listed(_in_stage(rows, panel.state)), count=counts[panel.state])


def neighbours(kind: Kind, request: HttpRequest, record: Any, questions: Questions) -> Callable[[], Neighbours]:
    """Who comes before and after this record (one of `listed()`) in the list it was opened from.

    Told once all questions of the page have been asked.
    """
    panel = panel_of(kind, request)
    rows = kind.listed(_in_stage(rows_of(kind, panel, request.user), panel.state))
    before, after = KeyPager(panel.order).around(record, rows)
    ahead, behind = questions.ask(FirstKey(before)), questions.ask(FirstKey(after))
    place, number = (questions.ask(HowMany(some, LIMIT + 1)) for some in (before, rows))
    query = query_of(panel)

    def told() -> Neighbours:
        return Neighbours(
            previous=_url(kind, ahead.value, query),
            next=_url(kind, behind.value, query),
            position=None if place.value > LIMIT else place.value + 1,
            count=Count.bounded(number.value),
        )

    return told


def is_key(text: str) -> bool:
    """Whether the text may be the key of a row."""
    return text.isascii() and text.isdigit() and len(text) < LONGEST_KEY


def query_of(panel: ControlPanel) -> str:
    """The query string with which a record remembers the list it was opened from; with its question mark."""
    query = urlsplit(panel.url()).query
    return f"?{query}" if query else ""


def _url(kind: Kind, pk: int | None, query: str) -> str:
    return "" if pk is None else kind.url(pk=pk) + query


def _in_stage(rows: Any, stage: str) -> Any:
    return rows.filter(stage=stage) if stage else rows


def _holds(kind: Kind, word: str) -> Q:
    # SQLite compares without case in ASCII only: "óscar" must find "Óscar" there too.
    spellings = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    found = Q()
    for field in kind.search:
        for spelling in spellings:
            found |= Q(**{f"{field}__icontains": spelling})
    return found
