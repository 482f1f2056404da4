"""General options: whose servers mail leaves through, under which domain, and how foreign domains are treated."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from daeris.ui.htmx import redirect
from mail import audit
from mail.forms.oauth import OAuthClientForm, client_forms
from mail.forms.options import OptionsForm
from mail.models import Mail, Options, Provider, Server
from mail.planning import environment_server
from mail.trouble_ahead import troubled_users
from mail.views.access import manages_servers
from mail.views.impact import ask_first
from mail.views.oauth import save_client

# The fields of the OAuth clients: saved before any question, whose page repeats the other answers.
SECRETS = tuple(f"{provider}-" for provider in Provider.values)


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
@sensitive_post_parameters(*(f"{provider}-client_secret" for provider in Provider.values))
def options(request: HttpRequest) -> HttpResponse:
    """Read and save the options. Switching the own servers off is asked once more."""
    form, clients = OptionsForm(request.POST or None, instance=Options.load()), client_forms(request.POST)
    if request.method != "POST":
        return render(request, "mail/options.html", _context(request, form, clients))
    posted = [client for client in clients if client.is_bound]
    if not all([form.is_valid(), *(client.is_valid() for client in posted)]):
        return render(request, "mail/options.html", _context(request, form, clients), status=422)
    # Before any question, which repeats the answers in its page: secrets are not among them.
    for client in posted:
        save_client(request, client)
    if form.switches_off and "confirmed" not in request.POST:
        return render(request, "mail/options_off.html", _consequences(request))
    farewell = (
        _("The alias domain %(name)s is deleted with its addresses.") % {"name": form.forgets} if form.forgets else ""
    )
    if question := ask_first(request, lambda: _save(request), reverse("mail:options"), text=farewell, without=SECRETS):
        return question
    with audit.recording(request.user):
        form.save()
    messages.success(request, _("The options were saved."))
    return redirect(request, reverse("mail:options"))


def _save(request: HttpRequest) -> None:
    form = OptionsForm(request.POST, instance=Options.load())
    form.is_valid()
    form.save()


def _context(request: HttpRequest, form: OptionsForm, clients: list[OAuthClientForm]) -> dict[str, object]:
    troubled, more = troubled_users()
    return {
        "form": form,
        "clients": clients,
        "callback_url": request.build_absolute_uri(reverse("mail:oauth_callback")),
        "environment": environment_server(),
        "troubled": troubled,
        "more_troubled": more,
        "servers": Server.objects.custom().filter(active=True).count(),
        # Shown only while on; without script a second look shows it after the first save.
        "is_on": form.was_on or bool(form["custom_servers"].value()),
    }


def _consequences(request: HttpRequest) -> dict[str, object]:
    own = Server.objects.custom()
    return {
        "answers": [(name, value) for name, value in request.POST.items() if not name.startswith(("csrf", *SECRETS))],
        "environment": environment_server(),
        "servers": own.filter(active=True).count(),
        "waiting": Mail.objects.filter(state=Mail.State.QUEUED, server__in=own).count(),
    }
