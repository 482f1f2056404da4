"""Why each server that a mail does not leave through is not the one: for whoever asks, and for the simulator."""

from collections.abc import Iterable, Sequence

from mail.addresses import InvalidAddress, domain_of
from mail.decisions import Decision, RouteError, Sentence, ServerFacts, Step
from mail.routing import Question

# Nothing would change with another server.
_UNSENDABLE = {RouteError.FROM_MISSING, RouteError.FROM_INVALID}


def passed_over(
    question: Question, decision: Decision, every: Iterable[ServerFacts]
) -> list[tuple[ServerFacts, Sentence]]:
    """Each of these servers but the chosen one, with the reason, in the order in which they are tried.

    Empty when the mail could not leave through any.
    """
    if decision.error in _UNSENDABLE:
        return []
    chosen = decision.server
    others = sorted(every, key=lambda server: (server.priority, server.id))
    counting = {server.id for server in question.servers}
    return [
        (server, _reason(question, decision, server, counts=server.id in counting))
        for server in others
        if chosen is None or server.id != chosen.id
    ]


def _reason(question: Question, decision: Decision, server: ServerFacts, *, counts: bool) -> Sentence:
    if decision.step is Step.ASKED or decision.error is RouteError.SERVER_ARCHIVED:
        return _tell("passed_asked", decision, server)
    if not counts:
        return _tell("passed_switched_off", decision, server)
    if not server.active or decision.server is None:
        return _tell("passed_archived", decision, server)
    step = _step_of(question, server)
    if step is Step.FALLBACK and decision.step is not Step.FALLBACK:
        senders = filter(None, (_author(question), _default_from(question)))
        return _tell("passed_filter", decision, server, senders=", ".join(dict.fromkeys(senders)))
    if step is not decision.step:
        return _tell(f"passed_{step.value}", decision, server)
    if step is Step.FALLBACK:
        return _tell("passed_fallback", decision, server)
    if server.priority == decision.server.priority:
        return _tell("passed_older", decision, server)
    return _tell("passed_priority", decision, server)


def _step_of(question: Question, server: ServerFacts) -> Step:
    """The first step of the ladder on which this server would be found."""
    lists = server.from_filter
    found: Sequence[tuple[Step, str]] = [
        (Step.AUTHOR_ADDRESS, _author(question)),
        (Step.DEFAULT_ADDRESS, _default_from(question)),
    ]
    domains = {Step.AUTHOR_ADDRESS: Step.AUTHOR_DOMAIN, Step.DEFAULT_ADDRESS: Step.DEFAULT_DOMAIN}
    for step, sender in found:
        if sender and lists.lists_address(sender):
            return step
        if sender and lists.lists_domain(domain_of(sender)):
            return domains[step]
    return Step.FALLBACK if lists else Step.NO_FILTER


def _author(question: Question) -> str:
    address = question.author.address.strip() if question.author else ""
    try:
        domain_of(address)
    except InvalidAddress:
        return ""
    return address


def _default_from(question: Question) -> str:
    return question.domain.default_from if question.domain else ""


def _tell(code: str, decision: Decision, server: ServerFacts, **more: str) -> Sentence:
    chosen = decision.server
    return Sentence(
        code,
        {
            "chosen": chosen.name if chosen else "",
            "chosen_priority": chosen.priority if chosen else 0,
            "priority": server.priority,
            **more,
        },
    )
