"""Mail aliases: the alias domains, and the addresses that are ours on them."""

from collections.abc import Callable
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from daeris.ui.htmx import redirect
from mail import audit, planning
from mail.decisions import DomainFacts
from mail.forms.domains import AddressesForm, DomainForm, default_domain, delete_domain, heir_of
from mail.impact import impact_of
from mail.models import Domain
from mail.routing import bounce_address, bounce_address_without_token, is_too_long
from mail.views.access import manages_servers
from mail.views.impact import ask_first


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def aliases(request: HttpRequest) -> HttpResponse:
    """The addresses of the default domain, and every other domain; without one the page says what comes first."""
    domain = default_domain()
    if domain is None:
        if request.method == "POST":
            return redirect(request, reverse("mail:aliases"))
        return render(request, "mail/aliases.html", {"domain": None, "domains": _shown()})

    def fresh() -> AddressesForm:
        return AddressesForm(request.POST or None, instance=default_domain())

    form = fresh()
    if request.method != "POST" or not form.is_valid():
        context = {
            "domain": domain,
            "form": form,
            "examples": _examples(domain),
            "domains": _shown(),
        }
        return render(request, "mail/aliases.html", context, status=422 if form.is_bound else 200)
    if question := ask_first(request, lambda: _save(fresh), reverse("mail:aliases")):
        return question
    with audit.recording(request.user):
        form.save()
    messages.success(request, _("The aliases were saved."))
    return redirect(request, reverse("mail:aliases"))


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def domain(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The form of one alias domain, or of a new one."""

    def fresh() -> DomainForm:
        instance = get_object_or_404(Domain, pk=pk) if pk else Domain()
        return DomainForm(request.POST or None, instance=instance)

    form = fresh()
    known = get_object_or_404(Domain, pk=pk) if pk else None
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "domain": known, "examples": _examples(known) if known else None}
        return render(request, "mail/domain.html", context, status=422 if form.is_bound else 200)
    if question := ask_first(request, lambda: _save(fresh), reverse("mail:aliases")):
        return question
    with audit.recording(request.user):
        saved = form.save()
    messages.success(request, _("The domain %(name)s was saved.") % {"name": saved.name})
    return redirect(request, reverse("mail:aliases"))


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove an alias domain after a question that says for whom something changes."""
    one = get_object_or_404(Domain, pk=pk)
    if request.method == "POST":
        with audit.recording(request.user):
            delete_domain(one)
        messages.success(request, _("The domain %(name)s was deleted.") % {"name": one.name})
        return redirect(request, reverse("mail:aliases"))
    heir = heir_of(one)
    question = {
        "text": _("%(name)s becomes the default domain.") % {"name": heir.name} if heir else "",
        "title": _("Delete the domain %(name)s?") % {"name": one.name},
        "impact": impact_of(lambda: delete_domain(Domain.objects.get(pk=pk))),
        "action": request.path,
        "cancel_url": reverse("mail:aliases"),
        "yes": _("Delete"),
        "danger": True,
    }
    return render(request, "mail/impact.html", question)


def _save(fresh: Callable[[], AddressesForm]) -> None:
    form = fresh()
    form.is_valid()
    form.save()


def _shown() -> list[tuple[Domain, dict[str, object]]]:
    return [(one, _examples(one)) for one in Domain.objects.all()]


def _examples(domain: Domain) -> dict[str, object]:
    """The whole addresses that the fields mean; those of a public provider are plus-addresses (design §4)."""
    rules = planning.snapshot().rules
    facts = DomainFacts(domain.name, planning.default_from_of(domain.name, domain.default_from))
    # Both are made alike: only what they are for differs.
    bounce, catchall = (replace(facts, bounce=part) for part in (domain.bounce, domain.catchall))
    whole = [bounce_address_without_token(one, rules) for one in (bounce, catchall)]
    return {
        "address": facts.default_from,
        "bounce": bounce_address(bounce, rules),
        "catchall": bounce_address(catchall, rules),
        "too_long": [address for address in whole if address and is_too_long(address)],
        "is_public": domain.name in rules.providers,
    }
