"""Changed fields in words: as they were written down, and as today's reader sees them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import formats
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after, in the reader's words. An empty `old` or `new` means that there was nothing."""

    label: str
    old: str
    new: str


def in_words(changes: Iterable[dict[str, Any]], model: type[models.Model]) -> list[Change]:
    """The changes of a message for today's reader.

    What can be said in the reader's language (the name of a field, one of its choices) is; the words written
    down at the time stand for what the model no longer knows.
    """
    return [_in_words(change, model) for change in changes]


def words_for(field: "models.Field[Any, Any]", record: models.Model) -> str:
    """The value of a field of this record as a person would write it; "" for nothing."""
    value = getattr(record, field.name)
    if field.choices:
        return _choice(field, value)
    return _said(value)


def label_of(field: "models.Field[Any, Any]") -> str:
    return str(capfirst(field.verbose_name))


def _in_words(change: dict[str, Any], model: type[models.Model]) -> Change:
    try:
        field = model._meta.get_field(str(change.get("field", "")))
    except FieldDoesNotExist:
        field = None
    old, new = str(change.get("old", "")), str(change.get("new", ""))
    if not isinstance(field, models.Field):
        return Change(str(change.get("label", "")), old, new)
    if field.choices and "old_value" in change:
        old = _choice(field, change["old_value"]) or old
        new = _choice(field, change["new_value"]) or new
    return Change(label_of(field), old, new)


def _choice(field: "models.Field[Any, Any]", value: object) -> str:
    return str(dict(field.flatchoices).get(value, value if value is not None else ""))


def _said(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return formats.date_format(localtime(value), "SHORT_DATETIME_FORMAT")
    if isinstance(value, date):
        return formats.date_format(value, "SHORT_DATE_FORMAT")
    if isinstance(value, int | float | Decimal):
        return formats.number_format(value, use_l10n=True, force_grouping=True)
    # A user is known by name, not by log-in.
    return str((value.get_full_name() if isinstance(value, AbstractUser) else "") or value)
