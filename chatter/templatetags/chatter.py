"""`{% chatter record %}`: a record's conversation, ready to be put beside it."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from chatter.composing import composer
from chatter.reading import read
from chatter.summary import summary
from chatter.threads import Threaded
from mail.models import Attachment

register = template.Library()
# What every browser draws, and what cannot carry script.
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}


@register.simple_tag(takes_context=True)
def chatter(context: template.Context, record: Threaded) -> SafeString:
    """The whole column: bar, composer, thread. The page that shows it has asked whether the user sees the record."""
    user = context["request"].user
    thread = record.thread
    page = read(thread, type(record), user)
    bar = summary(thread, user)
    values: dict[str, Any] = {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "thread": thread,
        "record": record,
        "summary": bar,
        "composer": composer(thread, record, user) if bar.may_post else None,
        "page": page,
        "last": page.entries[0].message.pk if page.entries else 0,
        "moving": page.moving,
    }
    engine = context.template.engine  # type: ignore[union-attr]
    return engine.get_template("chatter/_chatter.html").render(context.new(values))


@register.filter
def is_picture(file: Attachment) -> bool:
    """Whether the file may be shown as a small picture of itself."""
    return file.content_type in PICTURES


@register.filter
def lower_first(text: object) -> str:
    """A title as the end of a sentence; what begins with an acronym stays as it is."""
    words = str(text)
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]
