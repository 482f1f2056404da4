"""Pages by key: the next page begins after the last row shown, however many rows come before it."""

import base64
import binascii
import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from django.core.exceptions import FieldError, ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format

from daeris.ui.asking import HowMany, answers

LIMIT = 1000
AFTER, BEFORE, POSITION = "after", "before", "n"
PAGE_KEYS = (AFTER, BEFORE, POSITION)
_DATABASE_INTEGERS = 2**63

# How the values of a key travel: what they are called, and how they are read again.
_READERS: dict[str, Callable[[str], Any]] = {
    "t": datetime.datetime.fromisoformat,
    "d": datetime.date.fromisoformat,
    "n": Decimal,
    "u": UUID,
}


class WrongKey(ValueError):
    """The key in the address was not made by us."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows, exact up to a limit: "1.000+" says that there are more."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return number_format(self.number, force_grouping=True) + ("+" if self.more else "")

    def __bool__(self) -> bool:
        return self.number > 0

    def __int__(self) -> int:
        return self.number

    @classmethod
    def bounded(cls, number: int, limit: int = LIMIT) -> Self:
        """The count of rows that were counted no further than one beyond the limit."""
        return cls(min(number, limit), more=number > limit)


def bounded_count(queryset: QuerySet[Any], limit: int = LIMIT) -> Count:
    """How many rows, without counting further than the limit."""
    return bounded_counts({"": queryset}, limit)[""]


def bounded_counts(querysets: Mapping[str, QuerySet[Any]], limit: int = LIMIT) -> dict[str, Count]:
    """Several bounded counts by one query."""
    numbers = answers({name: HowMany(queryset, limit + 1) for name, queryset in querysets.items()})
    return {name: Count.bounded(number, limit) for name, number in numbers.items()}


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page, and the query parameters of its neighbours."""

    rows: list[Any]
    first: int
    next: dict[str, str] | None
    previous: dict[str, str] | None
    count: Count | None

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to turn to."""
        return self.next is None and self.previous is None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class KeyPager:
    """Pages of a queryset ordered by these columns; the last one is unique, none of them is ever NULL."""

    def __init__(self, order: Sequence[str], size: int = 80) -> None:
        self.order = tuple(order)
        self.size = size

    def page(
        self, source: HttpRequest | Mapping[str, str], queryset: QuerySet[Any], *, count: Count | bool | None = None
    ) -> Page:
        """The page that the query string asks for; a wrong key is the first page. `count=False` counts nothing."""
        query = source.GET if isinstance(source, HttpRequest) else source
        rows, backwards, keyed = self._rows(query, queryset)
        more, rows = len(rows) > self.size, rows[: self.size]
        if backwards:
            rows.reverse()
            if not more:  # the beginning: a full first page, even when rows have come since
                return self.page({}, queryset, count=count)
        before = self._position(query) if keyed else 0
        total = count if isinstance(count, Count) else None if count is False else bounded_count(queryset)
        return Page(
            rows=rows,
            first=before + 1 if rows else 0,
            next=self._turn(AFTER, rows[-1], before + len(rows)) if rows and (more or backwards) else None,
            previous=self._turn(BEFORE, rows[0], max(0, before - self.size)) if rows and keyed else None,
            count=total,
        )

    def around(self, row: Model, queryset: QuerySet[Any]) -> tuple[QuerySet[Any], QuerySet[Any]]:
        """The rows that come before this one, nearest first, and those that come after it."""
        order, turned = list(self.order), [_turned(column) for column in self.order]
        key = [_value(row, column.removeprefix("-")) for column in order]
        return tuple(queryset.filter(_beyond(way, key)).order_by(*way) for way in (turned, order))  # type: ignore[return-value]

    def _rows(self, query: Mapping[str, str], queryset: QuerySet[Any]) -> tuple[list[Any], bool, bool]:
        """The rows (one more than fit), whether they run backwards, whether they begin at a key."""
        for name, backwards in ((AFTER, False), (BEFORE, True)):
            if not (key := query.get(name)):
                continue
            order = [_turned(column) for column in self.order] if backwards else list(self.order)
            try:
                found = queryset.filter(_beyond(order, self._read(key))).order_by(*order)
                rows = list(found[: self.size + 1])
            except (WrongKey, ValidationError, TypeError, ValueError, OverflowError, FieldError):
                break
            if rows:
                return rows, backwards, True
            break  # everything beyond the key has gone since
        return list(queryset.order_by(*self.order)[: self.size + 1]), False, False

    def _position(self, query: Mapping[str, str]) -> int:
        text = query.get(POSITION, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def _turn(self, name: str, row: Model, position: int) -> dict[str, str]:
        key = [_written(_value(row, column.removeprefix("-"))) for column in self.order]
        text = base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")
        return {name: text, POSITION: str(position)}

    def _read(self, text: str) -> list[Any]:
        try:
            key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError) as error:
            raise WrongKey from error
        if not isinstance(key, list) or len(key) != len(self.order):
            raise WrongKey
        return [_read(value) for value in key]


def _turned(column: str) -> str:
    return column.removeprefix("-") if column.startswith("-") else f"-{column}"


def _beyond(order: Sequence[str], key: Sequence[Any]) -> Q:
    """Rows after the key: `a ≥ x and (a > x or (b ≥ y and …))`. The outer ≥ is what an index can begin at."""
    column, value = order[0], key[0]
    name, than = (column[1:], "lt") if column.startswith("-") else (column, "gt")
    if len(order) == 1:
        return Q(**{f"{name}__{than}": value})
    return Q(**{f"{name}__{than}e": value}) & (Q(**{f"{name}__{than}": value}) | _beyond(order[1:], key[1:]))


def _value(row: Model, path: str) -> Any:
    value: Any = row
    for name in path.split("__"):
        value = getattr(value, name)
    return value


def _written(value: Any) -> Any:
    match value:
        case datetime.datetime():
            return {"t": value.isoformat()}
        case datetime.date():
            return {"d": value.isoformat()}
        case Decimal():
            return {"n": str(value)}
        case UUID():
            return {"u": str(value)}
        case bool() | int() | str():
            return value
    raise TypeError(f"A page cannot begin after {value!r}: its column may not be NULL, nor of that type.")


def _read(value: Any) -> Any:
    match value:
        case str() if "\0" not in value:
            return value
        case bool() | int() if abs(value) < _DATABASE_INTEGERS:
            return value
        case dict() if len(value) == 1:
            ((kind, text),) = value.items()
            if kind in _READERS and isinstance(text, str):
                try:
                    return _READERS[kind](text)
                except (ValueError, ArithmeticError) as error:
                    raise WrongKey from error
    raise WrongKey
