"""Small things inside a line: icon, pill, avatar, time. Drawn in Python, because a list has hundreds of them."""

import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext

from daeris.ui import components
from daeris.ui.icons import icon_svg

register = template.Library()
Text = str | Promise


@register.simple_tag
def icon(name: str, *, css: str = "", **kwargs: str) -> SafeString:
    """The lucide icon of that name; `class="icon--lg"` for another size."""
    return icon_svg(name, kwargs.get("class", css))


@register.simple_tag
def pill(label: Text, tone: str = "neutral", icon: str = "", outlined: bool = False, title: Text = "") -> SafeString:
    """A state in a word, with its icon and its colour."""
    return _pill(str(label), tone, icon, outlined, str(title))


@lru_cache(maxsize=256)
def _pill(label: str, tone: str, icon: str, outlined: bool, title: str) -> SafeString:
    return format_html(
        '<span class="pill pill--{}{}"{}>{}<span>{}</span></span>',
        tone,
        " pill--outlined" if outlined else "",
        format_html(' title="{}"', title) if title else "",
        icon_svg(icon, "icon--sm") if icon else "",
        label,
    )


@register.simple_tag
def avatar(name: Text, key: object = "", size: str = "") -> SafeString:
    """The initials of a name; hidden from assistive technology, so write the name beside it."""
    return format_html(
        '<span class="avatar avatar--{}{}" aria-hidden="true">{}</span>',
        components.hue(key or name),
        f" avatar--{size}" if size else "",
        components.initials(str(name)),
    )


@register.simple_tag
def when(moment: datetime.datetime | None, full: bool = False) -> SafeString:
    """A `<time>`: the hour for today, else the day; the whole of it in the title."""
    if moment is None:
        return mark_safe("")
    return _when(moment, full, timezone.localdate(), timezone.get_current_timezone_name(), get_language())


@lru_cache(maxsize=1024)
def _when(moment: datetime.datetime, full: bool, today: datetime.date, zone: str, language: str | None) -> SafeString:
    # Pages that refresh themselves write the same moments again and again.
    local = timezone.localtime(moment)
    day = local.date()
    if full:
        text = f"{_day(day, 'SHORT_DATE_FORMAT', language)} {local:%H:%M}"
    elif day == today:
        text = f"{local:%H:%M}"
    else:
        text = _day(day, "j M" if day.year == today.year else "SHORT_DATE_FORMAT", language)
    whole = f"{_day(day, 'DATE_FORMAT', language)}, {local:%H:%M:%S}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), whole, text)


@lru_cache(maxsize=1024)
def _day(day: datetime.date, form: str, language: str | None) -> str:
    # The rows of a list share few days; writing them out took a quarter of the page's time.
    return str(formats.date_format(day, form))


@register.simple_tag
def crumb(label: Text, url: str = "") -> SafeString:
    """One step of the breadcrumb; the last one is the page itself and has no address."""
    if url:
        return format_html('<li><a href="{}">{}</a></li>', url, label)
    return format_html("<li><span>{}</span></li>", label)


@register.simple_tag
def progress(value: float, max: float, label: Text = "", tone: str = "") -> SafeString:
    """A bar with its numbers in words; red when over 90 %, unless a tone is given."""
    text = label or f"{formats.number_format(value)} / {formats.number_format(max)}"
    share = value / max if max else 0
    return format_html(
        '<span class="progress progress--{}"><progress value="{}" max="{}" aria-label="{}"></progress>'
        '<span class="progress__text">{}</span></span>',
        tone or ("danger" if share > 0.9 else "accent"),
        str(value),
        str(max),
        text,
        text,
    )


@register.simple_tag
def size(number: int | None) -> str:
    """Bytes for people: "284 kB"."""
    return components.human_size(number or 0)


@register.inclusion_tag("ui/components/copy.html")
def copy(value: str, label: Text = "") -> dict[str, Any]:
    """Text to take along: it wraps anywhere, and a button copies it."""
    return {"value": value, "label": label or gettext("Copy")}


@register.inclusion_tag("ui/components/steps.html")
def steps(steps: list[components.Step]) -> dict[str, Any]:
    """The status bar; make its steps with `daeris.ui.components.steps`."""
    at = next((number for number, step in enumerate(steps, 1) if step.state in ("current", "failed")), 0)
    return {"steps": steps, "at": at, "many": len(steps) > 4}


def _file(name: str, size: int | None, url: str, content_type: str, thumbnail: str) -> dict[str, Any]:
    head, tail = components.split_name(name)
    return {
        "name": name,
        "head": head,
        "tail": tail,
        "kind": components.extension(name).upper(),
        "size": size,
        "url": url,
        "thumbnail": thumbnail,
        "icon": components.file_icon(name, content_type),
    }


@register.inclusion_tag("ui/components/file.html")
def file(name: str, size: int | None = None, url: str = "", content_type: str = "", thumbnail: str = "") -> Any:
    """An attachment: icon or thumbnail, name, type and size."""
    return _file(name, size, url, content_type, thumbnail)


@register.simple_block_tag(takes_context=True)
def fileblock(
    context: template.Context,
    content: SafeString,
    name: str,
    size: int | None = None,
    url: str = "",
    content_type: str = "",
    thumbnail: str = "",
) -> SafeString:
    """An attachment with buttons behind it."""
    engine = context.template.engine  # type: ignore[union-attr]
    values = {**_file(name, size, url, content_type, thumbnail), "content": content}
    return engine.get_template("ui/components/file.html").render(context.new(values))
