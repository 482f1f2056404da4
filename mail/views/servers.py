"""The outgoing servers: list, removal, and how each is doing."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_http_methods, require_safe

from daeris.ui.htmx import redirect, respond
from daeris.ui.lists import ControlPanel, Tab
from mail import bell, causes
from mail.certificates import expiry_warning
from mail.models import Lane, Mail, Options, Server
from mail.planning import environment_server
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
    if ending := expiry_warning(server.client_certificate):
        stage, words = ending
        if stage == 0:
            return Condition(gettext_lazy("Certificate expired"), "danger", "calendar-x", words)
        return Condition(gettext_lazy("Certificate ends soon"), "warning", "calendar-clock", words)
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


def _matches(server: Server, words: str) -> bool:
    text = f"{server.name} {server.host} {server.from_filter} {server.username}".lower()
    return all(word in text for word in words.lower().split())
