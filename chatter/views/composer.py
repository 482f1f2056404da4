"""Writing in a conversation."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from chatter import posting, sending_as
from chatter.access import may_post, thread_or_404
from chatter.composing import composer, named_in, people_for
from chatter.forms import MessageForm
from chatter.models import Message, Thread
from chatter.reading import one
from chatter.summary import summary
from daeris.ui.htmx import is_partial, redirect, respond
from daeris.ui.views import Option, options
from mail.models import Attachment


@login_required
@require_POST
def post(request: HttpRequest, pk: int) -> HttpResponse:
    """Post what the composer holds: 201 with the message for htmx, else back to the record."""
    thread, record = thread_or_404(request.user, pk)
    if not may_post(request.user):
        raise PermissionDenied
    if earlier := _posted_before(request, thread):
        return _posted(request, thread, record, earlier, status=200)
    form = MessageForm(request.POST, request.FILES, user=request.user, people=people_for(request.user, record))
    form.full_clean()
    stored = form.store_files()
    if form.errors:
        return _refused(request, thread, record, form, stored)
    data = form.cleaned_data
    try:
        message = posting.post(
            record,
            body=data["body"],
            author=request.user,
            kind=data["kind"],
            to=data["to"],
            attachments=stored,
            form_token=data["form_token"],
        )
    except posting.TokenTaken as error:
        form.add_error(None, str(error))
        return _refused(request, thread, record, form, stored)
    if message.kind == Message.Kind.MESSAGE:
        # Whoever writes here wants to read the answer.
        record.follow(request.user)
    return _posted(request, thread, record, message, status=201)


@login_required
@require_safe
def recipients(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would get a message with these people named: the "To" lines anew."""
    thread, record = thread_or_404(request.user, pk)
    if not may_post(request.user):
        raise PermissionDenied
    dropped = request.GET.get("drop")
    named = named_in(request.user, record, (one for one in request.GET.getlist("to") if one != dropped))
    context = {"composer": composer(thread, record, request.user, named), "thread": thread}
    return render(request, "chatter/_recipients.html", context)


@login_required
@require_safe
def sent_as(request: HttpRequest, pk: int) -> HttpResponse:
    """As whom a message would leave, the DNS asked where that decides: the line under the editor anew."""
    thread, record = thread_or_404(request.user, pk)
    if not may_post(request.user):
        raise PermissionDenied
    line = sending_as.sent_as(record, request.user, look_up=True)
    return render(request, "chatter/_sent_as.html", {"thread": thread, "line": line})


@login_required
@require_safe
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """Whom the user may name or, with `?new`, subscribe, by a part of the name, the address or the company."""
    thread, record = thread_or_404(request.user, pk)
    if not may_post(request.user):
        raise PermissionDenied
    found = people_for(request.user, record)
    for word in request.GET.get("q", "").replace("\0", "").split()[:5]:
        found = found.filter(Q(name__icontains=word) | Q(email__icontains=word) | Q(company__icontains=word))
    if "new" in request.GET:
        found = found.exclude(follows__thread=thread)
    return options(request, [Option(str(c.pk), c.name, c.email) for c in found.order_by("name", "pk")[:20]])


def _posted_before(request: HttpRequest, thread: Thread) -> Message | None:
    """The message that this very form made already: its button was pressed twice."""
    try:
        token = UUID(request.POST.get("form_token", ""))
    except ValueError:
        return None
    return Message.objects.filter(form_token=token, thread=thread, user=request.user.pk).first()


def _posted(request: HttpRequest, thread: Thread, record: Any, message: Message, *, status: int) -> HttpResponse:
    if not is_partial(request):
        return redirect(request, f"{record.get_absolute_url()}#message-{message.pk}")
    entry = one(message, type(record), request.user)
    context = {
        "thread": thread,
        "record": record,
        "entry": entry,
        "last": message.pk,
        "moving": entry.delivery.moving,
        "composer": composer(thread, record, request.user),
        "summary": summary(thread, request.user),
    }
    response = render(request, "chatter/_posted.html", context, status=status)
    if status == 200:
        # The page shows it already: only the composer is made ready again.
        response["HX-Reswap"] = "none"
    return response


def _refused(
    request: HttpRequest, thread: Thread, record: Any, form: MessageForm, stored: Sequence[Attachment]
) -> HttpResponse:
    errors = [str(error) for of_field in form.errors.values() for error in of_field]
    context: dict[str, Any] = {"thread": thread, "record": record, "errors": errors}
    if not is_partial(request):
        named = named_in(request.user, record, request.POST.getlist("to"))
        context |= {
            "composer": composer(thread, record, request.user, named),
            "body": request.POST.get("body", ""),
            "kind": request.POST.get("kind", ""),
            "kept": stored,
            "bar": summary(thread, request.user),
        }
    response = respond(request, "chatter/refused.html", "chatter/_errors.html", context, status=422)
    response["HX-Retarget"] = f"#errors-{thread.pk}"
    response["HX-Reswap"] = "innerHTML"
    return response
