"""One e-mail, opened by the user who caused it to be sent; by nobody else."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from daeris.ui.htmx import is_partial, respond
from daeris.ui.paging import bounded_count
from mail.attachments import download_headers
from mail.holds import Hold, hold_of
from mail.html import body_document, text_to_html
from mail.models import Attachment, Content, Mail, Server
from mail.models.mail import AnyUser
from mail.presentation import look_of
from mail.views.documents import documents_of
from mail.views.mails import VERSION_HEADER
from mail.views.story import attempts_gone, headers_of, problem_of, steps_of, timeline_of

# The original of a letter, in a frame that can do nothing: its looks, and images of our own (ui.md §11).
BODY_POLICY = (
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
)
MOST_COPIES = 100


@require_safe
@login_required
def mail(request: HttpRequest, pk: int) -> HttpResponse:
    """The mail with its words, its fate and every attempt; 204 for a page that still shows how things are."""
    one = _own(request, pk)
    attempts = list(one.attempts.all())
    hold = hold_of(one)
    version = f"{one.state}.{one.fence}.{len(attempts)}.{one.cause}.{bool(one.server and one.server.blocked_cause)}"
    version += f".{hold.code if hold else ''}"
    if is_partial(request) and request.headers.get(VERSION_HEADER) == version:
        return HttpResponse(status=204)
    return respond(request, "mail/mail.html", "mail/_mail.html", _context(request.user, one, attempts, hold, version))


@require_safe
@login_required
def body(request: HttpRequest, pk: int) -> HttpResponse:
    """What the mail says, as a document of its own for the sandboxed frame."""
    one = _own(request, pk)
    content = one.content
    images = {
        attachment.content_id: reverse("mail:mail_attachment", args=[one.pk, attachment.pk])
        for attachment in content.attachments.exclude(content_id="")
    }
    html = content.html or text_to_html(content.text)
    return HttpResponse(
        body_document(html, images=images),
        headers={
            "Content-Security-Policy": BODY_POLICY,
            "X-Frame-Options": "SAMEORIGIN",
            "Cache-Control": "private, no-store",
        },
    )


@require_safe
@login_required
def attachment(request: HttpRequest, pk: int, attachment_pk: int) -> FileResponse:
    """A file of the mail: saved by the browser, or shown when it is a picture inside the body."""
    found: Attachment = get_object_or_404(
        _own(request, pk).content.attachments.select_related("blob"), pk=attachment_pk
    )
    response = FileResponse(found.open())
    # Afterwards: what FileResponse would say of name and type is guessed from the path of the blob.
    for name, value in download_headers(found, inline=bool(found.content_id)).items():
        response[name] = value
    return response


def _own(request: HttpRequest, pk: int) -> Mail:
    mine = Mail.objects.opened_by(request.user).select_related("content", "server")
    return get_object_or_404(mine, pk=pk)


def _context(user: AnyUser, one: Mail, attempts: list[Any], hold: Hold | None, version: str) -> dict[str, Any]:
    content = one.content
    look = look_of(one)
    copies = Mail.objects.opened_by(user).filter(content=content).order_by("pk")
    files = [file for file in content.attachments.select_related("blob") if not _is_shown(file, content)]
    return {
        "mail": one,
        "content": content,
        "look": look,
        "steps": steps_of(one, look),
        "problem": problem_of(one),
        "hold": hold,
        "attempts_count": len(attempts),
        "timeline": timeline_of(one, attempts),
        "attempts_gone": attempts_gone(one, attempts),
        "headers": headers_of(one, content, attempts[-1] if attempts else None),
        "attachments": files,
        "document": documents_of([one], user).get(one.pk),
        "copies": _copies(copies),
        "copies_count": bounded_count(copies),
        "has_body": bool(content.html or content.text),
        "can_retry": one.is_retryable,
        "can_cancel": one.state in Mail.MOVES[Mail.State.CANCELLED],
        "is_moving": look.key in {"queued", "sending"},
        "version": version,
    }


def _copies(copies: Any) -> list[tuple[Mail, Any]]:
    found = list(copies.defer("search")[:MOST_COPIES])
    servers = Server.objects.in_bulk()
    for copy in found:
        copy.server = servers.get(copy.server_id)
    return [(copy, look_of(copy)) for copy in found]


def _is_shown(file: Attachment, content: Content) -> bool:
    """Whether the body shows this file, so that it is not listed again beneath it."""
    return bool(file.content_id) and f"cid:{file.content_id}" in content.html
