"""The story of the settings: who changed what, and when."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from daeris.ui.htmx import respond
from daeris.ui.paging import KeyPager
from mail.changes import events
from mail.models import Change, Domain, IdentityRule, Server
from mail.views.access import manages_servers

PAGE = 50
# What belongs to each page: the kinds of `Change`, and where the page is.
SCOPES: dict[str, tuple[Sequence[str], str, Promise]] = {
    "servers": (("server",), "mail:servers", _("Outgoing mail servers")),
    "options": (("options", "oauthclient", "domain"), "mail:options", _("General options")),
    "aliases": (("domain", "identityrule"), "mail:aliases", _("Mail aliases")),
}
# What has a form of its own: its rows, its page, and that of all of its kind.
ONES: dict[str, tuple[Callable[[], QuerySet[Any]], str, str]] = {
    "server": (Server.objects.custom, "mail:server", "mail:servers"),
    "domain": (Domain.objects.all, "mail:domain", "mail:aliases"),
    "identityrule": (IdentityRule.objects.all, "mail:identity", "mail:aliases"),
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
def of_one(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """What was changed on one server, domain or identity, also after it was deleted."""
    rows, form, others = ONES[kind]
    story = Change.objects.filter(kind=kind, object_id=pk)
    one = rows().filter(pk=pk).first()
    if one is None and not story.exists():
        raise Http404
    title = str(one) if one else story.latest("pk").object_name
    back_url = reverse(form, args=[pk]) if one else reverse(others)
    return _page(request, story, {"title": title, "back_url": back_url, "is_of_many": False})


def _page(request: HttpRequest, story: Any, context: dict[str, Any]) -> HttpResponse:
    page = KeyPager(("-pk",), PAGE).page(request, story, count=False)
    context |= {"page": page, "events": events(page.rows), "path": request.path}
    return respond(request, "mail/changes.html", "mail/_changes.html", context)
