"""Mail aliases: the addresses that are ours on the default domain."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from daeris.ui.htmx import redirect
from mail.forms.options import AliasesForm, default_domain
from mail.planning import default_from_of
from mail.views.access import manages_servers


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def aliases(request: HttpRequest) -> HttpResponse:
    """Read and save the default From; without an alias domain the page says where to name one."""
    domain = default_domain()
    if domain is None:
        if request.method == "POST":
            return redirect(request, reverse("mail:aliases"))
        return render(request, "mail/aliases.html", {"domain": None})
    address = default_from_of(domain.name, domain.default_from)
    form = AliasesForm(request.POST or None, instance=domain)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("The aliases were saved."))
        return redirect(request, reverse("mail:aliases"))
    status = 422 if form.is_bound else 200
    return render(request, "mail/aliases.html", {"domain": domain, "form": form, "address": address}, status=status)
