"""With which server would it leave? The decision for a mail that nobody has written, and why not with the others."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from daeris.ui.htmx import respond
from mail import explanations
from mail.addresses import Mailbox
from mail.conditions import Condition, conditions_of
from mail.forms.simulator import SimulatorForm
from mail.models import Contact, Lane, Server
from mail.routing import Decision
from mail.simulation import Simulation, author_from, simulate
from mail.views.access import manages_servers

# Offered while one types; any other address may be written.
MOST_SENDERS = 100


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A server that is not the one, and why."""

    name: str
    reason: str
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Result:
    """The answer, in words."""

    decision: Decision
    tone: str
    title: str
    why: str
    warnings: list[str]
    answers: Mailbox | None
    condition: Condition | None
    passed: list[PassedOver]
    step: str


@require_safe
@manages_servers
def simulator(request: HttpRequest) -> HttpResponse:
    """The questions, and the answer once something was asked."""
    is_asked = bool(request.GET)
    form = SimulatorForm(request.GET if is_asked else None, initial={"lane": Lane.TRANSACTIONAL})
    result = None
    if is_asked and form.is_valid():
        result = _result(_simulation(form))
    users = Contact.objects.internal().exclude(email="").order_by("name")[:MOST_SENDERS]
    senders = [str(Mailbox(user.name, user.email)) for user in users]
    context = {"form": form, "result": result, "senders": senders}
    return respond(request, "mail/simulator.html", "mail/_simulation.html", context)


def _simulation(form: SimulatorForm) -> Simulation:
    asked = form.cleaned_data["server"]
    return simulate(
        author_from(form.cleaned_data["sender"]),
        lane=form.cleaned_data["lane"],
        asked_server_id=asked.pk if asked else None,
        of=form.about,
    )


def _result(simulation: Simulation) -> Result:
    decision = simulation.decision
    conditions = conditions_of(Server.objects.select_related("grant"))
    sentences = [decision.why] if decision.why else []
    return Result(
        decision=decision,
        tone=explanations.tone_of(decision),
        title=_title(decision),
        why=" ".join(explanations.render(sentence) for sentence in sentences),
        warnings=[explanations.render(sentence) for sentence in decision.warnings],
        answers=decision.reply_to or decision.header_from,
        condition=conditions.get(decision.server.id) if decision.server else None,
        passed=[
            PassedOver(server.name, explanations.render(reason), conditions.get(server.id))
            for server, reason in simulation.passed
        ],
        step=explanations.step_name(decision.step) if decision.step else "",
    )


def _title(decision: Decision) -> str:
    values: dict[str, Any] = {"server": decision.server.name if decision.server else ""}
    if decision.error:
        return _("It would not leave")
    if decision.rewritten:
        return _("It leaves through %(server)s, under another address") % values
    return _("It leaves through %(server)s") % values
