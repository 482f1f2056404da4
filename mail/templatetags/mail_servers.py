"""What the screens of the servers need beyond the shared components."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import formats
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from daeris.ui.paging import Count
from mail import limits
from mail.holds import clock
from mail.limits import CONNECTIONS, Gauge, Window
from mail.models import Server

register = template.Library()


@register.filter(name="int")
def int_(count: Count) -> int:
    """What decides between singular and plural."""
    return int(count)


@register.filter(name="is")
def is_(value: object, other: object) -> bool:
    """Whether both are the same, for an argument of a tag."""
    return value == other


@register.filter
def prefixed(value: object, prefix: str) -> str:
    """An id made of a word and a key."""
    return f"{prefix}{value}"


@register.filter
def grouped(number: int) -> str:
    """A number as people write it: 1.248."""
    return number_format(number, force_grouping=True)


@register.filter
def gauge_words(gauge: Gauge) -> str:
    """ "94 / 100 per hour"."""
    words = {
        Window.MINUTE.value: _("%(used)s / %(limit)s per minute"),
        Window.HOUR.value: _("%(used)s / %(limit)s per hour"),
        Window.DAY.value: _("%(used)s / %(limit)s per day"),
        CONNECTIONS: ngettext("%(used)s / %(limit)s connection", "%(used)s / %(limit)s connections", gauge.limit),
    }[gauge.window]
    return words % {"used": formats.number_format(gauge.used), "limit": formats.number_format(gauge.limit)}


@register.filter
def gauge_tone(gauge: Gauge) -> str:
    """No alarm when every connection is in use: so it is while much leaves. Windows turn red by themselves."""
    return "accent" if gauge.window == CONNECTIONS else ""


@register.inclusion_tag("mail/_usage.html")
def usage(server: Server) -> dict[str, Any]:
    """How much of its limits a server has used, and when the next mail may go while they are full."""
    gauges = limits.gauges(server)
    opens = limits.opens_at(server) if any(gauge.is_full for gauge in gauges) else None
    return {"gauges": gauges, "opens": clock(opens) if opens else ""}


@register.simple_tag
def page_url(path: str, keys: dict[str, str]) -> str:
    """Another page of the same list."""
    return f"{path}?{urlencode(keys)}"
