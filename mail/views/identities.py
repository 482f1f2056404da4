"""Identities: under which address mail about each kind of document leaves, in the order in which the lines count."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from daeris.ui.htmx import is_partial, redirect
from mail import audit, planning
from mail.document_kinds import name_of
from mail.forms.identities import IdentityForm
from mail.impact import impact_of
from mail.models import IdentityRule
from mail.views.access import manages_servers
from mail.views.impact import ask_first

STEPS = {"up": -1, "down": 1}


def identity_rows() -> list[dict[str, Any]]:
    """The table: each line with what it speaks of, and the whole address it means."""
    rules = list(IdentityRule.objects.select_related("document_type", "team"))
    default = planning.snapshot().domain_for(None).name
    return [
        {
            "rule": rule,
            "kind": name_of(rule.document_type) if rule.document_type else "",
            "address": planning.default_from_of(default, rule.default_from),
            "is_first": rule is rules[0],
            "is_last": rule is rules[-1],
        }
        for rule in rules
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def identity(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The form of one line, or of a new one."""

    def fresh() -> IdentityForm:
        rule = get_object_or_404(IdentityRule, pk=pk) if pk else IdentityRule()
        return IdentityForm(request.POST or None, instance=rule)

    form = fresh()
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "mail/identity.html", {"form": form, "pk": pk}, status=status)
    if question := ask_first(request, lambda: _save(fresh()), _table()):
        return question
    with audit.recording(request.user):
        form.save()
    messages.success(request, _("The identity was saved."))
    return redirect(request, _table())


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a line away after a question."""
    rule = get_object_or_404(IdentityRule, pk=pk)
    if request.method == "POST":
        with audit.recording(request.user):
            rule.delete()
        messages.success(request, _("The identity was deleted."))
        return redirect(request, _table())
    question = {
        "title": _("Delete the identity %(address)s?") % {"address": rule.default_from},
        "text": _("Mail about these documents will leave under the next identity that fits, or that of the domain."),
        "impact": impact_of(lambda: IdentityRule.objects.get(pk=pk).delete()),
        "action": request.path,
        "cancel_url": _table(),
        "yes": _("Delete"),
        "danger": True,
    }
    return render(request, "mail/impact.html", question)


@require_POST
@manages_servers
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """One line up or down; at the end it stays where it is."""
    step = STEPS.get(request.POST.get("direction", ""))
    if step is None:
        raise Http404
    with audit.recording(request.user), transaction.atomic():
        rules = list(IdentityRule.objects.select_for_update())
        place = next((place for place, rule in enumerate(rules) if rule.pk == pk), None)
        if place is None:
            raise Http404
        rules.insert(max(0, place + step), rules.pop(place))
        # Whatever the numbers were: afterwards they are the order.
        for position, rule in enumerate(rules):
            if rule.position != position:
                rule.position = position
                rule.save(update_fields=["position"])
    if is_partial(request):
        return render(request, "mail/_identities.html", {"identities": identity_rows(), "moved": pk})
    return redirect(request, _table())


def _save(form: IdentityForm) -> None:
    form.is_valid()
    form.save()


def _table() -> str:
    return reverse("mail:aliases") + "#identities"
