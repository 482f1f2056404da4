"""New mail is written down: a content and its copies, planned, in one statement.

Written by hand, because everything that leaves passes here, and a mail has twice as many columns as are ever given.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypedDict

from django.db import connection
from django.utils.timezone import now

from mail.models import Content, Mail
from mail.statements import NOW, items_of, rows, rows_of_each


class Copy(TypedDict):
    """What a mail does not share with the other copies of its content."""

    recipient_name: str
    recipient_address: str
    contact_id: int | None
    search: str
    # Why it cannot leave, known already; "" when it can.
    cause: str


class Shared(TypedDict):
    """What all mails that are queued together have in common."""

    lane: str
    user_id: Any
    document_type_id: int | None
    document_id: int | None
    document_name: str
    team_id: int | None
    asked_server_id: int | None
    due_at: datetime | None


@dataclass(slots=True)
class Letter:
    """A content, new or kept, the copies of it, and the server that they are planned for."""

    content: Content
    # For a new content.
    message_id: str
    server_id: int | None
    copies: Sequence[Copy]

    @property
    def is_new(self) -> bool:
        return not self.content.pk


def write(letters: Sequence[Letter], shared: Shared, *, version: int) -> list[list[int]]:
    """Write these, in the caller's transaction; the keys of the mails of each letter, in the order of its copies.

    A letter is not written, and has no keys, when the settings are no longer those of this version: nobody sees what
    was planned under older ones.
    """
    moment = now()
    given = {
        **shared,
        "user_id": Mail._meta.get_field("user").get_db_prep_save(shared["user_id"], connection),
        "due_at": _as_column(shared["due_at"] or moment),
        "now": _as_column(moment),
        "version": version,
    }
    keys = _together if connection.vendor == "postgresql" else _one_after_the_other
    found = keys(letters, [{**given, **_values(letter)} for letter in letters])
    for letter, mails in zip(letters, found, strict=True):
        if mails and letter.is_new:
            _is_saved(letter, mails[0][1], moment)
    return [sorted(pk for pk, _ in mails) for mails in found]


def _values(letter: Letter) -> dict[str, Any]:
    content = letter.content
    plan = {"content_id": content.pk, "server_id": letter.server_id, "copies": json.dumps(letter.copies)}
    if not letter.is_new:
        return plan
    words = {name: getattr(content, name) for name in _WORDS}
    return {
        **words,
        **plan,
        "message_id": letter.message_id,
        "extra_headers": json.dumps(content.extra_headers),
    }


def _is_saved(letter: Letter, pk: int, moment: datetime) -> None:
    """What `save` would have left on the content."""
    content = letter.content
    content.pk, content.message_id, content.created_at = pk, letter.message_id, moment
    content._state.adding, content._state.db = False, connection.alias


# -- The statements: each gives the keys of the mails and of their content -----------------------------

_Keys = list[tuple[Any, ...]]
_WORDS = [field.name for field in Content._meta.concrete_fields if field.name not in {"id", "created_at"}]
# Under the settings that were looked at, or not at all.
_UNCHANGED = "options.id = 1 AND options.version = %(version)s"
_KEPT = f"SELECT CAST(%(content_id)s AS bigint) AS id FROM mail_options AS options WHERE {_UNCHANGED}"
_NEW = """
    INSERT INTO mail_content ({columns}, created_at)
    SELECT {values}, %(now)s FROM mail_options AS options WHERE {unchanged}
    RETURNING id
""".format(
    columns=", ".join(f'"{name}"' for name in _WORDS),
    values=", ".join(f"%({name})s" for name in _WORDS),
    unchanged=_UNCHANGED,
)


def _together(letters: Sequence[Letter], values: Sequence[dict[str, Any]]) -> list[_Keys]:
    """PostgreSQL: what one INSERT gives, another one uses."""
    statements = [f"WITH content AS ({_NEW if letter.is_new else _KEPT}) {_mails()}" for letter in letters]
    if len(set(statements)) == 1:
        return rows_of_each(statements[0], values)
    return [rows(statement, each) for statement, each in zip(statements, values, strict=True)]


def _one_after_the_other(letters: Sequence[Letter], values: Sequence[dict[str, Any]]) -> list[_Keys]:
    """SQLite: an INSERT gives its keys to nobody but the caller."""
    found: list[_Keys] = []
    for letter, each in zip(letters, values, strict=True):
        content = rows(_NEW if letter.is_new else _KEPT, each)
        each["content_id"] = content[0][0] if content else None
        found.append(rows(f"WITH content AS ({_KEPT}) {_mails()}", each) if content else [])
    return found


@cache
def _mails() -> str:
    """Every column of a new mail; the model says what those hold that are not named here."""
    vendor = connection.vendor
    is_resting = f"SELECT 1 FROM mail_server WHERE id = %(server_id)s AND resting_until > {NOW[vendor]}"
    values = {
        **{name: f"%({name})s" for name in Shared.__annotations__},
        **{name: f"item.{name}" for name in Copy.__annotations__},
        "content_id": "content.id",
        "state": "CASE item.cause WHEN '' THEN 'queued' ELSE 'failed' END",
        "settled_at": "CASE item.cause WHEN '' THEN NULL ELSE %(now)s END",
        "created_at": "%(now)s",
        "server_id": "%(server_id)s",
        # A server in trouble: the worker looks for another one first.
        "plan_version": f"CASE WHEN EXISTS ({is_resting}) THEN 0 ELSE %(version)s END",
    }
    for field in Mail._meta.concrete_fields:
        if not field.primary_key and not field.null:
            values.setdefault(str(field.column), _literal(field.get_default()))
    copies = items_of(vendor, tuple((Mail, name.removesuffix("_id")) for name in Copy.__annotations__))
    return f"""
        INSERT INTO mail_mail ({", ".join(values)}) SELECT {", ".join(values.values())}
        FROM content, {copies.replace("%s", "%(copies)s")}
        RETURNING id, content_id
    """


def _literal(value: bool | int | str) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _as_column(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
