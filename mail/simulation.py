"""What would become of a mail that nobody has written: which server, which From, why, and why none of the others."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model

from mail import planning
from mail.addresses import InvalidAddress, Mailbox, domain_of, parse_mailbox
from mail.alternatives import passed_over
from mail.domains.dmarc import Policy
from mail.domains.policies import policies_known, policies_now
from mail.models import Contact, Lane
from mail.planning import NOTHING, About
from mail.routing import Decision, Question, Sentence, ServerFacts


@dataclass(frozen=True, slots=True)
class Simulation:
    """The decision, and all that there is to tell about it."""

    decision: Decision
    passed: tuple[tuple[ServerFacts, Sentence], ...] = ()
    # The DMARC policy that was looked at, and of which domain.
    policy: Policy | None = None
    policy_domain: str = ""


def simulate(
    author: Mailbox | None,
    *,
    lane: str = Lane.TRANSACTIONAL,
    asked_server_id: int | None = None,
    of: About = NOTHING,
) -> Simulation:
    """The decision for such a mail under the settings of now. A foreign policy is looked up where it matters."""
    known = planning.snapshot()
    question = planning.question(author=author, lane=lane, asked_server_id=asked_server_id, of=of, snapshot=known)
    question = informed(question)
    decision = question.choice()
    domain = _domain(author)
    return Simulation(
        decision=decision,
        passed=tuple(passed_over(question, decision, known.every)),
        policy=question.rules.policies.get(domain),
        policy_domain=domain if domain in question.rules.policies else "",
    )


def informed(question: Question, *, look_up: bool = True) -> Question:
    """The question with the policy that it waits for: looked up, or as far as it is known already."""
    if not question.awaits:
        return question
    find = policies_now if look_up else policies_known
    return question.knowing(find([question.awaits]))


def author_from(text: str) -> Mailbox | None:
    """The author that a text means: an address, or a user by name; None for none.

    What is wrong with it the decision says.
    """
    if not text.strip():
        return None
    try:
        return parse_mailbox(text)
    except InvalidAddress:
        user = _user_named(text.strip())
    if user is None:
        return Mailbox("", text)
    return Mailbox(user.name, user.email) if user.email.strip() else None


def _user_named(name: str) -> Contact | None:
    """The contact of the user who logs in by this name."""
    if "\0" in name:
        return None
    return Contact.objects.internal().filter(**{f"user__{get_user_model().USERNAME_FIELD}": name}).first()


def _domain(author: Mailbox | None) -> str:
    try:
        return domain_of(author.address) if author and author.address else ""
    except InvalidAddress:
        return ""
