"""The copies of a message: how each fares, once more, or given up."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from chatter import emails
from chatter.access import may_manage, message_or_404
from chatter.delivery import LISTED, copies_of, with_cause
from chatter.models import Message
from chatter.reading import one
from chatter.views.thread import number, tell
from daeris.ui.htmx import is_partial, redirect, respond, toast
from mail.models import Mail


@login_required
@require_safe
def copies(request: HttpRequest, pk: int) -> HttpResponse:
    """Every recipient of a message and how the copy fares; the first of them for the small list in the thread."""
    message, record = message_or_404(request.user, pk)
    found = copies_of(message, LISTED + 1 if is_partial(request) else None)
    context = {
        "message": message,
        "record": record,
        "copies": found[:LISTED] if is_partial(request) else found,
        "more": is_partial(request) and len(found) > LISTED,
        "may_cancel": may_manage(message, request.user) and any(copy.can_be_held for copy in found),
    }
    return respond(request, "chatter/copies.html", "chatter/_copies.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the failed copies of a message now; with `cause`, those that failed for this reason."""
    message, record = _manageable(request.user, pk)
    count = emails.retry(_chosen(request, message).red())
    said = ngettext("%(count)d e-mail is in the queue again.", "%(count)d e-mails are in the queue again.", count)
    return _answer(request, message, record, said % {"count": count}, bool(count))


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Give up the copies of a message that have not left; with `cause`, those that failed for this reason."""
    message, record = _manageable(request.user, pk)
    count = emails.cancel(_chosen(request, message))
    said = ngettext("%(count)d e-mail was cancelled.", "%(count)d e-mails were cancelled.", count)
    return _answer(request, message, record, said % {"count": count}, bool(count))


def _manageable(user: Any, pk: int) -> tuple[Message, Any]:
    message, record = message_or_404(user, pk)
    if not may_manage(message, user):
        raise PermissionDenied
    return message, record


def _chosen(request: HttpRequest, message: Message) -> Any:
    mails = Mail.objects.manageable_by(request.user).filter(
        pk__in=message.notifications.exclude(mail=None).values("mail")
    )
    cause = request.POST.get("cause", "").replace("\0", " ")
    return with_cause(mails, cause) if cause else mails


def _answer(request: HttpRequest, message: Message, record: Any, said: str, changed: bool) -> HttpResponse:
    if not is_partial(request):
        return redirect(request, f"{record.get_absolute_url()}#message-{message.pk}")
    entry = one(message, type(record), request.user)
    last = number(request.POST.get("last"))
    context = {"thread": message.thread, "entries": [entry], "last": last, "moving": entry.delivery.moving}
    response = tell(render(request, "chatter/_news.html", context), [entry])
    return toast(response, said, tone="success" if changed else "info")
