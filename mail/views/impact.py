"""The question before settings are saved that change for somebody how mail leaves."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from mail.impact import impact_of

CONFIRMED = "confirmed"


def ask_first(
    request: HttpRequest,
    change: Callable[[], object],
    cancel_url: str,
    *,
    text: str = "",
    without: tuple[str, ...] = (),
) -> HttpResponse | None:
    """A page that shows for whom `change` would change what; None when it changes nothing, or was confirmed.

    With a text there is always something to ask.
    The page repeats the answers of the form, except for fields whose names begin with one of `without`: secrets.
    """
    if CONFIRMED in request.POST:
        return None
    impact = impact_of(change)
    if not impact and not text:
        return None
    question = {
        "text": text,
        "title": _("Save these changes?"),
        "impact": impact,
        "answers": [(name, value) for name, value in request.POST.items() if not name.startswith(("csrf", *without))],
        "action": request.path,
        "cancel_url": cancel_url,
        "yes": _("Save"),
    }
    return render(request, "mail/impact.html", question)
