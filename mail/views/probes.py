"""The test of a connection, with the values on the screen: begun by a button, its steps asked for as they come."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from daeris.ui.htmx import is_partial
from mail import probe_runs
from mail.forms.probes import ProbeForm
from mail.forms.servers import ServerForm
from mail.models import Contact, Probe
from mail.probe_report import ProbeReport
from mail.probe_senders import senders_of
from mail.probing import Trial
from mail.views.access import manages_servers
from mail.views.server_form import SECRETS, context_of, form_of


@require_POST
@manages_servers
@sensitive_post_parameters(*SECRETS)
def begin(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Test the server on the screen, saved or not; with script in the background, else before the answer."""
    form, asked = form_of(request, pk), ProbeForm(request.POST)
    context: dict[str, Any] = {"probe_errors": errors_of(form, asked), "probe_form": asked, "was_tested": True}
    if not context["probe_errors"]:
        go = probe_runs.start if is_partial(request) else probe_runs.run
        try:
            probe = go(_trial(form, asked), user=request.user, server=form.instance if pk else None)
        except probe_runs.NoRoom:
            context["probe_errors"] = {"": [_("Several tests are under way already. Try again in a moment.")]}
        else:
            context |= context_of_probe(probe)
    if is_partial(request):
        return render(request, "mail/_probe.html", context)
    return render(request, "mail/server.html", {**context_of(form), **context})


@require_safe
@never_cache
@login_required
def probe(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How a test goes: its steps so far, for the person who began it. 204 when there is nothing new."""
    user: Any = request.user
    if not user.has_perm("mail.manage_servers"):
        raise Http404
    one = Probe.objects.filter(pk=pk, user=user).first()
    # A page that asks what became of it is told; it is deleted with its server.
    context = context_of_probe(one) if one else {"is_running": False, "is_gone": True}
    if not is_partial(request):
        if one is None:
            raise Http404
        response = render(request, "mail/probe.html", context)
    elif context["is_running"] and request.GET.get("have") == context["version"]:
        response = HttpResponse(status=204)
    else:
        response = render(request, "mail/_probe.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def context_of_probe(probe: Probe) -> dict[str, Any]:
    """What the report of a test needs, whether it is over or not."""
    is_interrupted = probe_runs.is_interrupted(probe)
    report = ProbeReport.of(probe.steps)
    return {
        "probe": probe,
        "report": report.finished() if is_interrupted else report,
        "is_interrupted": is_interrupted,
        "is_running": probe.finished_at is None and not is_interrupted,
        "version": str(len(probe.steps)),
        # Something else than what is stored was tested.
        "is_still_stopped": bool(probe.finished_at and probe.server and probe.server.blocked_cause),
        "probe_url": reverse("mail:probe", args=[probe.pk]),
    }


def usual_recipient(user: Any) -> str:
    """Whom a test names as recipient unless told otherwise: whoever asks for it."""
    known = Contact.objects.filter(user_id=user.pk).values_list("email", flat=True).first()
    return known or str(getattr(user, "email", ""))


def errors_of(form: ServerForm, asked: ProbeForm) -> dict[str, list[str]]:
    """What keeps the test from being made: the label of each wrong field, and what is wrong."""
    found = dict(form.connection_errors)
    # That the provider needs a filter is said on saving; whom an unreadable one lets through is not known.
    if "from_filter" in form.errors and not form.has_error("from_filter", "required"):
        found[str(form.fields["from_filter"].label)] = list(map(str, form.errors["from_filter"]))
    for name, errors in asked.errors.items():
        found[str(asked.fields[name].label)] = list(map(str, errors))
    return found


def _trial(form: ServerForm, asked: ProbeForm) -> Trial:
    senders, untried = senders_of(form.instance)
    return Trial(
        form.endpoint(),
        senders=senders,
        untried=untried,
        recipient=asked.cleaned_data["test_to"],
        sends=asked.cleaned_data["test_send"],
        preset=form.instance.preset,
    )
