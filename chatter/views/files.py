"""Files: uploaded before they are posted, listed, downloaded by whoever may read the message."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatter.access import attachment_or_404, may_post, thread_or_404
from chatter.forms import store
from chatter.summary import files_of
from daeris.ui.htmx import respond
from mail.attachments import TooLarge, download_headers

MOST_FILES = 200


@login_required
@require_POST
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep one file for a message that is still being written: 201 with its line, 413 when it is too large."""
    thread, _record = thread_or_404(request.user, pk)
    if not may_post(request.user):
        raise PermissionDenied
    file = request.FILES.get("files")
    if not isinstance(file, UploadedFile):
        return HttpResponse(_("No file came with the request."), status=422, content_type="text/plain; charset=utf-8")
    try:
        attachment = store(file, request.user)
    except TooLarge as error:
        return HttpResponse(str(error), status=413, content_type="text/plain; charset=utf-8")
    return render(request, "chatter/_upload.html", {"file": attachment, "thread": thread}, status=201)


@login_required
@require_safe
def files(request: HttpRequest, pk: int) -> HttpResponse:
    """Every file of the conversation."""
    thread, record = thread_or_404(request.user, pk)
    found = files_of(request.user, thread=thread).select_related("blob")[:MOST_FILES]
    context = {"thread": thread, "record": record, "files": found, "limit": settings.MAIL_MAX_UPLOAD_BYTES}
    return respond(request, "chatter/files.html", "chatter/_files.html", context)


@login_required
@require_safe
def attachment(request: HttpRequest, pk: int) -> FileResponse:
    """Download a file; with `?inline` a picture is shown."""
    found = attachment_or_404(request.user, pk)
    response = FileResponse(found.open())
    # Set afterwards: FileResponse writes a Content-Disposition of its own, named after the blob and shown inline.
    for name, value in download_headers(found, inline="inline" in request.GET).items():
        response[name] = value
    return response
