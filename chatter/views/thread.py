"""Reading a conversation, and hearing what is new in it."""

import re
from collections.abc import Iterable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from chatter.access import thread_or_404
from chatter.delivery import glance
from chatter.models import Message
from chatter.reading import Entry, entries_of, newer, read, whole
from daeris.ui.htmx import respond

# "12.3f2a": a message on the page, and how its copies fared when it was drawn.
SEEN = re.compile(r"(\d{1,18})\.([0-9a-f]{1,8})")
MOST_SEEN = 100


@login_required
@require_safe
def messages(request: HttpRequest, pk: int) -> HttpResponse:
    """A page of the thread: the newest, or those before `before`. By itself, the whole conversation page by page."""
    thread, record = thread_or_404(request.user, pk)
    before = number(request.GET.get("before"))
    page = read(thread, type(record), request.user, before=before)
    context = {
        "thread": thread,
        "record": record,
        "page": page,
        "days": page.days,
        "after_day": request.GET.get("day", ""),
    }
    return respond(request, "chatter/messages.html", "chatter/_page.html", context)


@login_required
@require_safe
def news(request: HttpRequest, pk: int) -> HttpResponse:
    """What changed since the page was drawn: newer messages, copies that fare otherwise. 204 when nothing did."""
    thread, record = thread_or_404(request.user, pk)
    seen = {int(m[1]): m[2] for text in request.GET.getlist("s")[:MOST_SEEN] if (m := SEEN.fullmatch(text))}
    last = number(request.GET.get("last"))
    fresh = newer(thread, type(record), request.user, after=last) if last is not None else []
    # The keys come from the page, or from whoever writes one: those of other conversations are not looked at.
    readable = Message.objects.readable_by(request.user).filter(thread=thread)
    faring = glance(list(readable.filter(pk__in=seen).values_list("pk", flat=True))) if seen else {}
    stale = [pk for pk, delivery in faring.items() if delivery.version != seen[pk]]
    changed = readable.filter(pk__in=stale) if stale else ()
    if not fresh and not changed:
        return HttpResponse(status=204)
    entries = entries_of(whole(changed), type(record), request.user) if changed else []
    context = {
        "thread": thread,
        "fresh": fresh,
        "entries": entries,
        "last": fresh[0].message.pk if fresh else last,
        "moving": any(delivery.moving for delivery in faring.values()) or any(one.delivery.moving for one in fresh),
    }
    return tell(render(request, "chatter/_news.html", context), entries)


def tell(response: HttpResponse, entries: Iterable[Entry]) -> HttpResponse:
    """Let the lists of recipients that were opened ask anew."""
    for entry in entries:
        trigger_client_event(response, f"copies-{entry.id}", {})
    return response


def number(text: str | None) -> int | None:
    """A key from a query string; None for anything else."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else None
