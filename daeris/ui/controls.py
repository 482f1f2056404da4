"""Inputs and selects drawn in Python: the sheet of a record has dozens of them, and a template took most of its time.

They are drawn as Django's own templates of the same names would draw them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.formats import localize
from django.utils.html import conditional_escape as escape
from django.utils.safestring import SafeString, mark_safe

Widget = Mapping[str, Any]


def input_of(widget: Widget) -> SafeString:
    """`<input>`: text, hidden, number, date, a box to tick."""
    value = widget["value"]
    written = "" if value is None else f' value="{escape(value)}"'
    return mark_safe(  # noqa: S308 - every part is escaped
        f'<input type="{escape(widget["type"])}" name="{escape(widget["name"])}"{written}{_attributes(widget)}>'
    )


def select_of(widget: Widget) -> SafeString:
    """`<select>` with its options, in groups or not."""
    return mark_safe(  # noqa: S308 - every part is escaped
        f'<select name="{escape(widget["name"])}"{_attributes(widget)}>{_groups(widget["optgroups"])}\n</select>'
    )


def textarea_of(widget: Widget) -> SafeString:
    """`<textarea>`; the line feed at its start is the one that browsers take away."""
    return mark_safe(  # noqa: S308 - every part is escaped
        f'<textarea name="{escape(widget["name"])}"{_attributes(widget)}>\n{escape(widget["value"] or "")}</textarea>'
    )


# What is drawn here, by the name of the template that would do it.
DRAWN: dict[str, Callable[[Widget], SafeString]] = {
    f"django/forms/widgets/{name}.html": draw
    for draw, names in (
        (input_of, ("input", "text", "number", "email", "url", "password", "hidden", "date", "datetime", "checkbox")),
        (select_of, ("select",)),
        (textarea_of, ("textarea",)),
    )
    for name in names
}


def _groups(groups: Iterable[tuple[Any, Iterable[Widget], int]]) -> str:
    drawn = []
    for name, options, _index in groups:
        inside = "".join(f"\n  {_option(option)}" for option in options)
        drawn.append(f'\n  <optgroup label="{escape(name)}">{inside}\n  </optgroup>' if name else inside)
    return "".join(drawn)


def _option(option: Widget) -> str:
    label = escape(localize(option["label"]))
    return f'<option value="{escape(option["value"])}"{_attributes(option)}>{label}</option>'


def _attributes(widget: Widget) -> str:
    return "".join(
        f" {escape(name)}" if value is True else f' {escape(name)}="{escape(value)}"'
        for name, value in widget["attrs"].items()
        if value is not False
    )
