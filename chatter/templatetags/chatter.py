"""`{% chatter record %}`: a record's conversation, ready to be put beside it."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone_name, localtime
from django.utils.translation import get_language

from chatter.composing import composer
from chatter.reading import read
from chatter.summary import Conversation, along
from chatter.threads import Threaded
from daeris.ui.asking import Questions
from mail.models import Attachment

register = template.Library()
# What every browser draws, and what cannot carry script.
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}


@register.simple_tag(takes_context=True)
def chatter(context: template.Context, record: Threaded, asked: Conversation | None = None) -> SafeString:
    """The whole column: bar, composer, thread. The page that shows it has asked whether the user sees the record.

    A page with more to ask takes `chatter.summary.along`, and gives what comes of it.
    """
    user = context["request"].user
    asked = asked or along(record, user, Questions())
    thread = asked.thread
    page = read(thread, type(record), user)
    bar = asked.bar.told
    values: dict[str, Any] = {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "thread": thread,
        "record": record,
        "summary": bar,
        "composer": composer(thread, record, user, snapshot=asked.snapshot, first=asked.people.value)
        if asked.people
        else None,
        "page": page,
        "last": page.entries[0].message.pk if page.entries else 0,
        "moving": page.moving,
    }
    engine = context.template.engine  # type: ignore[union-attr]
    return engine.get_template("chatter/_chatter.html").render(context.new(values))


@register.simple_tag
def message_time(moment: datetime) -> SafeString:
    """When a message was written: the hour, and the whole of it in the title."""
    return _time(moment, get_current_timezone_name(), get_language())


@lru_cache(maxsize=1024)
def _time(moment: datetime, zone: str, language: str | None) -> SafeString:
    # It never changes, and is written in three ways: half the time of drawing a message.
    local = localtime(moment)
    return format_html(
        '<time class="message__time" datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        *(formats.date_format(local, form) for form in ("DATETIME_FORMAT", "TIME_FORMAT")),
    )


@register.filter
def is_picture(file: Attachment) -> bool:
    """Whether the file may be shown as a small picture of itself."""
    return file.content_type in PICTURES


@register.filter
def lower_first(text: object) -> str:
    """A title as the end of a sentence; what begins with an acronym stays as it is."""
    words = str(text)
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]
