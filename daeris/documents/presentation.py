"""What the sheet of a record shows: each field as an input or a value, the status bar, the buttons around it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.forms import BoundField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from chatter.summary import along
from chatter.views.bell import unread_along
from daeris.documents import listing
from daeris.documents.catalogue import KINDS
from daeris.documents.cells import value_at
from daeris.documents.kinds import Kind, Text
from daeris.documents.models.base import Document
from daeris.documents.saving import Sheet
from daeris.ui.asking import HowMany, Questions
from daeris.ui.components import Step, steps
from daeris.ui.paging import LIMIT, Count
from mail.models import Mail
from mail.models.mail import WRONG

# Attributes of a record that are shown like fields and are none.
PATHS: dict[str, tuple[Text, str]] = {
    "amount": (_("Total"), "money"),
    "customer.company": (_("Company"), "text"),
    "customer.email": (_("E-mail"), "mail"),
    "customer.phone": (_("Phone"), "phone"),
}
FIELD_LOOKS: dict[type[Any], str] = {models.DateField: "date", models.TextField: "lines"}
NONE = Count(0)
LOOKS = {"expected_revenue": "money", "probability": "percent", "email": "mail", "phone": "phone"}


@dataclass(frozen=True, slots=True)
class Item:
    """A place on the sheet: an input when there is one, and the value for whoever only reads."""

    name: str
    label: Text
    value: Any
    look: str
    field: BoundField | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A station of the status bar, and the value that a click on it sends."""

    value: str
    step: Step


@dataclass(frozen=True, slots=True)
class Stat:
    """A button above the sheet: how many of something this record has, and where they are."""

    icon: str
    count: Count
    label: Text
    url: str
    failed: Count = NONE


def page_of(request: HttpRequest, kind: Kind, record: Any, sheet: Sheet | None = None) -> dict[str, Any]:
    """Everything the page of a record shows; with a sheet, as inputs."""
    user: Any = request.user
    is_new = record.pk is None
    query = listing.query_of(listing.panel_of(kind, request))
    can_delete = not is_new and record.may_delete
    successor = KINDS[kind.successor.kind] if kind.successor else None
    lines = _lines(kind, record, sheet)
    # Everything that is only a number is asked at once.
    questions = Questions()
    unread_along(request, questions)
    neighbours = None if is_new else listing.neighbours(kind, request, record, questions)
    stats = None if is_new else stats_of(kind, record, user, questions)
    return {
        "kind": kind,
        "record": record,
        "sheet": sheet,
        "form": sheet.form if sheet else None,
        "lines": lines,
        "line_count": len(lines) if kind.lines and not is_new else None,
        "conversation": along(record, user, questions) if kind.is_document and not is_new else None,
        "total": getattr(record, "amount", Decimal()),
        "heading": item_of(kind, record, kind.heading, sheet, user) if not is_new or kind.heading != "number" else None,
        "figures": [
            item_of(kind, record, name, sheet, user) for name in kind.figures if not is_new or name != "amount"
        ],
        "groups": [(group.title, list(_items(kind, record, group.items, sheet, user))) for group in kind.groups],
        "notes": item_of(kind, record, "notes", sheet, user) if kind.is_document else None,
        "stages": stages_of(kind, record) if kind.is_document else [],
        "can_delete": can_delete,
        "can_leave": sheet is not None and not is_new and kind.way_out not in ("", getattr(record, "stage", "")),
        "can_follow_up": successor is not None and not is_new and successor.allows(user, "add"),
        "successor_url": f"{successor.url('new')}?{kind.name}={record.pk}" if successor else "",
        "neighbours": neighbours() if neighbours else None,
        "stats": stats() if stats else [],
        "back": kind.list_url + query,
        "delete_url": kind.url("delete", record.pk) + query if can_delete else "",
    }


