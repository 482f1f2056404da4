"""Forms and the heads of lists."""

from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

from daeris.ui.controls import input_of, select_of
from daeris.ui.icons import icon_svg
from daeris.ui.lists import ControlPanel
from daeris.ui.paging import PAGE_KEYS
from daeris.ui.tags.blocks import draw

register = template.Library()
Text = str | Promise
register.filter("input", input_of)
register.filter("select", select_of)


@register.inclusion_tag("ui/components/form_errors.html")
def form_errors(form: BaseForm) -> dict[str, Any]:
    """What is wrong with the form as a whole, and that there is something wrong further down."""
    return {"errors": form.non_field_errors(), "form": form}


@register.inclusion_tag("ui/components/save_bar.html")
def save_bar(cancel_url: str = "", label: Text = "") -> dict[str, Any]:
    """ "Unsaved changes · Discard · Save" at the foot of the window, once something changed."""
    return {"cancel_url": cancel_url, "label": label}


@register.simple_block_tag(takes_context=True)
def setting(context: template.Context, content: str, field: BoundField) -> SafeString:
    """A switch with its help; what stands between the tags belongs to it."""
    return draw(context, "setting", {"field": field, "content": content})


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: object) -> str:
    """This page's address with other parameters; None takes one away, and so does turning to another page."""
    request: HttpRequest = context["request"]
    parameters = request.GET.copy()
    for name in PAGE_KEYS:
        parameters.pop(name, None)
    for name, value in changes.items():
        if value is None or value == "":
            parameters.pop(name, None)
        else:
            parameters[name] = str(value)
    return f"{request.path}?{parameters.urlencode()}" if parameters else request.path


@register.simple_tag
def sort(panel: ControlPanel, name: str, label: Text, **css: str) -> SafeString:
    """The head of a column that orders the list."""
    option, direction = panel.sort_option(name, label)
    arrow = {"ascending": "arrow-up", "descending": "arrow-down"}.get(direction, "chevrons-up-down")
    return format_html(
        '<th scope="col" role="columnheader" class="{}"{}><a class="sort" href="{}" hx-get="{}" hx-target="{}" '
        'hx-swap="outerHTML" hx-push-url="true"><span>{}</span>{}</a></th>',
        css.get("class", ""),
        format_html(' aria-sort="{}"', direction) if direction else "",
        option.url,
        option.url,
        panel.target,
        label,
        icon_svg(arrow, "icon--sm"),
    )
