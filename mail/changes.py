"""What was written down by `mail.audit`, in words: who changed what, when, from what to what."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from daeris.ui.components import human_size
from mail.audit import ACCOUNT, AUDITED, HIDDEN
from mail.models import Change

# Fields whose column says too little.
LABELS: dict[str, Promise] = {
    ACCOUNT: gettext_lazy("Connected account"),
    "from_filter": gettext_lazy("From filter"),
    "mass_server": gettext_lazy("Server of mass mail"),
    "transactional_paused": gettext_lazy("Transactional e-mail paused"),
    "mass_paused": gettext_lazy("Mass mail paused"),
    "is_default": gettext_lazy("Default"),
    "position": gettext_lazy("Position"),
}
KINDS: dict[str, Promise] = {"oauthclient": gettext_lazy("OAuth client")}
MODELS = {str(model._meta.model_name): model for model in AUDITED}
# Lists of words: what came and what went is told, and not what stayed.
WORDS = {"public_providers", "from_filter"}
# What one person saved at once is one event.
AT_ONCE = timedelta(seconds=2)
LONGEST = 240


@dataclass(frozen=True, slots=True)
class Line:
    """One field: from what, to what; or in a word, where neither may be shown."""

    label: str
    old: str = ""
    new: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What one person changed on one thing at one time."""

    at: datetime
    who: str
    kind: str
    name: str
    verb: str  # created, deleted, changed
    lines: list[Line]


def events(changes: Iterable[Change]) -> list[Event]:
    """These changes, newest first, as events."""
    found: list[list[Change]] = []
    for change in changes:
        if found and _belongs(change, found[-1]):
            found[-1].append(change)
        else:
            found.append([change])
    return [_event(one) for one in found]


def _belongs(change: Change, event: list[Change]) -> bool:
    """Whether it was saved with these: no field is saved twice at once, and what comes or goes stands alone."""
    later, fields = event[-1], {one.field for one in event}
    same = (change.user_name, change.kind, change.object_id) == (later.user_name, later.kind, later.object_id)
    return same and later.at - change.at < AT_ONCE and "" not in {change.field, *fields} and change.field not in fields


def _event(changes: list[Change]) -> Event:
    first = changes[0]
    verb = "changed" if first.field else ("created" if first.new else "deleted")
    return Event(
        at=first.at,
        who=first.user_name or _("Somebody"),
        kind=_kind(first.kind),
        name=first.object_name,
        verb=verb,
        # Written down in the order of the form, and read backwards.
        lines=[_line(one) for one in reversed(changes) if one.field],
    )


def _kind(kind: str) -> str:
    model = MODELS.get(kind)
    return str(KINDS.get(kind) or (capfirst(model._meta.verbose_name) if model else kind))


def _line(change: Change) -> Line:
    column = _column(change)
    label = str(LABELS.get(change.field) or capfirst(getattr(column, "verbose_name", change.field)))
    if HIDDEN in (change.old, change.new) or change.old == change.new:
        return Line(label, word=_word(change))
    if change.field in WORDS and change.old and change.new:
        return Line(label, word=_comings_and_goings(change))
    return Line(label, _shown(column, change.old), _shown(column, change.new))


def _comings_and_goings(change: Change) -> str:
    old, new = (text.replace(",", " ").split() for text in (change.old, change.new))
    come, gone = [word for word in new if word not in old], [word for word in old if word not in new]
    told = [_("added: %(words)s") % {"words": ", ".join(come)}] if come else []
    told += [_("removed: %(words)s") % {"words": ", ".join(gone)}] if gone else []
    return _cut("; ".join(told)) or _("put in another order")


def _word(change: Change) -> str:
    if not change.old and change.new:
        return pgettext("a secret was", "given")
    if change.old and not change.new:
        return pgettext("a secret was", "removed")
    return pgettext("a secret was", "changed")


def _column(change: Change) -> "models.Field[Any, Any] | None":
    model = MODELS.get(change.kind)
    try:
        return model._meta.get_field(change.field) if model else None  # type: ignore[return-value]
    except FieldDoesNotExist:
        return None


def _shown(column: "models.Field[Any, Any] | None", text: str) -> str:
    if isinstance(column, models.BooleanField):
        return _("Yes") if text == "True" else _("No")
    if column is not None and column.name == "document_type":
        return _document_type(text)
    if column is not None and column.name == "largest_mail" and text.isdigit():
        return human_size(int(text))
    choices = dict(column.flatchoices) if column is not None else {}
    return _cut(str(choices.get(text, text)))


def _document_type(text: str) -> str:
    try:
        return str(capfirst(apps.get_model(text)._meta.verbose_name)) if text else ""
    except (LookupError, ValueError):
        return text


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
