"""General options: whose servers mail leaves through, under which domain, and how foreign domains are treated."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from daeris.ui.htmx import redirect
from mail.forms.options import OptionsForm
from mail.models import Mail, Options, Server
from mail.planning import environment_server
from mail.views.access import manages_servers


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def options(request: HttpRequest) -> HttpResponse:
    """Read and save the options. Switching the own servers off is asked once more."""
    form = OptionsForm(request.POST or None, instance=Options.load())
    if request.method != "POST":
        return render(request, "mail/options.html", _context(form))
    if not form.is_valid():
        return render(request, "mail/options.html", _context(form), status=422)
    if form.switches_off and "confirmed" not in request.POST:
        return render(request, "mail/options_off.html", _consequences(request))
    form.save()
    messages.success(request, _("The options were saved."))
    return redirect(request, reverse("mail:options"))


def _context(form: OptionsForm) -> dict[str, object]:
    return {
        "form": form,
        "environment": environment_server(),
        "servers": Server.objects.custom().filter(active=True).count(),
        # Shown only while on; without script a second look shows it after the first save.
        "is_on": form.was_on or bool(form["custom_servers"].value()),
    }


def _consequences(request: HttpRequest) -> dict[str, object]:
    own = Server.objects.custom()
    return {
        "answers": [(name, value) for name, value in request.POST.items() if name != "csrfmiddlewaretoken"],
        "environment": environment_server(),
        "servers": own.filter(active=True).count(),
        "waiting": Mail.objects.filter(state=Mail.State.QUEUED, server__in=own).count(),
    }
