"""The cells of a list, drawn in Python: a page has hundreds of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from daeris.documents.forms import name_of
from daeris.documents.kinds import Column, Kind
from daeris.ui.icons import icon_svg
from daeris.ui.tags.pieces import avatar, pill

NOTHING = SafeString("")


@dataclass(frozen=True, slots=True)
class Row:
    """A record in a list: what it is, where it leads."""

    kind: Kind
    record: Any
    url: str


def cell(row: Row, column: Column) -> SafeString:
    """What a column shows of a record."""
    value = value_at(row.record, column.name)
    return NOTHING if value is None else LOOKS[column.look](row, value)


def value_at(record: Any, path: str) -> Any:
    """What stands at "customer.email" of a record; None when something on the way is missing."""
    for name in path.split("."):
        record = getattr(record, name, None)
    return record


def euros(amount: Decimal | None) -> str:
    """48.600,00 €; nothing for nothing."""
    return "" if amount is None else f"{formats.number_format(amount, 2, force_grouping=True)}\N{NO-BREAK SPACE}€"


def _text(row: Row, value: object) -> SafeString:
    return format_html('<span class="cut">{}</span>', value)


def _title(row: Row, value: object) -> SafeString:
    return format_html('<a class="row-link cut" href="{}">{}</a>', row.url, value)


def _contact(row: Row, value: object) -> SafeString:
    face = avatar(str(value), key=row.record.pk, size="sm")
    return format_html('<a class="row-link person" href="{}">{}<span class="cut">{}</span></a>', row.url, face, value)


def _person(row: Row, user: Any) -> SafeString:
    name = name_of(user)
    return format_html(
        '<span class="person">{}<span class="cut">{}</span></span>', avatar(name, key=user.pk, size="sm"), name
    )


def _money(row: Row, value: Decimal) -> SafeString:
    return conditional_escape(euros(value))


def _date(row: Row, value: date) -> SafeString:
    return conditional_escape(formats.date_format(value, "SHORT_DATE_FORMAT"))


def _deadline(row: Row, value: date) -> SafeString:
    if value == date.max:  # `listed` says so where there is none
        return NOTHING
    if not row.record.is_overdue:
        return _date(row, value)
    return format_html(
        '<span class="late">{}<span>{}</span> <span class="visually-hidden">({})</span></span>',
        icon_svg("calendar-clock", "icon--sm"),
        _date(row, value),
        _("overdue"),
    )


def _stage(row: Row, value: str) -> SafeString:
    look = (row.kind.looks or {})[value]
    return pill(row.record.get_stage_display(), tone=look.tone, icon=look.icon)


def _user(row: Row, value: object) -> SafeString:
    return pill(_("User"), tone="accent", icon="user")


LOOKS: dict[str, Callable[[Row, Any], SafeString]] = {
    "text": _text,
    "title": _title,
    "contact": _contact,
    "person": _person,
    "money": _money,
    "date": _date,
    "deadline": _deadline,
    "stage": _stage,
    "user": _user,
}