def item_of(kind: Kind, record: Any, name: str, sheet: Sheet | None, user: Any) -> Item:
    """One place on the sheet: a field of the record, or one of `PATHS`."""
    if name in PATHS:
        label, look = PATHS[name]
        return Item(name, label, value_at(record, name), look)
    field = kind.model._meta.get_field(name)
    look, value, url = LOOKS.get(name, ""), getattr(record, name), ""
    if field.choices:
        look, value = "text", getattr(record, f"get_{name}_display")()
    elif name == "responsible":
        look = "user"
    elif field.is_relation:
        look = "record"
        if isinstance(value, Document):
            # The name of a record follows its own permission.
            seen = type(value).objects.visible_to(user).filter(pk=value.pk).exists()
            value, url = (value, value.get_absolute_url()) if seen else (None, "")
    bound = sheet.form[name] if sheet and name in sheet.form.fields else None
    if bound is not None and bound.is_hidden:
        bound = None
    return Item(name, capfirst(field.verbose_name), value, look or FIELD_LOOKS.get(type(field), "text"), bound, url)


def stages_of(kind: Kind, record: Any) -> list[Stage]:
    """The status bar of a record. The way out shows only where the record is on it."""
    labels = dict(kind.stages)
    path = [(value, labels[value]) for value in record.path]
    drawn = steps(path, record.stage, failed_label=labels[record.stage])
    values = [*record.path, *([record.stage] if record.stage not in record.path else [])]
    return [Stage(value, step) for value, step in zip(values, drawn, strict=True)]


def stats_of(kind: Kind, record: Any, user: Any, questions: Questions) -> Callable[[], list[Stat]]:
    """What belongs to this record, of what the user may see; nothing where there is nothing.

    Told once all questions of the page have been asked.
    """
    asked = [_records_of(kind, KINDS[name], record, user, questions) for name in kind.counts]
    if kind.is_document:
        asked.append(mails_of(record, user, questions))
    return lambda: [stat for tell in asked if (stat := tell())]


def mails_of(record: Any, user: Any, questions: Questions) -> Callable[[], Stat | None]:
    """The e-mails about this record that the user may see in the list; None without any."""
    about = ContentType.objects.get_for_model(record)
    mails = Mail.objects.visible_to(user).filter(document_type=about, document_id=record.pk)
    # What failed and what is held up are asked apart: each has its index, and both together have none.
    held_up = mails.filter(state=Mail.State.QUEUED, cause="", server__blocked_cause__gt="")
    every, *red = (questions.ask(HowMany(some, LIMIT + 1)) for some in (mails, mails.filter(WRONG), held_up))
    url = f"{reverse('mail:mails')}?{urlencode({'record': f'{about.pk}-{record.pk}'})}"

    def told() -> Stat | None:
        count, failed = Count.bounded(every.value), Count.bounded(sum(answer.value for answer in red))
        return Stat("mail", count, _("E-mails"), url, failed) if count else None

    return told


def _records_of(kind: Kind, other: Kind, record: Any, user: Any, questions: Questions) -> Callable[[], Stat | None]:
    rows = other.model._default_manager.visible_to(user).filter(**{kind.key: record})
    number = questions.ask(HowMany(rows, LIMIT + 1))
    url = f"{other.list_url}?{urlencode({kind.key: record.pk})}"

    def told() -> Stat | None:
        count = Count.bounded(number.value)
        return Stat(other.icon, count, other.title if count.number > 1 else other.one, url) if count else None

    return told


def _lines(kind: Kind, record: Any, sheet: Sheet | None) -> Any:
    """The lines of a record, which its sheet may have fetched already."""
    if not kind.lines or record.pk is None:
        return ()
    return sheet.lines.get_queryset() if sheet and sheet.lines else record.lines.all()


def _items(kind: Kind, record: Any, names: tuple[str, ...], sheet: Sheet | None, user: Any) -> Iterator[Item]:
    for name in names:
        item = item_of(kind, record, name, sheet, user)
        # A new record has no values yet to be read only.
        if item.field is not None or record.pk is not None:
            yield item
