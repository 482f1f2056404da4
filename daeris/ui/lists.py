"""The head of a list: tabs, search, filters, grouping, order. All of it lives in the query string."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest
from django.utils.functional import Promise

from daeris.ui.paging import PAGE_KEYS, Count, Page

Text = str | Promise
STATE, WORDS, GROUP, SORT = "state", "q", "group", "sort"
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Tab:
    """One state of the list; "" is everything. A red count is for failures only."""

    value: str
    label: Text
    count: Count | int | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """A question with one answer; `choices` are (value, label)."""

    name: str
    label: Text
    choices: Sequence[tuple[str, Text]]


@dataclass(frozen=True, slots=True)
class Option:
    """A link of the panel: what it says, where it leads, whether it is how things are."""

    label: Text
    url: str
    current: bool
    count: Count | int | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter that is on, and the address of the list without it."""

    name: str
    label: Text
    value: str
    url: str


@dataclass(slots=True)
class ControlPanel:
    """Reads the query string of a list; values it does not know are as if they were not there."""

    request: HttpRequest
    placeholder: Text = ""
    tabs: Sequence[Tab] = ()
    filters: Sequence[Filter] = ()
    groupings: Sequence[tuple[str, Text]] = ()
    sorts: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"": ("-pk",)})
    default_sort: str = ""
    target: str = "#list"
    page: Page | None = None

    @property
    def words(self) -> str:
        return self.request.GET.get(WORDS, "").replace("\0", "").strip()[:LONGEST_SEARCH]

    @property
    def state(self) -> str:
        return self._known(STATE, [tab.value for tab in self.tabs])

    @property
    def grouping(self) -> str:
        return self._known(GROUP, [value for value, _ in self.groupings])

    def chosen(self, name: str) -> str:
        """The answer to one filter; "" when it is off."""
        choices = next((one.choices for one in self.filters if one.name == name), ())
        return self._known(name, [value for value, _ in choices])

    @property
    def sort(self) -> str:
        wanted = self.request.GET.get(SORT, "")
        return wanted if wanted.removeprefix("-") in self.sorts else self.default_sort

    @property
    def order(self) -> tuple[str, ...]:
        """The columns for the pager."""
        columns = self.sorts[self.sort.removeprefix("-")]
        if not self.sort.startswith("-"):
            return tuple(columns)
        return tuple(column[1:] if column.startswith("-") else f"-{column}" for column in columns)

    def url(self, **changes: str | None) -> str:
        """The address of the list with these parameters; a change of anything leads to the first page."""
        query = self.request.GET.copy()
        for key in PAGE_KEYS:
            query.pop(key, None)
        for name, value in changes.items():
            if value:
                query[name] = value
            else:
                query.pop(name, None)
        encoded = query.urlencode()
        return f"{self.request.path}?{encoded}" if encoded else self.request.path

    @property
    def state_options(self) -> list[Option]:
        return [
            Option(tab.label, self.url(state=tab.value), tab.value == self.state, tab.count, tab.tone)
            for tab in self.tabs
        ]

    @property
    def filter_options(self) -> list[tuple[Text, list[Option]]]:
        """Every filter with its answers; the one that is on leads to the list without it."""
        return [(one.label, self._answers(one)) for one in self.filters if one.choices]

    @property
    def group_options(self) -> list[Option]:
        return [
            Option(label, self.url(group=None if value == self.grouping else value), value == self.grouping)
            for value, label in self.groupings
        ]

    @property
    def facets(self) -> list[Facet]:
        """The filters that are on, for the search box."""
        found = []
        for one in self.filters:
            if value := self.chosen(one.name):
                found.append(Facet(one.name, dict(one.choices)[value], value, self.url(**{one.name: None})))
        return found

    @property
    def is_narrowed(self) -> bool:
        """Whether something hides rows; an empty list says so."""
        return bool(self.words or self.facets or self.state)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the search form keeps: every parameter but the words and the page."""
        return [
            (name, value)
            for name, values in self.request.GET.lists()
            if name not in (WORDS, *PAGE_KEYS)
            for value in values
        ]

    @property
    def next_url(self) -> str | None:
        return self.url(**self.page.next) if self.page and self.page.next else None

    @property
    def previous_url(self) -> str | None:
        return self.url(**self.page.previous) if self.page and self.page.previous else None

    def sort_option(self, name: str, label: Text) -> tuple[Option, str]:
        """The head of a column: its link, and its `aria-sort`."""
        direction = ""
        if self.sort.removeprefix("-") == name:
            direction = "descending" if self.sort.startswith("-") else "ascending"
        turned = f"-{name}" if direction == "ascending" else name
        return Option(label, self.url(sort=turned), bool(direction)), direction

    def _answers(self, one: Filter) -> list[Option]:
        chosen = self.chosen(one.name)
        return [
            Option(label, self.url(**{one.name: None if value == chosen else value}), value == chosen)
            for value, label in one.choices
        ]

    def _known(self, name: str, values: Sequence[str]) -> str:
        value = self.request.GET.get(name, "")
        return value if value in values else ""
