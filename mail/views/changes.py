"""The story of the settings: who changed what, and when."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from daeris.ui.htmx import respond
from daeris.ui.paging import KeyPager
from mail.changes import events
from mail.models import Change, Server
from mail.views.access import manages_servers

PAGE = 50
# What belongs to each page: the kinds of `Change`, and where the page is.
SCOPES: dict[str, tuple[Sequence[str], str, Promise]] = {
    "servers": (("server",), "mail:servers", _("Outgoing mail servers")),
    "options": (("options", "oauthclient", "domain"), "mail:options", _("General options")),
    "aliases": (("domain", "identityrule"), "mail:aliases", _("Mail aliases")),
}


@require_safe
@manages_servers
def changes(request: HttpRequest, scope: str) -> HttpResponse:
    """What was changed on the servers, the options, or the aliases; what was deleted keeps its story."""
    kinds, url, title = SCOPES[scope]
    context = {"title": title, "back_url": reverse(url), "is_of_many": True}
    return _page(request, Change.objects.filter(kind__in=kinds), context)


@require_safe
@manages_servers
def server_changes(request: HttpRequest, pk: int) -> HttpResponse:
    """What was changed on one server."""
    story = Change.objects.filter(kind="server", object_id=pk)
    server = Server.objects.custom().filter(pk=pk).first()
    if server is None and not story.exists():
        raise Http404
    title = server.name if server else story.latest("pk").object_name
    back_url = reverse("mail:server", args=[pk]) if server else reverse("mail:servers")
    return _page(request, story, {"title": title, "back_url": back_url, "is_of_many": False})


def _page(request: HttpRequest, story: Any, context: dict[str, Any]) -> HttpResponse:
    page = KeyPager(("-pk",), PAGE).page(request, story, count=False)
    context |= {"page": page, "events": events(page.rows), "path": request.path}
    return respond(request, "mail/changes.html", "mail/_changes.html", context)
