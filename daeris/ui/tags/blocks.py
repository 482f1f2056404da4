"""What wraps other content: card, alert, menu, dialog, tabs, groups, time line."""

import datetime
from typing import Any

from django import template
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from daeris.ui.icons import icon_svg
from daeris.ui.paging import Count
from daeris.ui.tags.pieces import when

register = template.Library()
Text = str | Promise
ALERT_ICONS = {"danger": "triangle-alert", "warning": "circle-alert", "info": "info", "success": "circle-check"}
_TABS = "ui_tabs"


def draw(context: template.Context, name: str, values: dict[str, Any]) -> SafeString:
    """A component's template with these values, and nothing else of the page."""
    return context.template.engine.get_template(f"ui/components/{name}.html").render(context.new(values))  # type: ignore[union-attr]


@register.simple_tag(takes_context=True)
def same_as(context: template.Context, name: str) -> SafeString:
    """What the page wrote in another block: the title serves as heading too."""
    block = context.render_context[BLOCK_CONTEXT_KEY].get_block(name)
    rendered: SafeString = block.nodelist.render(context)
    return rendered


@register.simple_block_tag(takes_context=True)
def card(
    context: template.Context, content: str, title: Text = "", icon: str = "", id: str = "", level: int = 2, **css: str
) -> SafeString:
    """A card; with "card--flush" its content reaches the edges."""
    values = {"content": content, "title": title, "icon": icon, "id": id, "level": level, "css": css.get("class", "")}
    return draw(context, "card", values)


@register.simple_block_tag(takes_context=True)
def alert(
    context: template.Context, content: str, tone: str = "info", title: Text = "", icon: str = "", id: str = ""
) -> SafeString:
    """Something that needs action: what happened, why, and one button in `.alert__actions`."""
    # The buttons stand beside the words, or below where there is no room.
    words, mark, buttons = content.partition('<div class="alert__actions">')
    parts = {"content": mark_safe(words), "actions": mark_safe(mark + buttons)}  # noqa: S308 - parts of safe content
    values = {**parts, "tone": tone, "title": title, "icon": icon or ALERT_ICONS[tone], "id": id}
    return draw(context, "alert", values)


@register.simple_block_tag
def menu(
    content: str,
    id: str,
    label: Text = "",
    icon: str = "ellipsis",
    text: Text = "",
    align: str = "end",
    **css: str,
) -> SafeString:
    """A button and the popover it opens. With `text` the button has words, else `label` names it."""
    return format_html(
        '<button type="button" class="{}" popovertarget="{}" {}>{}{}</button>'
        '<div class="menu menu--{}" id="{}" popover>{}</div>',
        css.get("class", "btn" if text else "btn btn--icon btn--ghost"),
        id,
        "" if text else format_html('aria-label="{}" title="{}"', label, label),
        icon_svg(icon) if icon else "",
        format_html("<span>{}</span>", text) if text else "",
        align,
        id,
        content,
    )


@register.simple_block_tag(takes_context=True)
def dialog(context: template.Context, content: str, id: str, title: Text, size: str = "") -> SafeString:
    """A dialog, opened by any element with `data-opens="id"`."""
    return draw(context, "dialog", {"content": content, "id": id, "title": title, "size": size})


@register.simple_block_tag
def nothing(content: str, icon: str, text: Text) -> SafeString:
    """Nothing here: a large icon, a sentence, one action."""
    return format_html(
        '<div class="empty">{}<p class="empty__text">{}</p>{}</div>',
        icon_svg(icon, "icon--xl"),
        text,
        format_html('<div class="empty__action">{}</div>', content) if content.strip() else "",
    )


@register.simple_block_tag
def group(content: str, title: Text, help: Text = "") -> SafeString:
    """Fields that belong together, under their heading."""
    hint = format_html('<p class="hint">{}</p>', help) if help else ""
    return format_html('<fieldset class="group"><legend>{}</legend>{}{}</fieldset>', title, hint, content)


@register.simple_block_tag
def fact(content: str, label: Text) -> SafeString:
    """A label and a value that is only read."""
    return format_html(
        '<div class="field field--fact"><span class="field__label">{}</span><div class="field__value">{}</div></div>',
        label,
        content,
    )


@register.simple_block_tag
def figures(content: str) -> SafeString:
    """The key figures of a record."""
    return format_html('<dl class="figures">{}</dl>', content)


@register.simple_block_tag
def figure(content: str, label: Text) -> SafeString:
    """One key figure."""
    return format_html('<div class="figure"><dt>{}</dt><dd>{}</dd></div>', label, content)


@register.simple_block_tag(takes_context=True)
def tab(
    context: template.Context,
    content: str,
    id: str,
    label: Text,
    count: Count | int | None = None,
    icon: str = "",
    src: str = "",
) -> str:
    """One panel inside `{% tabs %}`; with `src` it is fetched when first opened."""
    tabs: list[dict[str, Any]] = context.render_context.setdefault(_TABS, [])  # type: ignore[assignment]
    tabs.append({"id": id, "label": label, "count": count, "icon": icon, "src": src, "content": content})
    return ""


@register.simple_block_tag(takes_context=True)
def tabs(context: template.Context, content: str, id: str, label: Text = "") -> SafeString:
    """ARIA tabs. Without script all panels are shown, one after the other."""
    panels = context.render_context.get(_TABS, [])
    context.render_context[_TABS] = []
    return draw(context, "tabs", {"id": id, "label": label or gettext("Sections"), "panels": panels})


@register.simple_block_tag
def timeline(content: str) -> SafeString:
    """What happened, in its order."""
    return format_html('<ol class="timeline">{}</ol>', content)


@register.simple_block_tag
def moment(
    content: str, title: Text, tone: str = "neutral", icon: str = "circle", time: datetime.datetime | None = None
) -> SafeString:
    """One event of a time line."""
    return format_html(
        '<li class="moment moment--{}"><span class="moment__mark">{}</span><div class="moment__body">'
        '<p class="moment__head"><b>{}</b> {}</p>{}</div></li>',
        tone,
        icon_svg(icon, "icon--sm"),
        title,
        when(time, full=True) if time else "",
        content,
    )


@register.simple_block_tag(takes_context=True)
def bulk(context: template.Context, content: str, action: str) -> SafeString:
    """What can be done with the selected rows; seen as soon as one is."""
    values = {"content": content, "action": action, "csrf_token": context.get("csrf_token")}
    return draw(context, "bulk", values)


@register.simple_tag
def select_all() -> SafeString:
    """The box that selects every row of the page; it needs script, and is not there without."""
    return format_html(
        '<d-select-all><input type="checkbox" class="check" aria-label="{}" hidden></d-select-all>',
        gettext("Select all rows of this page"),
    )
