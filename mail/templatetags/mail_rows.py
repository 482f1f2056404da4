"""What the rows of a long list share, drawn once."""

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from mail.presentation import LOOKS
from mail.views.listing import Row

register = template.Library()
# Stands for the key of a row; no mail has it.
SAMPLE = "987654321098765432"


@register.simple_tag
def mail_actions(row: Row) -> SafeString:
    """The buttons of a row. A page of eighty has five kinds of them at most; only the key differs."""
    drawn = _drawn(row.look.key, row.can_retry, row.can_cancel, get_language(), get_script_prefix())
    return mark_safe(drawn.replace(SAMPLE, row.key))  # noqa: S308  the key is a number


@lru_cache(maxsize=64)
def _drawn(look: str, can_retry: bool, can_cancel: bool, language: str | None, prefix: str) -> str:
    values = {"key": SAMPLE, "look": LOOKS[look], "can_retry": can_retry, "can_cancel": can_cancel}
    return render_to_string("mail/_mail_actions.html", values)
