"""What the user was told of in the application."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_POST, require_safe

from chatter.access import message_or_404
from chatter.models import Message, Notification, Thread
from daeris.ui.asking import Answer, HowMany, Questions
from daeris.ui.htmx import redirect
from daeris.ui.navigation import Bell
from mail.html import to_text

PAGE = 30
UNREAD = "_chatter_unread"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification whose record the reader may still see."""

    notification: Notification
    record: Any
    excerpt: str


def unread(request: HttpRequest) -> Bell | None:
    """What the bell counts: messages the user was told of here and has not read."""
    if not request.user.is_authenticated:
        return None
    asked: Answer | None = getattr(request, UNREAD, None)
    count = asked.value if asked else _unread(request.user).count()
    return Bell(count, reverse("chatter:notifications"))


def unread_along(request: HttpRequest, questions: Questions) -> None:
    """Let a page that asks other questions ask for the count of the bell with them."""
    setattr(request, UNREAD, questions.ask(HowMany(_unread(request.user))))


@login_required
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """The latest messages that the user was told of in the application."""
    before = request.GET.get("before", "")
    found = _told(request.user).select_related("message__thread__document_type", "message__author").order_by("-pk")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=before)
    page = list(found[: PAGE + 1])
    context = {
        "notices": _notices(page[:PAGE], request.user),
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "unread": _unread(request.user).exists(),
    }
    return render(request, "chatter/notifications.html", context)


@login_required
@require_safe
def notification(request: HttpRequest, pk: int) -> HttpResponse:
    """Go to the message, which is read by that."""
    found = get_object_or_404(_told(request.user), pk=pk)
    message, record = message_or_404(request.user, found.message_id)
    Notification.objects.filter(pk=found.pk, read_at=None).update(read_at=now())
    return redirect(request, f"{record.get_absolute_url()}#message-{message.pk}")


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark everything as read."""
    _unread(request.user).update(read_at=now())
    return redirect(request, reverse("chatter:notifications"))


def _told(user: Any) -> Any:
    told = Notification.objects.filter(contact__user=user.pk, channel=Notification.Channel.APP)
    # Who was told of a note and is no internal user any more can no longer read it: nor its first words here.
    return told if user.has_perm("chatter.use_notes") else told.filter(message__kind=Message.Kind.MESSAGE)


def _unread(user: Any) -> Any:
    return _told(user).filter(read_at=None)


def _notices(page: Sequence[Notification], user: Any) -> list[Notice]:
    """Those whose record the user may still see; one question for each kind of record."""
    records = _records([notification.message.thread for notification in page], user)
    return [
        Notice(notification, record, " ".join(to_text(notification.message.body).split())[:200])
        for notification in page
        if (record := records.get(notification.message.thread_id))
    ]


def _records(threads: Sequence[Thread], user: Any) -> dict[int, Any]:
    by_type: dict[Any, dict[int, int]] = defaultdict(dict)
    for thread in threads:
        by_type[thread.document_type][thread.document_id] = thread.pk
    found = {}
    for document_type, ids in by_type.items():
        model = document_type.model_class()
        if model is None:
            continue
        for record in model._default_manager.all().visible_to(user).filter(pk__in=ids):
            found[ids[record.pk]] = record
    return found
