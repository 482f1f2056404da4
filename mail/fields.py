"""A text that is encrypted at rest."""

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """The text under the newest of DAERIS_FIELD_KEYS; "" stays ""."""
    return _fernet(tuple(settings.DAERIS_FIELD_KEYS)).encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str | None:
    """The text again; None when no key of DAERIS_FIELD_KEYS opens it."""
    if not token:
        return ""
    try:
        return _fernet(tuple(settings.DAERIS_FIELD_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        return None


def is_newest(token: str) -> bool:
    """Whether the newest of DAERIS_FIELD_KEYS alone opens it."""
    try:
        Fernet(settings.DAERIS_FIELD_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


class EncryptedField(models.TextField):  # type: ignore[type-arg]
    """Holds the encrypted text, as it is in the database.

    It is never opened by loading a row: `decrypt` is called where the secret is used, so a secret does
    not reach a template, a log or a traceback by accident, and a lost key spoils one connection, no page.
    """

    def formfield(self, **kwargs: Any) -> None:
        return None
