"""Changed fields become a message.

before = snapshot(order)
form.save()
track(order, before, author=request.user)
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

from chatter.changes import label_of, words_for
from chatter.models import Message
from chatter.posting import post
from mail.models import Contact
from mail.models.mail import AnyUser

if TYPE_CHECKING:
    from chatter.threads import Threaded


@dataclass(frozen=True, slots=True)
class Value:
    """A field's value at one moment: for comparing, and in words."""

    raw: Any
    words: str


def snapshot(record: "Threaded") -> dict[str, Value]:
    """The tracked fields of a record as they are now, for `track` to compare with later."""
    return {field.name: Value(field.value_from_object(record), words_for(field, record)) for field in _tracked(record)}


def track(record: "Threaded", before: dict[str, Value], author: "Contact | AnyUser | None" = None) -> Message | None:
    """One message that tells what changed since `before`, old → new; None when nothing did."""
    changes = []
    for field in _tracked(record):
        old, raw = before.get(field.name), field.value_from_object(record)
        # A form may leave 10 where the database has Decimal("10.00"): they compare equal, and say the same.
        if old is None or old.raw == raw or (words := words_for(field, record)) == old.words:
            continue
        change = {"field": field.name, "label": label_of(field), "old": old.words, "new": words}
        if field.choices:
            change |= {"old_value": old.raw, "new_value": raw}
        changes.append(change)
    return post(record, author=author, kind=Message.Kind.CHANGE, changes=changes) if changes else None


def _tracked(record: "Threaded") -> "list[models.Field[Any, Any]]":
    fields = (record._meta.get_field(name) for name in record.tracked_fields)
    return [field for field in fields if isinstance(field, models.Field)]
