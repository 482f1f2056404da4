"""Connecting a server's account: to the provider, back again, and away."""

import time
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from daeris.ui.htmx import redirect
from mail import audit, oauth, oauth_tokens
from mail.fields import decrypt, encrypt
from mail.forms.oauth import OAuthClientForm
from mail.models import Grant, Provider, Server
from mail.oauth_errors import ClientRefused, GrantLost, OAuthError, ProviderAway
from mail.releasing import release
from mail.views.access import manages_servers

# What each request under way has to fit when it comes back; in the session, so of this person and this browser.
KEY = "mail_oauth"
SECONDS = 900
MOST = 5

DENIED: dict[str, Promise] = {
    "access_denied": gettext_lazy("The account said no, so nothing was connected."),
    "consent_required": gettext_lazy("An administrator of the organization has to allow the application first."),
    "temporarily_unavailable": gettext_lazy("The provider has a bad moment. Try again in a few minutes."),
    "server_error": gettext_lazy("The provider has a bad moment. Try again in a few minutes."),
}
REFUSED: dict[str, Promise] = {
    "client_missing": gettext_lazy("Client id and secret are missing: write them in the general options first."),
    "refresh_token_missing": gettext_lazy(
        "The provider gave a permission for an hour only. Take the permission away in the account, and connect again."
    ),
    "scope_missing": gettext_lazy(
        "The permission to send e-mail was not given. Connect again and leave its box ticked."
    ),
    "identity_invalid": gettext_lazy("The answer does not say whose account it is, so nothing was connected."),
}


def begin(request: HttpRequest, server: Server, *, archives: bool = False) -> HttpResponse:
    """Send the person to the provider of this server, which is saved.

    Who `archives` it as well, although somebody counts on it, is asked about that on coming back.
    """
    back = request.build_absolute_uri(reverse("mail:oauth_callback"))
    try:
        flow = oauth.start(server.authentication, redirect_uri=back, account=server.username)
    except OAuthError as error:
        messages.error(request, _words(error))
        return redirect(request, _page(server, archives=archives))
    mine = {
        "user": request.user.pk,
        "server": server.pk,
        "provider": server.authentication,
        "verifier": encrypt(flow.verifier),
        "nonce": flow.nonce,
        "back": back,
        "archives": archives,
        "at": time.time(),
    }
    under_way = [*_under_way(request).items(), (flow.state, mine)]
    request.session[KEY] = dict(under_way[-MOST:])
    # A page and not a redirect: `form-action 'self'` lets no form lead to another site, not even by a detour.
    context = {"url": flow.url, "provider": Provider(server.authentication).label, "server": server}
    return render(request, "mail/oauth_leaving.html", context)


@require_GET
@manages_servers
def callback(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the person back to, with a code or with a no."""
    under_way = _under_way(request)
    flow = under_way.pop(request.GET.get("state", ""), None)
    request.session[KEY] = under_way  # good once
    server = Server.objects.custom().filter(pk=flow["server"]).first() if flow else None
    if flow is None or flow["user"] != request.user.pk or server is None:
        return render(request, "mail/oauth_refused.html", status=400)
    if server.authentication != flow["provider"]:
        messages.error(request, _("The server logs in in another way now, so nothing was connected."))
    elif "code" not in request.GET:
        denial = DENIED.get(request.GET.get("error", ""), DENIED["access_denied"])
        messages.error(request, str(denial))
    else:
        _finish(request, server, flow)
    return redirect(request, _page(server, archives=flow.get("archives", False)))


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the tokens of a server, after a question."""
    server = get_object_or_404(Server.objects.custom(), pk=pk)
    here = reverse("mail:server", args=[pk])
    if request.method == "POST":
        with audit.recording(request.user):
            oauth_tokens.disconnect(server)
        messages.success(request, _("The account is disconnected, and its permission forgotten."))
        return redirect(request, here)
    question = {
        "title": _("Disconnect the account of “%(name)s”?") % {"name": server.name},
        "text": _("Nothing leaves through this server until an account is connected again. What waits, waits."),
        "action": request.path,
        "cancel_url": here,
        "yes": _("Disconnect"),
        "danger": True,
    }
    return render(request, "ui/confirm.html", question)


def save_client(request: HttpRequest, form: OAuthClientForm) -> None:
    """Save what the options say of a provider; servers that waited for it try again."""
    if form.has_changed():
        with audit.recording(request.user):
            form.save()
        waiting = Server.objects.custom().filter(authentication=form.provider, blocked_cause="oauth_client")
        for server in waiting:
            release(server)


def _page(server: Server, *, archives: bool) -> str:
    """Where one goes on: the form, or the question before the server is archived."""
    return reverse("mail:server_active" if archives else "mail:server", args=[server.pk])


def _under_way(request: HttpRequest) -> dict[str, dict[str, Any]]:
    """The requests that may still come back, oldest first."""
    kept: dict[str, dict[str, Any]] = request.session.get(KEY, {})
    return {state: flow for state, flow in kept.items() if flow["at"] > time.time() - SECONDS}


def _finish(request: HttpRequest, server: Server, flow: dict[str, Any]) -> None:
    try:
        tokens = oauth.finish(
            flow["provider"],
            code=request.GET["code"],
            verifier=decrypt(flow["verifier"]) or "",
            nonce=flow["nonce"],
            redirect_uri=flow["back"],
        )
    except OAuthError as error:
        messages.error(request, _words(error))
        return
    with audit.recording(request.user), transaction.atomic():
        _fill(server, tokens.account)
        oauth_tokens.keep(server, tokens, request.user.pk)
    release(server)
    messages.success(request, _("Connected as %(account)s.") % {"account": tokens.account or server.username})
    if server.username.lower() != tokens.account.lower():
        words = _("The user name stays %(user)s: that only works for a mailbox that %(account)s may send for.")
        messages.warning(request, words % {"user": server.username, "account": tokens.account})


def _fill(server: Server, account: str) -> None:
    """The account is who logs in, unless somebody else was typed: a shared mailbox of Microsoft."""
    former = Grant.objects.filter(server=server).values_list("account", flat=True).first()
    replaced = server.username in ("", former) or server.authentication == Provider.GOOGLE
    if account and replaced:
        # The filter that we filled follows the account.
        if server.from_filter == server.username:
            server.from_filter = ""
        server.username = account
    if server.authentication == Provider.MICROSOFT and not server.from_filter:
        # Microsoft sends under the account's own addresses only.
        server.from_filter = server.username
    server.save(update_fields=["username", "from_filter"])


def _words(error: OAuthError) -> str:
    if error.code in REFUSED:
        return str(REFUSED[error.code])
    if isinstance(error, ProviderAway):
        return _("The provider does not answer. Try again in a few minutes.")
    if isinstance(error, GrantLost):
        words = _("The provider did not accept the answer; maybe it took too long. Connect again.")
    elif isinstance(error, ClientRefused):
        words = _("The provider does not accept the client id or its secret. Correct them in the general options.")
    else:
        words = _("The account could not be connected.")
    said = error.description or error.code
    return f"{words} ({said[:300]})"
