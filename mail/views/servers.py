"""The outgoing servers: list, form, test, removal."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from daeris.ui.htmx import is_partial, redirect, respond
from daeris.ui.lists import ControlPanel, Tab
from mail import bell, causes
from mail.forms.servers import ServerForm
from mail.models import Lane, Mail, Options, Server
from mail.planning import environment_server
from mail.probing import probe_now
from mail.views.access import manages_servers


@dataclass(frozen=True, slots=True)
class Condition:
    """How a server is doing: a pill, and the reason when there is one."""

    label: Any
    tone: str
    icon: str
    reason: str = ""


def condition_of(server: Server) -> Condition:
    """Stopped until a person mends it, resting for a while, archived, or ready."""
    if server.blocked_cause:
        title = str(causes.describe(server.blocked_cause).title)
        return Condition(gettext_lazy("Stopped"), "danger", "octagon-alert", title)
    if not server.active:
        return Condition(gettext_lazy("Archived"), "neutral", "archive")
    if server.is_resting:
        return Condition(
            gettext_lazy("Resting"), "warning", "clock-alert", _("It could not be reached; it is tried again soon.")
        )
    return Condition(gettext_lazy("Ready"), "success", "check")


@require_safe
@manages_servers
def servers(request: HttpRequest) -> HttpResponse:
    """Every server in the order in which they are tried."""
    panel = ControlPanel(request, placeholder=_("Description, server or filter…"), target="#servers")
    every = list(Server.objects.custom())
    active = [server for server in every if server.active]
    panel.tabs = [
        Tab("", pgettext("servers", "Active"), len(active)),
        Tab("archived", pgettext("servers", "Archived"), len(every) - len(active)),
    ]
    shown = [server for server in every if server.active != (panel.state == "archived")]
    rows = [(server, condition_of(server)) for server in shown if _matches(server, panel.words)]
    context = {
        "panel": panel,
        "rows": rows,
        "options": Options.load(),
        "environment": environment_server(),
    }
    return respond(request, "mail/servers.html", "mail/_servers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
@sensitive_post_parameters("password")
def server(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The form of one server, or of a new one."""
    form = _form(request, pk)
    if request.method != "POST":
        return render(request, "mail/server.html", _context(form))
    if not form.is_valid():
        return render(request, "mail/server.html", _context(form), status=422)
    with transaction.atomic():
        saved = form.save()
        if saved.blocked_cause and form.connects_anew:
            release(saved)
    messages.success(request, _("The server “%(name)s” was saved.") % {"name": saved.name})
    return redirect(request, reverse("mail:server", args=[saved.pk]))


@require_POST
@manages_servers
@sensitive_post_parameters("password")
def probe(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Connect with the values on the screen, saved or not, and say how far it went. Sends nothing."""
    form = _form(request, pk)
    errors = form.connection_errors
    report = None if errors else probe_now(form.endpoint())
    released = bool(report and report.ok and pk and not form.connects_anew)
    if released:
        release(form.instance)
    context = {**_context(form), "errors": errors, "report": report, "was_tested": True, "released": released}
    if is_partial(request):
        return render(request, "mail/_server_test.html", context)
    return render(request, "mail/server.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a server after a question; what waits for it takes another way."""
    one = get_object_or_404(Server.objects.custom(), pk=pk)
    if request.method == "POST":
        one.delete()
        messages.success(request, _("The server “%(name)s” was deleted.") % {"name": one.name})
        return redirect(request, reverse("mail:servers"))
    waiting = Mail.objects.filter(server=one, state=Mail.State.QUEUED).count()
    question = {
        "title": _("Delete the server “%(name)s”?") % {"name": one.name},
        "text": _farewell(waiting),
        "action": request.path,
        "cancel_url": reverse("mail:server", args=[one.pk]),
        "yes": _("Delete"),
        "danger": True,
    }
    return render(request, "ui/confirm.html", question)


def _farewell(waiting: int) -> str:
    if not waiting:
        return _("No e-mail waits for it. Archived instead of deleted, it could be used again.")
    return ngettext(
        "%(count)s e-mail waits for it and will take another way, or fail when there is none.",
        "%(count)s e-mails wait for it and will take another way, or fail when there is none.",
        waiting,
    ) % {"count": waiting}


def release(server: Server) -> None:
    """It works: it is no longer stopped, and what waited for it goes at once."""
    if server.blocked_cause or server.trouble_since:
        server.unblock()
        for lane in Lane:
            bell.ring(lane)


def _form(request: HttpRequest, pk: int | None) -> ServerForm:
    instance = get_object_or_404(Server.objects.custom(), pk=pk) if pk else Server()
    if request.method == "POST":
        return ServerForm(request.POST, request.FILES, instance=instance)
    return ServerForm(instance=instance)


def _context(form: ServerForm) -> dict[str, Any]:
    known = Server.objects.filter(pk=form.instance.pk).first() if form.instance.pk else None
    return {
        "form": form,
        # As it is stored: the title and the state do not change while someone types.
        "server": known,
        "condition": condition_of(known) if known else None,
        "waiting": Mail.objects.filter(server=known, state=Mail.State.QUEUED).count() if known else 0,
        "ports": json.dumps({str(security.value): port for security, port in Server.PORTS.items()}),
    }


def _matches(server: Server, words: str) -> bool:
    text = f"{server.name} {server.host} {server.from_filter} {server.username}".lower()
    return all(word in text for word in words.lower().split())
