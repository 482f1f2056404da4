"""The outgoing servers: the list, and what is done to a server from there."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event

from daeris.ui.htmx import is_partial, redirect, respond, toast
from mail import audit, pauses
from mail.conditions import condition_of
from mail.leaving import farewell_of
from mail.models import Server
from mail.ordering import numbered
from mail.planning import environment_server
from mail.views.access import manages_servers
from mail.views.mails import VERSION_HEADER
from mail.views.server_list import listing_of

__all__ = ["active", "condition_of", "delete", "move", "pause", "servers"]

# What the list listens to, to ask for itself.
CHANGED = "servers:changed"


@require_safe
@manages_servers
def servers(request: HttpRequest) -> HttpResponse:
    """Every server in the order in which they are tried; 204 for a list that still shows how things are."""
    listing = listing_of(request)
    if is_partial(request) and request.headers.get(VERSION_HEADER) == listing.version:
        return HttpResponse(status=204)
    context: dict[str, Any] = {"listing": listing, "panel": listing.panel}
    if not is_partial(request):
        context |= {"options": listing.options, "environment": environment_server(), "held": pauses.current()}
    return respond(request, "mail/servers.html", "mail/_servers.html", context)


@require_POST
@manages_servers
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Put an active server in another place: one up, one down, or at a number that counts from 1."""
    with audit.recording(request.user):
        one = get_object_or_404(Server.objects.custom().filter(active=True), pk=pk)
        rows = {row.pk: row for row in Server.objects.custom().filter(active=True)}
        order = list(rows)
        at = order.index(pk)
        wanted = {"up": at - 1, "down": at + 1}.get(request.POST.get("to", ""), _number(request.POST.get("place")))
        if wanted is None:
            return HttpResponseBadRequest()
        order.remove(pk)
        place = max(0, min(wanted, len(order)))
        order.insert(place, pk)
        changed = numbered(order, {row.pk: row.priority for row in rows.values()}, moved=pk) if place != at else {}
        for row_pk, priority in changed.items():
            rows[row_pk].priority = priority
            rows[row_pk].save(update_fields=["priority"])
    words = _("“%(name)s” is in place %(place)s of %(count)s.")
    return _done(request, words % {"name": one.name, "place": place + 1, "count": len(order)})


def _number(text: str | None) -> int | None:
    return int(text) - 1 if text and text.isascii() and text.isdigit() and len(text) < 6 else None


@require_POST
@manages_servers
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Hold what waits for a server, or let it go on."""
    one = get_object_or_404(Server.objects.custom(), pk=pk)
    paused = request.POST.get("paused") == "1"
    with audit.recording(request.user):
        pauses.pause_server(one, paused=paused)
    words = _("“%(name)s” is paused.") if paused else _("“%(name)s” sends again.")
    return _done(request, words % {"name": one.name})


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def active(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a server on or off. Before somebody who counts on it is let down, it says what will happen."""
    one = get_object_or_404(Server.objects.custom(), pk=pk)
    on = request.POST.get("active") == "1"
    farewell = farewell_of(one)
    if request.method != "POST" or (not on and one.active and farewell.matters and "confirmed" not in request.POST):
        if request.method == "POST" and is_partial(request):
            return redirect(request, request.path)
        return respond(request, "mail/leaving.html", "mail/_leaving.html", _question_of_archiving(one, farewell))
    with audit.recording(request.user):
        one.active = on
        one.save(update_fields=["active"])
    words = _("“%(name)s” is active.") if on else _("“%(name)s” is archived.")
    return _done(request, words % {"name": one.name})


def _question_of_archiving(server: Server, farewell: Any) -> dict[str, Any]:
    return {
        "server": server,
        "title": _("Archive the server “%(name)s”?") % {"name": server.name},
        "sentences": farewell.on_archiving,
        "otherwise": _("No e-mail waits for it. It keeps its settings, and can be switched on again."),
        "verb": _("Archive"),
        "icon": "archive",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a server after a question that says what happens to what waits for it."""
    one = get_object_or_404(Server.objects.custom(), pk=pk)
    if request.method == "POST":
        with audit.recording(request.user):
            one.delete()
        messages.success(request, _("The server “%(name)s” was deleted.") % {"name": one.name})
        return redirect(request, reverse("mail:servers"))
    context = {
        "server": one,
        "title": _("Delete the server “%(name)s”?") % {"name": one.name},
        "sentences": farewell_of(one).on_deleting,
        "otherwise": _("No e-mail waits for it. Archived instead of deleted, it could be used again."),
        "verb": _("Delete"),
        "icon": "trash-2",
    }
    return respond(request, "mail/leaving.html", "mail/_leaving.html", context)


def _done(request: HttpRequest, words: str) -> HttpResponse:
    """Said in a toast by the list, which asks for itself; without script on the page that one came from."""
    if is_partial(request):
        return trigger_client_event(toast(HttpResponse(status=204), words), CHANGED)
    messages.success(request, words)
    pk = request.POST.get("back", "")
    return redirect(request, reverse("mail:server", args=[pk]) if pk.isdigit() else reverse("mail:servers"))
