"""A sheet is saved: the record, its lines, and what its conversation is told of it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import QueryDict

from chatter.tracking import snapshot, track
from daeris.documents.forms import ChangedFieldsForm, LineFormSet
from daeris.documents.kinds import Kind
from daeris.documents.models.base import Document


@dataclass(slots=True)
class Sheet:
    """The form of a record and of its lines, as one thing to fill in, check and save."""

    kind: Kind
    user: Any
    record: Any
    form: ChangedFieldsForm
    lines: LineFormSet | None
    token: UUID | None = None

    @property
    def is_new(self) -> bool:
        return self.record.pk is None

    def is_valid(self) -> bool:
        # Both are asked, so that everything wrong is shown at once.
        form, lines = self.form.is_valid(), self.lines is None or self.lines.is_valid()
        return form and lines

    def save(self, stage: str = "") -> Any:
        """Write what was changed, and enter a stage if one is given; the record.

        A form that already made a record gives that one again.
        """
        return self._create() if self.is_new else self._update(stage)

    def _create(self) -> Any:
        if made := self._made_before():
            return made
        self.form.instance.form_token = self.token
        try:
            with transaction.atomic():
                record = self.form.save()
                self._save_lines(record)
                if isinstance(record, Document):
                    follow(record, self.user, record.responsible)
        except IntegrityError:
            # The same form, sent twice: the other request was quicker by a moment.
            if made := self._made_before():
                return made
            raise
        return record

    def _update(self, stage: str) -> Any:
        with transaction.atomic():
            # Held from here on: what the conversation is told is what this save changed, and nothing else.
            before = remember(self.kind.model._default_manager.select_for_update().get(pk=self.record.pk))
            record = self.form.save()
            self._save_lines(record)
            record.refresh_from_db()
            if before is not None:
                if stage and stage != record.stage:
                    record.save(update_fields=record.enter(stage))
                if "responsible" in self.form.changed_data:
                    follow(record, record.responsible)
                track(record, before, self.user)
        return record

    def _save_lines(self, record: Any) -> None:
        if self.lines is not None:
            self.lines.instance = record
            self.lines.save()

    def _made_before(self) -> Any:
        made = self.kind.model._default_manager.filter(form_token=self.token).first() if self.token else None
        if made and not self.kind.model._default_manager.visible_to(self.user).filter(pk=made.pk).exists():
            raise PermissionDenied
        return made


def fill(kind: Kind, user: Any, record: Any, data: QueryDict | None = None, **initial: Any) -> Sheet:
    """The sheet of this record: empty, with its values, or with what was sent. `lines` begins a new one's lines."""
    begun = initial.pop("lines", [])
    form = kind.form(data, instance=record, user=user, initial=initial)
    lines = None
    if kind.lines is not None:
        lines = kind.lines(data, instance=record, prefix="lines", initial=begun)
        lines.extra += len(begun)
    return Sheet(kind, user, record, form, lines, _token(data) if record.pk is None else None)


def follow(record: Document, *users: Any) -> None:
    """Subscribe these users, those that are somebody."""
    for user in users:
        if user is not None:
            record.follow(user)


def remember(record: Any) -> Any:
    """The tracked fields as they are, or None for a record without a conversation."""
    return snapshot(record) if isinstance(record, Document) else None


def _token(data: QueryDict | None) -> UUID | None:
    """The token the form came with, a new one for a new form; None for whoever sends no token, or a wrong one."""
    if data is None:
        return uuid4()
    try:
        return UUID(data.get("form_token", ""))
    except ValueError:
        return None
