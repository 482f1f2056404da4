"""What the sheet of a record shows: each field as an input or a value, the status bar, the buttons around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Count as CountRows
from django.forms import BoundField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from daeris.documents import listing
from daeris.documents.catalogue import KINDS
from daeris.documents.cells import value_at
from daeris.documents.kinds import Kind, Text
from daeris.documents.models.base import Document
from daeris.documents.saving import Sheet
from daeris.ui.components import Step, steps
from mail.models import Mail

# Attributes of a record that are shown like fields and are none.
PATHS: dict[str, tuple[Text, str]] = {
    "amount": (_("Total"), "money"),
    "customer.company": (_("Company"), "text"),
    "customer.email": (_("E-mail"), "mail"),
    "customer.phone": (_("Phone"), "phone"),
}
FIELD_LOOKS: dict[type[Any], str] = {models.DateField: "date", models.TextField: "lines"}
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
    count: int
    label: Text
    url: str
    failed: int = 0


def page_of(request: HttpRequest, kind: Kind, record: Any, sheet: Sheet | None = None) -> dict[str, Any]:
    """Everything the page of a record shows; with a sheet, as inputs."""
    user: Any = request.user
    is_new = record.pk is None
    query = listing.query_of(listing.panel_of(kind, request))
    can_delete = not is_new and kind.model._default_manager.deletable_by(user).filter(pk=record.pk).exists()
    successor = KINDS[kind.successor.kind] if kind.successor else None
    return {
        "kind": kind,
        "record": record,
        "sheet": sheet,
        "form": sheet.form if sheet else None,
        "lines": record.lines.all() if kind.lines and not sheet else (),
        "line_count": record.lines.count() if kind.lines and not is_new else None,
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
        "neighbours": None if is_new else listing.neighbours(kind, request, record),
        "stats": [] if is_new else stats_of(kind, record, user),
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


def stats_of(kind: Kind, record: Any, user: Any) -> list[Stat]:
    """What belongs to this record, of what the user may see; nothing where there is nothing."""
    found = []
    for name in kind.counts:
        other = KINDS[name]
        rows = other.model._default_manager.visible_to(user).filter(**{kind.key: record})
        if count := rows.count():
            url = f"{other.list_url}?{urlencode({kind.key: record.pk})}"
            found.append(Stat(other.icon, count, other.title if count > 1 else other.one, url))
    if kind.is_document and (mails := mails_of(record, user)):
        found.append(mails)
    return found


def mails_of(record: Any, user: Any) -> Stat | None:
    """The e-mails about this record that the user may see in the list; None without any."""
    about = ContentType.objects.get_for_model(record)
    rows = Mail.objects.visible_to(user).filter(document_type=about, document_id=record.pk)
    counts = rows.aggregate(all=CountRows("pk"), red=CountRows("pk", filter=Mail.RED))
    url = f"{reverse('mail:mails')}?{urlencode({'record': f'{about.pk}-{record.pk}'})}"
    return Stat("mail", counts["all"], _("E-mails"), url, counts["red"]) if counts["all"] else None


def _items(kind: Kind, record: Any, names: tuple[str, ...], sheet: Sheet | None, user: Any) -> Iterator[Item]:
    for name in names:
        item = item_of(kind, record, name, sheet, user)
        # A new record has no values yet to be read only.
        if item.field is not None or record.pk is not None:
            yield item
