"""The form of an outgoing server."""

import json
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from daeris.ui.htmx import redirect
from mail.forms.servers import ServerForm
from mail.models import Mail, Server
from mail.views.access import manages_servers
from mail.views.servers import condition_of, release


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
@sensitive_post_parameters("password")
def server(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The form of one server, or of a new one."""
    form = form_of(request, pk)
    if request.method != "POST":
        return render(request, "mail/server.html", context_of(form))
    if not form.is_valid():
        return render(request, "mail/server.html", context_of(form), status=422)
    with transaction.atomic():
        saved = form.save()
        if saved.blocked_cause and form.connects_anew:
            release(saved)
    messages.success(request, _("The server “%(name)s” was saved.") % {"name": saved.name})
    return redirect(request, reverse("mail:server", args=[saved.pk]))


def form_of(request: HttpRequest, pk: int | None) -> ServerForm:
    """The form as it was sent, or as the server is stored; 404 for a server that nobody may edit."""
    instance = get_object_or_404(Server.objects.custom(), pk=pk) if pk else Server()
    if request.method == "POST":
        return ServerForm(request.POST, request.FILES, instance=instance)
    return ServerForm(instance=instance)


def context_of(form: ServerForm) -> dict[str, Any]:
    """What the page of a server needs."""
    known = Server.objects.filter(pk=form.instance.pk).first() if form.instance.pk else None
    return {
        "form": form,
        # As it is stored: the title and the state do not change while someone types.
        "server": known,
        "condition": condition_of(known) if known else None,
        "waiting": Mail.objects.filter(server=known, state=Mail.State.QUEUED).count() if known else 0,
        "ports": json.dumps({str(security.value): port for security, port in Server.PORTS.items()}),
    }
