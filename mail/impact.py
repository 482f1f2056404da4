"""What a change of settings will change, and for whom: found by making it, looking, and taking it back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from mail import planning
from mail.addresses import Mailbox
from mail.models import Contact, Mail
from mail.routing import Decision

# So many users are looked at, the first by name; a larger company reads "and others".
MOST_USERS = 200


@dataclass(frozen=True, slots=True)
class Way:
    """How a mail of somebody leaves: the header From and the server, or why it does not."""

    header_from: str
    server: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """Somebody whose mail leaves another way afterwards."""

    who: str
    before: Way
    after: Way


@dataclass(frozen=True, slots=True)
class Impact:
    """Everybody whose mail leaves another way, and how much waiting mail is planned anew."""

    effects: tuple[Effect, ...]
    waiting: int
    is_cut: bool

    def __bool__(self) -> bool:
        return bool(self.effects)


def impact_of(change: Callable[[], object]) -> Impact:
    """What `change` would do. It runs in a transaction that is rolled back: it must touch nothing but the database."""
    people = _people()
    before = _ways(people)
    with transaction.atomic():
        change()
        after = _ways(people)
        transaction.set_rollback(True)
    effects = tuple(Effect(who, way, after[who]) for who, way in before.items() if way != after[who])
    waiting = Mail.objects.filter(state=Mail.State.QUEUED).count() if effects else 0
    return Impact(effects, waiting, is_cut=len(people) > MOST_USERS)


def _people() -> dict[str, Mailbox | None]:
    contacts = Contact.objects.internal().exclude(email="").order_by("name", "pk")[:MOST_USERS]
    users = {f"{contact.name} <{contact.email}>": Mailbox(contact.name, contact.email) for contact in contacts}
    return {**users, _("Mail without an author"): None}


def _ways(people: Mapping[str, Mailbox | None]) -> dict[str, Way]:
    snapshot = planning.snapshot()
    return {who: _way(planning.plan(author=author, snapshot=snapshot)) for who, author in people.items()}


def _way(decision: Decision) -> Way:
    return Way(
        header_from=str(decision.header_from) if decision.header_from else "",
        server=decision.server.name if decision.server else "",
        error=decision.error.value if decision.error else "",
    )
