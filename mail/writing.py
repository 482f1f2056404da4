"""New mail is written down: contents and their copies, planned.

One letter is one statement on PostgreSQL, many are three. Written by hand, because everything that leaves passes here,
and a mail has twice as many columns as are ever given.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypedDict

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils.timezone import now

from mail.models import Content, Mail
from mail.statements import NOW, items_of, rows


class Copy(TypedDict):
    """What a mail does not share with all others that are queued together."""

    # Known when the content is.
    content_id: int | None
    server_id: int | None
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
    """A content, new or kept, and the copies of it."""

    content: Content
    # For a new content.
    message_id: str
    copies: Sequence[Copy]

    @property
    def is_new(self) -> bool:
        return not self.content.pk

    def words(self) -> dict[str, Any]:
        """The content as its columns."""
        content = self.content
        words = {name: getattr(content, name) for name in _WORDS}
        return words | {"message_id": self.message_id, "extra_headers": json.dumps(content.extra_headers)}

    def is_saved(self, pk: int, moment: datetime) -> None:
        """Leave on the content what `save` would have left, and let its copies know it."""
        content = self.content
        content.pk, content.message_id, content.created_at = pk, self.message_id, moment
        content._state.adding, content._state.db = False, DEFAULT_DB_ALIAS
        for copy in self.copies:
            copy["content_id"] = pk


def write(letters: Sequence[Letter], shared: Shared, *, version: int) -> list[int]:
    """Write these, in the caller's transaction; the keys of the mails in the order of the copies.

    No mail is written, and no key given, when the settings are no longer those of this version: nobody sees what was
    planned under older ones.
    """
    here, moment = connections[DEFAULT_DB_ALIAS], now()
    given = {
        **shared,
        "user_id": Mail._meta.get_field("user").get_db_prep_save(shared["user_id"], here),
        "due_at": here.ops.adapt_datetimefield_value(shared["due_at"]),
        "now": here.ops.adapt_datetimefield_value(moment),
        "version": version,
    }
    is_postgresql = here.vendor == "postgresql"
    new = [letter for letter in letters if letter.is_new]
    if len(letters) == len(new) == 1 and is_postgresql:
        return _write_one(new[0], given, moment)
    keys = (_copy_contents if is_postgresql else _insert_contents)(new, given) if new else []
    if len(keys) < len(new):
        return []
    for letter, pk in zip(new, keys, strict=True):
        letter.is_saved(pk, moment)
    copies = json.dumps([copy for letter in letters for copy in letter.copies])
    return sorted(pk for pk, _ in rows(_mails("item.content_id"), {**given, "copies": copies}))


def _write_one(letter: Letter, given: dict[str, Any], moment: datetime) -> list[int]:
    """On PostgreSQL what one INSERT gives, another one uses."""
    found = rows(_one(), {**given, **letter.words(), "copies": json.dumps(letter.copies)})
    if found:
        letter.is_saved(found[0][1], moment)
    return sorted(pk for pk, _ in found)


def _copy_contents(letters: Sequence[Letter], given: dict[str, Any]) -> list[int]:
    """The quickest way into PostgreSQL. COPY gives no keys back, so they are drawn first."""
    import psycopg

    keys = [pk for (pk,) in rows(_KEYS, {**given, "letters": len(letters)})]
    if not keys:
        return []
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection).copy(_COPY) as table:
        for pk, letter in zip(keys, letters, strict=True):
            table.write_row((pk, given["now"], *letter.words().values()))
    return keys


def _insert_contents(letters: Sequence[Letter], given: dict[str, Any]) -> list[int]:
    return [pk for letter in letters for (pk,) in rows(_CONTENT, {**given, **letter.words()})]


# -- The statements ----------------------------------------------------------------------------------

_WORDS = [field.name for field in Content._meta.concrete_fields if field.name not in {"id", "created_at"}]
_COLUMNS = ", ".join(f'"{name}"' for name in _WORDS)
# Under the settings that were looked at, or not at all.
_SETTINGS = "mail_options AS options WHERE options.id = 1 AND options.version = %(version)s"
_CONTENT = f"""
    INSERT INTO mail_content (created_at, {_COLUMNS})
    SELECT %(now)s, {", ".join(f"%({name})s" for name in _WORDS)} FROM {_SETTINGS}
    RETURNING id
"""
_COPY = f"COPY mail_content (id, created_at, {_COLUMNS}) FROM STDIN"
_KEYS = f"""
    SELECT nextval((SELECT pg_get_serial_sequence('mail_content', 'id')::regclass))
    FROM generate_series(1, %(letters)s), {_SETTINGS}
"""


@cache
def _one() -> str:
    return f"WITH content AS ({_CONTENT}) {_mails('content.id', 'content, ')}"


@cache
def _mails(content_id: str, content: str = "") -> str:
    """Every column of a new mail; the model says what those hold that are not named here."""
    vendor = connection.vendor
    is_resting = f"SELECT 1 FROM mail_server WHERE id = item.server_id AND resting_until > {NOW[vendor]}"
    # What is due is decided by the database's clock, and this host's may be minutes ahead; SQLite's is this host's.
    at_once = NOW[vendor] if vendor == "postgresql" else "%(now)s"
    values = {
        **{name: f"%({name})s" for name in Shared.__annotations__},
        **{name: f"item.{name}" for name in Copy.__annotations__},
        "content_id": content_id,
        "state": "CASE item.cause WHEN '' THEN 'queued' ELSE 'failed' END",
        "settled_at": "CASE item.cause WHEN '' THEN NULL ELSE %(now)s END",
        "created_at": "%(now)s",
        "due_at": f"coalesce(%(due_at)s, {at_once})",
        # A server in trouble: the worker looks for another one first.
        "plan_version": f"CASE WHEN EXISTS ({is_resting}) THEN 0 ELSE options.version END",
    }
    for field in Mail._meta.concrete_fields:
        if not field.primary_key and not field.null:
            values.setdefault(str(field.column), _literal(field.get_default()))
    copies = items_of(vendor, tuple((Mail, name.removesuffix("_id")) for name in Copy.__annotations__))
    return f"""
        INSERT INTO mail_mail ({", ".join(values)}) SELECT {", ".join(values.values())}
        FROM {copies.replace("%s", "%(copies)s")}, {content}{_SETTINGS}
        RETURNING id, content_id
    """


def _literal(value: bool | int | str) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
