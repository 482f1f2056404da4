"""What a change of settings will change, and for whom: found by making it, looking, and taking it back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from mail import planning
from mail.addresses import Mailbox
from mail.document_kinds import name_of
from mail.domains.policies import policies_now
from mail.models import Contact, IdentityRule, Lane, Mail
from mail.planning import NOTHING, About, Snapshot
from mail.routing import Decision

# So many users are looked at, the first by name; a larger company reads "and others".
MOST_USERS = 200


@dataclass(frozen=True, slots=True)
class Way:
    """How a mail of somebody leaves: the header From and the server, or why it does not."""

    header_from: str
    server: str
    error: str = ""
    # Where failed deliveries are reported, when that is not the header From.
    reports: str = ""

    def differs(self, other: "Way") -> bool:
        """Whether somebody would notice: what does not leave, does not leave for whatever reason."""
        return self != other and not (self.error and other.error)


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


class _Writer(NamedTuple):
    """Whose mail is looked at."""

    author: Mailbox | None = None
    of: About = NOTHING
    lane: str = Lane.TRANSACTIONAL


_Writers = Mapping[str, _Writer]


def impact_of(change: Callable[[], object]) -> Impact:
    """What `change` would do. It runs in a transaction that is rolled back: it must touch nothing but the database."""
    before, kinds = planning.snapshot(), _kinds()
    with transaction.atomic():
        change()
        after, kinds = planning.snapshot(), {**kinds, **_kinds()}
        transaction.set_rollback(True)
    contacts = list(Contact.objects.internal().exclude(email="").order_by("name", "pk")[: MOST_USERS + 1])
    users = {f"{one.name} <{one.email}>": _Writer(Mailbox(one.name, one.email)) for one in contacts[:MOST_USERS]}
    nobody, mass = _("Mail without an author"), _("Mass mail without an author")
    writers: _Writers = {**users, nobody: _Writer(), mass: _Writer(lane=Lane.MASS), **kinds}
    old, new = _ways(writers, before, after)
    if (old[mass], new[mass]) == (old[nobody], new[nobody]):
        del old[mass]  # told with the other
    effects = tuple(Effect(who, way, new[who]) for who, way in old.items() if way.differs(new[who]))
    waiting = Mail.objects.filter(state=Mail.State.QUEUED).count() if effects else 0
    return Impact(effects, waiting, is_cut=len(contacts) > MOST_USERS)


def _kinds() -> dict[str, _Writer]:
    """What there is an identity for; its mail has the domain's address where an author has none."""
    kinds = {}
    for rule in IdentityRule.objects.select_related("document_type", "team"):
        kind, team = rule.document_type, rule.team
        names = [name_of(kind) if kind else "", team.name if team else ""]
        who = _("Mail about: %(documents)s") % {"documents": ", ".join(filter(None, names))}
        kinds[who] = _Writer(of=About(rule.document_type_id, rule.team_id))
    return kinds


def _ways(writers: _Writers, *snapshots: Snapshot) -> list[dict[str, Way]]:
    """How the mail of each leaves under each of these settings. Policies that matter are looked up, all at once."""
    asked = [
        {
            who: planning.question(author=one.author, of=one.of, lane=one.lane, snapshot=snapshot)
            for who, one in writers.items()
        }
        for snapshot in snapshots
    ]
    policies = policies_now({question.awaits for questions in asked for question in questions.values()} - {""})
    return [{who: _way(one.knowing(policies).choice()) for who, one in questions.items()} for questions in asked]


def _way(decision: Decision) -> Way:
    sender = decision.header_from.address if decision.header_from else ""
    return Way(
        header_from=str(decision.header_from) if decision.header_from else "",
        server=decision.server.name if decision.server else "",
        error=decision.error.value if decision.error else "",
        reports=decision.envelope_from if decision.envelope_from != sender else "",
    )
