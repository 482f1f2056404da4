"""The account of a server becomes the default From, after a page that shows for whom that changes what."""

from functools import partial
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from daeris.ui.htmx import redirect
from mail import audit
from mail.addresses import InvalidAddress, normalise
from mail.default_sender import use_as_default_from
from mail.impact import impact_of
from mail.models import Server
from mail.views.access import manages_servers

# The server was archived by the same click, which is asked about afterwards.
ARCHIVES = "archives"


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def default_from(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and do it when the answer is yes."""
    server = get_object_or_404(Server.objects.custom(), pk=pk)
    back = _page(server, archives=ARCHIVES in request.GET)
    if request.method == "POST" or not _is_address(server.username):
        return _use(request, server, back)
    question = {
        "title": _("Use %(address)s as default From?") % {"address": server.username},
        "impact": impact_of(partial(use_as_default_from, server.username)),
        "action": request.get_full_path(),
        "cancel_url": back,
        "yes": _("Use as default From"),
    }
    return render(request, "mail/impact.html", question)


def begin(request: HttpRequest, server: Server, *, archives: bool) -> HttpResponse:
    """Go and ask; where it changes nobody's mail, do it at once."""
    if _is_address(server.username) and impact_of(partial(use_as_default_from, server.username)):
        query = f"?{urlencode({ARCHIVES: 1})}" if archives else ""
        return redirect(request, reverse("mail:server_default_from", args=[server.pk]) + query)
    return _use(request, server, _page(server, archives=archives))


def _use(request: HttpRequest, server: Server, back: str) -> HttpResponse:
    if _is_address(server.username):
        with audit.recording(request.user):
            use_as_default_from(server.username)
        messages.success(request, _("The default From is %(address)s now.") % {"address": server.username})
    else:
        messages.error(request, _("The user name is no address, so it cannot be the default From."))
    return redirect(request, back)


def _is_address(text: str) -> bool:
    try:
        return bool(normalise(text))
    except InvalidAddress:
        return False


def _page(server: Server, *, archives: bool) -> str:
    return reverse("mail:server_active" if archives else "mail:server", args=[server.pk])
