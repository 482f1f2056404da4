"""One URL, two answers: the page, or the part of it that htmx swaps in."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event


class SeeOther(HttpResponseRedirect):
    """Go on with GET, whatever the method was."""

    status_code = 303


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a part. Going back in history asks for the whole page."""
    details = getattr(request, "htmx", None)
    return bool(details) and not details.history_restore_request  # type: ignore[union-attr]


def respond(
    request: HttpRequest, page: str, partial: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The partial for htmx, the page for everyone else."""
    response = render(request, partial if is_partial(request) else page, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def toast(response: HttpResponse, text: str | Promise, *, tone: str = "success", undo: str = "") -> HttpResponse:
    """The same response, which also shows a short message; `undo` is an address that takes the change back."""
    return trigger_client_event(response, "toast", {"text": str(text), "tone": tone, "undo": undo})


def redirect(request: HttpRequest, url: str) -> HttpResponse:
    """Send the whole page to `url`, whoever asks."""
    return HttpResponseClientRedirect(url) if getattr(request, "htmx", None) else SeeOther(url)
