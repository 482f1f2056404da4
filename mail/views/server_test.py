"""The test of a connection, with the values on the screen."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from daeris.ui.htmx import is_partial
from mail.probing import probe_now
from mail.views.access import manages_servers
from mail.views.server_form import context_of, form_of
from mail.views.servers import release


@require_POST
@manages_servers
@sensitive_post_parameters("password")
def probe(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Connect with the values on the screen, saved or not, and say how far it went. Sends nothing."""
    form = form_of(request, pk)
    errors = form.connection_errors
    report = None if errors else probe_now(form.endpoint())
    released = bool(report and report.ok and pk and not form.connects_anew)
    if released:
        release(form.instance)
    context = {**context_of(form), "errors": errors, "report": report, "was_tested": True, "released": released}
    if is_partial(request):
        return render(request, "mail/_server_test.html", context)
    return render(request, "mail/server.html", context)
