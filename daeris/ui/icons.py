"""Lucide icons as inline SVG."""

import re
from functools import lru_cache
from importlib import resources
from io import BytesIO
from zipfile import ZipFile

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

# Shown in production for a name that does not exist; tests and DEBUG raise instead.
_MISSING = '<circle cx="12" cy="12" r="3"/>'


class UnknownIcon(LookupError):
    """There is no icon of that name."""


@lru_cache(maxsize=1)
def _archive() -> ZipFile:
    return ZipFile(BytesIO(resources.files("lucide").joinpath("lucide.zip").read_bytes()))


def _shapes(name: str) -> str:
    try:
        source = _archive().read(f"{name}.svg").decode()
    except KeyError:
        if getattr(settings, "UI_STRICT", settings.DEBUG):
            raise UnknownIcon(f"There is no icon {name!r}.") from None
        return _MISSING
    inner = source[source.index(">", source.index("<svg")) + 1 : source.rindex("</svg>")]
    return re.sub(r">\s+<", "><", inner.strip()).replace(" />", "/>")


@lru_cache(maxsize=1024)
def icon_svg(name: str, classes: str = "") -> SafeString:
    """The icon as `<svg class="icon …">`, hidden from assistive technology: a word always stands beside it.

    How it is drawn is said once, in base.css: a page has some seventy of them.
    """
    css = escape(f"icon {classes}".strip())
    return mark_safe(  # noqa: S308 - the shapes come from the wheel, the classes are escaped
        f'<svg class="{css}" width="16" height="16" viewBox="0 0 24 24" aria-hidden="true">{_shapes(name)}</svg>'
    )
