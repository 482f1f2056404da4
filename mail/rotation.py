"""New keys for stored secrets: everything encrypted is written anew under the first of DAERIS_FIELD_KEYS."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from mail.fields import EncryptedField, decrypt, encrypt, is_newest


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored secret: where it is, never what it is. `state` is newest, older or unreadable."""

    table: str
    id: int
    field: str
    state: str


def stored_secrets() -> Iterator[Stored]:
    """Every secret in the database, and which key it needs."""
    for model, field in _fields():
        rows = model._default_manager.exclude(**{field: ""}).order_by("pk").values_list("pk", field)
        for pk, token in rows.iterator():
            state = "newest" if is_newest(token) else "unreadable" if decrypt(token) is None else "older"
            yield Stored(model._meta.label, pk, field, state)


def rotate() -> int:
    """Write what an older key holds under the newest one; how many secrets. Unreadable ones stay as they are."""
    done = 0
    models_by_label = {model._meta.label: model for model, _ in _fields()}
    for secret in list(stored_secrets()):
        if secret.state == "older":
            rows = models_by_label[secret.table]._default_manager.filter(pk=secret.id)
            token: str = rows.values_list(secret.field, flat=True)[0]
            # Somebody may save another secret meanwhile: theirs stays.
            done += rows.filter(**{secret.field: token}).update(**{secret.field: encrypt(decrypt(token) or "")})
    return done


def _fields() -> list[tuple[type[models.Model], str]]:
    found: list[tuple[Any, str]] = [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedField)
    ]
    return found
