"""Pausing what leaves: everything, what people wait for, or mass mail."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from daeris.ui.htmx import redirect, respond
from daeris.ui.paging import Count, bounded_counts
from mail import audit, pauses
from mail.models import Lane, Mail
from mail.views.access import manages_servers

LANES: Mapping[str, tuple[str, ...]] = {
    "everything": tuple(Lane.values),
    Lane.TRANSACTIONAL.value: (Lane.TRANSACTIONAL.value,),
    Lane.MASS.value: (Lane.MASS.value,),
}
NAMES = {Lane.TRANSACTIONAL: gettext_lazy("Transactional e-mail"), Lane.MASS: gettext_lazy("Mass mail")}
WHAT = {
    Lane.TRANSACTIONAL: gettext_lazy("Messages of conversations, and what else people wait for."),
    Lane.MASS: gettext_lazy("Mailings to many."),
}


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane: whether it is paused, and how much waits in it."""

    lane: str
    name: str | Promise
    what: str | Promise
    is_paused: bool
    waiting: Count


@require_http_methods(["GET", "HEAD", "POST"])
@manages_servers
def paused(request: HttpRequest) -> HttpResponse:
    """How both lanes are; POST pauses or lets go on what `what` names."""
    if request.method == "POST":
        return _change(request)
    held = pauses.current()
    context = {"lanes": _states(held), "held": held}
    return respond(request, "mail/pauses.html", "mail/_pauses.html", context)


def _change(request: HttpRequest) -> HttpResponse:
    lanes = LANES.get(request.POST.get("what", ""))
    if lanes is None or request.POST.get("paused") not in ("0", "1"):
        return HttpResponseBadRequest()
    hold = request.POST["paused"] == "1"
    with audit.recording(request.user):
        pauses.pause(lanes, paused=hold)
    messages.success(request, _("Sending is paused.") if hold else _("Sending goes on."))
    # The whole page: the bar above it says it, too.
    return redirect(request, reverse("mail:servers" if "from_list" in request.POST else "mail:pauses"))


def _states(held: pauses.Pauses) -> list[LaneState]:
    waiting = Mail.objects.filter(state=Mail.State.QUEUED)
    counts = bounded_counts({lane.value: waiting.filter(lane=lane) for lane in Lane})
    return [LaneState(lane.value, NAMES[lane], WHAT[lane], held.holds(lane), counts[lane.value]) for lane in Lane]
