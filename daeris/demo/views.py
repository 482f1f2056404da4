"""The demo mailbox: each captured mail as its recipient would see it."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.utils.timezone import localdate
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from daeris.demo.models import CapturedMail
from daeris.demo.reading import Reading
from daeris.ui.htmx import is_partial, respond
from daeris.ui.lists import ControlPanel
from daeris.ui.paging import KeyPager, Page
from mail.html import body_document
from mail.views.detail import BODY_POLICY
from mail.views.mails import VERSION_HEADER

View = TypeVar("View", bound=Callable[..., Any])
FRAME_HEADERS = {
    "Content-Security-Policy": BODY_POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "private, no-store",
}
# Whatever an attachment says of itself, it is saved and never shown.
DOWNLOAD_HEADERS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
HEADERS = ("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "X-Original-From")


def for_colleagues(view: View) -> View:
    """Everyone's mail, notes among it: for those who may read notes; strangers log in first, others get 403."""
    return login_required(permission_required("chatter.use_notes", raise_exception=True)(view))


@require_safe
@for_colleagues
def mailbox(request: HttpRequest) -> HttpResponse:
    """Everybody's mail, newest first; a search narrows it to a recipient or a subject."""
    panel = ControlPanel(
        request,
        placeholder=_("Recipient, sender or subject…"),
        sorts={"date": ("pk",)},
        default_sort="-date",
        target="#captured",
    )
    captured = CapturedMail.objects.defer("raw")
    for word in panel.words.split():
        captured = captured.filter(
            Q(recipient__icontains=word) | Q(from_header__icontains=word) | Q(subject__icontains=word)
        )
    panel.page = page = KeyPager(panel.order, size=40).page(request, captured)
    version = _version(page)
    if is_partial(request) and request.headers.get(VERSION_HEADER) == version:
        return HttpResponse(status=204)
    return respond(request, "demo/mailbox.html", "demo/_mailbox.html", {"panel": panel, "version": version})


def _version(page: Page) -> str:
    """Differs whenever the list would look different: mail only comes, and the oldest goes."""
    keys = [mail.pk for mail in page.rows]
    return f"{get_language()}.{localdate()}.{keys[:1]}.{keys[-1:]}.{page.count}"


@require_safe
@for_colleagues
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """One mail: its headers, its body in the sandboxed view, its attachments, its source."""
    captured = get_object_or_404(CapturedMail, pk=pk)
    reading = Reading(bytes(captured.raw))
    shown = [(name, reading.header(name)) for name in HEADERS]
    context = {
        "captured": captured,
        "headers": [(name, value) for name, value in shown if value],
        "attachments": reading.attachments,
        "source": bytes(captured.raw[:200_000]).decode("utf-8", "replace"),
    }
    return render(request, "demo/message.html", context)


@require_safe
@for_colleagues
def body(request: HttpRequest, pk: int) -> HttpResponse:
    """The body as a document of its own for the sandboxed frame."""
    captured = get_object_or_404(CapturedMail, pk=pk)
    return HttpResponse(body_document(Reading(bytes(captured.raw)).html), headers=FRAME_HEADERS)


@require_safe
@for_colleagues
def raw(request: HttpRequest, pk: int) -> HttpResponse:
    """The bytes as they arrived, to be saved."""
    captured = get_object_or_404(CapturedMail, pk=pk)
    headers = {**DOWNLOAD_HEADERS, "Content-Disposition": f'attachment; filename="{captured.pk}.eml"'}
    return HttpResponse(bytes(captured.raw), content_type="message/rfc822", headers=headers)


@require_safe
@for_colleagues
def attachment(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One attachment, to be saved."""
    captured = get_object_or_404(CapturedMail, pk=pk)
    for part in Reading(bytes(captured.raw)).attachments:
        if part.number == number:
            disposition = content_disposition_header(as_attachment=True, filename=part.name)
            headers = {**DOWNLOAD_HEADERS, "Content-Disposition": disposition or "attachment"}
            return HttpResponse(part.data, content_type="application/octet-stream", headers=headers)
    raise Http404
