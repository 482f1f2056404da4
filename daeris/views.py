"""The front door, and what is said when something is not there."""

import logging

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import redirect, render
from django.template import loader
from django.views.decorators.http import require_safe

from daeris.ui import navigation

logger = logging.getLogger(__name__)


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The first page of the menus that this user may open."""
    pages = navigation.open_entries(request.user)
    return redirect(pages[0][2]) if pages else render(request, "ui/welcome.html")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For health checks: the process answers."""
    return HttpResponse("ok", content_type="text/plain")


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for our own mistakes: no database, no context processors, and no second mistake."""
    try:
        page = loader.get_template("500.html").render()
    except Exception:
        logger.exception("the 500 page could not be drawn")
        page = "<!doctype html><title>500</title><h1>500</h1>"
    return HttpResponseServerError(page)
