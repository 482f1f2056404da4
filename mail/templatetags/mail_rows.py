"""The rows of the list, drawn in Python: a page has eighty of them, and they took most of its time."""

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from daeris.ui.icons import icon_svg
from daeris.ui.tags.pieces import pill, when
from mail.presentation import LOOKS
from mail.views.listing import ANY_KEY, Row

register = template.Library()
SAMPLE = str(ANY_KEY)
NOTHING = SafeString("")


@register.simple_tag
def mail_row(row: Row) -> SafeString:
    """One e-mail of the list."""
    look = row.look
    return format_html(
        '<tr id="mail-{key}" role="row"{state}>\n'
        '<td role="cell" class="c-check"><input type="checkbox" class="check" name="ids" value="{key}" form="bulk"'
        ' aria-label="{label}"></td>\n'
        '<td role="cell" class="c-meta">{time}</td>\n'
        '<td role="cell" class="c-title">{subject}{reason}</td>\n'
        '<td role="cell" class="c-sub"><span class="cut">{recipient}</span></td>\n'
        '<td role="cell" class="c-opt">{document}</td>\n'
        '<td role="cell" class="c-opt2"><span class="cut">{server}</span></td>\n'
        '<td role="cell" class="c-state">{pill}</td>\n'
        '<td role="cell" class="c-act">{actions}</td>\n'
        "</tr>",
        key=row.key,
        state=_class(row),
        label=row.label,
        time=when(row.created_at),
        subject=_subject(row),
        reason=_reason(row),
        recipient=row.recipient,
        document=_document(row),
        server=row.server,
        pill=pill(look.label, tone=look.tone, icon=look.icon, outlined=look.is_red),
        actions=_actions(row),
    )


def _class(row: Row) -> SafeString:
    if row.look.is_red:
        return SafeString(' class="row--failed"')
    return SafeString(' class="row--cancelled"') if row.look.key == "cancelled" else NOTHING


def _subject(row: Row) -> SafeString:
    if row.url:
        return format_html('<a class="row-link cut" href="{}">{}</a>', row.url, row.subject)
    return format_html('<span class="cut muted">{}</span>', row.subject)


def _reason(row: Row) -> SafeString:
    if not row.reason:
        return NOTHING
    icon = icon_svg("circle-alert", "icon--sm")
    return format_html('<span class="reason">{}<span>{}</span></span>', icon, row.reason)


def _document(row: Row) -> SafeString:
    document = row.document
    if document is None:
        return NOTHING
    named = '<a class="cut" href="{url}">{name}</a>' if document.url else '<span class="cut">{name}</span>'
    drawn = format_html(named, url=document.url, name=document.name)
    return format_html('<span class="about">{}{}</span>', icon_svg(document.icon), drawn)


def _actions(row: Row) -> SafeString:
    """The buttons of a row. A page of eighty has five kinds of them at most; only the key differs."""
    drawn = _drawn(row.look.key, row.can_retry, row.can_cancel, get_language(), get_script_prefix())
    return mark_safe(drawn.replace(SAMPLE, row.key))  # noqa: S308  the key is a number


@lru_cache(maxsize=64)
def _drawn(look: str, can_retry: bool, can_cancel: bool, language: str | None, prefix: str) -> str:
    values = {"key": SAMPLE, "look": LOOKS[look], "can_retry": can_retry, "can_cancel": can_cancel}
    return render_to_string("mail/_mail_actions.html", values)
