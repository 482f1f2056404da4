"""What the mails in hand say: their contents, read together, and remembered while more copies of them may come."""

import json
from collections import OrderedDict
from collections.abc import Collection
from functools import cached_property

from django.db import connection
from django.db.models.base import ModelState

from mail.composing import SMALL, Letter, letter_of
from mail.models import Attachment, Content
from mail.statements import rows

KEPT = 64

_FIELDS = [field for field in Content._meta.concrete_fields if field.name != "created_at"]
_NAMES = [field.attname for field in _FIELDS]
_IDS = {"postgresql": "= ANY(%s)", "sqlite": "IN (SELECT value FROM json_each(%s))"}
_COLUMNS = ", ".join(f'"{field.column}"' for field in _FIELDS)
_SQL = {
    vendor: f"SELECT EXISTS (SELECT 1 FROM mail_content_attachments AS used WHERE used.content_id = mail_content.id),"
    f" {_COLUMNS} FROM mail_content WHERE id {ids}"
    for vendor, ids in _IDS.items()
}


class Written:
    """A stored content with its files, and the same as plain values for whoever composes."""

    def __init__(self, content: Content, files: Collection[Attachment]) -> None:
        self.content, self.files = content, files

    @cached_property
    def letter(self) -> Letter:
        """As plain values; made when it is asked for, since what is wrong with one concerns no other."""
        return letter_of(self.content, self.files)

    @property
    def is_worth_keeping(self) -> bool:
        """Not a secret, which may have been erased when it is asked for again; and nothing large."""
        content = self.content
        return not content.sensitive and not self.files and len(content.text) + len(content.html) <= SMALL


class Letters:
    """The contents that a worker needs."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Written] = OrderedDict()

    def of(self, content_ids: Collection[int]) -> dict[int, Written]:
        """These contents by id."""
        known = {pk: self._kept[pk] for pk in content_ids if pk in self._kept}
        for written in _read(set(content_ids) - known.keys()):
            known[written.content.pk] = written
            if written.is_worth_keeping:
                self._kept[written.content.pk] = written
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return known


def _read(content_ids: Collection[int]) -> list[Written]:
    if not content_ids:
        return []
    ids = list(content_ids)
    found = rows(_SQL[connection.vendor], [ids if connection.vendor == "postgresql" else json.dumps(ids)])
    files = _files_of([row[1] for row in found if row[0]])
    return [Written(_content(row[1:]), files.get(row[1], ())) for row in found]


def _content(values: tuple[object, ...]) -> Content:
    # What `from_db` makes, without asking after each field: there are thousands of these a second, only ever read.
    content = Content.__new__(Content)
    content._state = ModelState()
    content.__dict__.update(zip(_NAMES, values, strict=True))
    if isinstance(content.extra_headers, str):
        content.extra_headers = json.loads(content.extra_headers)
    return content


def _files_of(content_ids: Collection[int]) -> dict[int, list[Attachment]]:
    if not content_ids:
        return {}
    contents = Content.objects.prefetch_related("attachments__blob").only("pk").in_bulk(content_ids)
    return {pk: list(content.attachments.all()) for pk, content in contents.items()}
