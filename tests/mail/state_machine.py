"""A model of design §6 beside the real table: whatever workers and people do, both say the same of every mail.

Each rule does something to the rows by the product's own functions, says what must have become of them, and holds
that against the table. Run over SQLite by test_state_machine.py, over PostgreSQL by tests/peers.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils.timezone import now
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from mail import claiming, queue
from mail.addresses import Mailbox
from mail.claiming import MOST_UNCERTAIN, Claimed, Hands
from mail.composing import new_message_id
from mail.models import Attempt, Content, Domain, Mail, Options, Server
from mail.queue import Recipient
from mail.settling import Fate, Settlement, Try, settle

CONNECTIONS = 2
# design §6, "Moves"
MOVES = {
    "queued": {"sending", "cancelled", "failed", "bounced"},
    "sending": {"sent", "queued", "failed", "bounced"},
    "sent": {"bounced"},
    "failed": {"queued", "cancelled", "bounced"},
    "cancelled": {"queued"},
    "bounced": {"queued"},
}


@dataclass
class Expected:
    """What must be true of one mail."""

    pk: int
    state: str = "queued"
    fence: int = 0
    tries: int = 0  # since a person last sent it anew
    uncertain: int = 0
    attempts: int = 0  # ever
    accepted: int = 0
    is_due: bool = True
    expired: bool = False
    holder: str = ""
    seen: list[str] = field(default_factory=lambda: ["queued"])

    def move(self, state: str, **changes: Any) -> None:
        self.state = state
        if state != "sending":
            self.holder, self.expired = "", False
        for name, value in changes.items():
            setattr(self, name, value)
        self.seen.append(state)


class Mails(RuleBasedStateMachine):
    """Two workers, a sweep and a person at the same few mails."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.mails: dict[int, Expected] = {}

    @initialize()
    def begin(self) -> None:
        for model in (Attempt, Mail, Content, Server, Domain):
            model.objects.all().delete()
        Options.load()
        Options.objects.update(custom_servers=True)
        Domain.objects.create(name="miempresa.example", default_from="info", is_default=True)
        self.server = Server.objects.create(name="One", host="127.0.0.1", max_connections=CONNECTIONS)
        Options.raise_version()
        self.queue(3)

    # -- What happens ------------------------------------------------------------------------------

    @precondition(lambda self: len(self.mails) < 8)
    @rule(copies=st.integers(1, 3))
    def queue(self, copies: int) -> None:
        content = Content.objects.create(
            subject="Oferta",
            text="Hola",
            author_name="Ana",
            author_address="ana@miempresa.example",
            message_id=new_message_id("miempresa.example"),
        )
        recipients = [Recipient(Mailbox("", f"customer{n}@acme.example")) for n in range(copies)]
        for pk in queue.enqueue(content, recipients):
            self.mails[pk] = Expected(pk)

    @rule(target=claims, owner=st.sampled_from(["one", "two"]))
    def claim(self, owner: str) -> Any:
        due = [mail for mail in self.mails.values() if mail.state == "queued" and mail.is_due]
        # So that no millisecond decides.
        Mail.objects.filter(pk__in=[mail.pk for mail in due]).update(due_at=now() - timedelta(minutes=1))

        taken = claiming.claim("transactional", owner=owner, hands=Hands())

        assert {mail.id for mail in taken} <= {mail.pk for mail in due}
        assert len(taken) == min(len(due), 2 * CONNECTIONS)
        for claimed in taken:
            mail = self.mails[claimed.id]
            assert claimed.fence > mail.fence
            assert (claimed.tries, claimed.uncertain) == (mail.tries, mail.uncertain)
            mail.move("sending", fence=claimed.fence, holder=owner)
        return multiple(*taken)

    @rule(claimed=claims, fate=st.sampled_from(Fate), uncertain=st.booleans(), waits=st.booleans())
    def settle(self, claimed: Claimed, fate: Fate, uncertain: bool, waits: bool) -> None:
        self._settle([self._settlement(claimed, fate, uncertain=uncertain, waits=waits)])

    @rule(some=st.lists(claims, min_size=2, max_size=6, unique_by=lambda claimed: claimed.id))
    def settle_several_at_once(self, some: list[Claimed]) -> None:
        fates = (Fate.SENT, Fate.AGAIN, Fate.SENT, Fate.RELEASED, Fate.FAILED, Fate.SENT)
        self._settle([self._settlement(claimed, fate) for claimed, fate in zip(some, fates, strict=False)])

    def _settle(self, settlements: list[Settlement]) -> None:
        ours = [item for item in settlements if self._is_ours(item.mail)]
        settle(settlements, owner="worker")
        for item in ours:
            mail = self.mails[item.mail.id]
            if item.fate is Fate.RELEASED:
                mail.move("queued", is_due=True)
                continue
            mail.tries += 1
            mail.attempts += 1
            if item.fate is Fate.SENT:
                mail.move("sent", accepted=mail.accepted + 1)
                continue
            mail.uncertain += item.is_uncertain
            mail.move("failed" if item.fate is Fate.FAILED else "queued", is_due=item.wait_seconds == 0)

    def _settlement(self, claimed: Claimed, fate: Fate, *, uncertain: bool = False, waits: bool = False) -> Settlement:
        outcome = {
            Fate.SENT: Attempt.Outcome.ACCEPTED,
            Fate.AGAIN: Attempt.Outcome.UNCERTAIN if uncertain else Attempt.Outcome.TEMPORARY,
            Fate.FAILED: Attempt.Outcome.PERMANENT,
        }.get(fate)
        tried = Try(outcome, self.server.pk, "One", started_at=now(), seconds=0.1) if outcome else None
        return Settlement(
            claimed,
            fate,
            tries=(tried,) if tried else (),
            cause="" if fate is Fate.SENT else "dropped",
            wait_seconds=3600 if waits else 0,
            is_uncertain=uncertain and fate is Fate.AGAIN,
        )

    @rule(some=st.lists(claims, min_size=1, max_size=6, unique_by=lambda claimed: claimed.id))
    def extend(self, some: list[Claimed]) -> None:
        kept = claiming.extend({claimed.id: claimed.fence for claimed in some})
        assert kept == {claimed.id for claimed in some if self._is_ours(claimed)}
        for pk in kept:
            self.mails[pk].expired = False

    @rule(data=st.data())
    def a_lease_ends(self, data: st.DataObject) -> None:
        sending = [mail for mail in self.mails.values() if mail.state == "sending"]
        if sending:
            mail = data.draw(st.sampled_from(sending))
            Mail.objects.filter(pk=mail.pk).update(lease_until=now() - timedelta(seconds=1))
            mail.expired = True

    @rule(keeping=st.sampled_from(["", "one", "two"]))
    def recover(self, keeping: str) -> None:
        """The sweep, or a worker that knows what became of its own."""
        own = [mail.pk for mail in self.mails.values() if keeping and mail.holder == keeping]
        lost = [mail for mail in self.mails.values() if mail.expired and mail.pk not in own]

        assert claiming.recover(but=own) == len(lost)

        for mail in lost:
            mail.uncertain += 1
            mail.tries += 1
            mail.attempts += 1
            mail.fence += 1
            mail.move("failed" if mail.uncertain >= MOST_UNCERTAIN else "queued", is_due=True)

    @rule(data=st.data())
    def a_person_cancels(self, data: st.DataObject) -> None:
        mail = data.draw(st.sampled_from(list(self.mails.values())))
        moved = Mail.objects.get(pk=mail.pk).cancel()
        assert moved == (mail.state in {"queued", "failed"})
        if moved:
            mail.move("cancelled", fence=mail.fence + 1)

    @rule(data=st.data())
    def a_person_retries(self, data: st.DataObject) -> None:
        mail = data.draw(st.sampled_from(list(self.mails.values())))
        moved = queue.retry(Mail.objects.filter(pk=mail.pk))
        assert moved == (mail.state in {"queued", "failed", "cancelled", "bounced"})
        if moved:
            mail.move("queued", fence=mail.fence + 1, tries=0, uncertain=0, is_due=True)

    @rule(data=st.data())
    def a_report_says_it_bounced(self, data: st.DataObject) -> None:
        # Nothing reads reports yet: the move as the model of the table allows it.
        mail = data.draw(st.sampled_from(list(self.mails.values())))
        movable = Mail.objects.filter(pk=mail.pk, state__in=Mail.MOVES[Mail.State.BOUNCED])
        moved = movable.update(state=Mail.State.BOUNCED, lease_owner="", lease_until=None)
        assert moved == (mail.state in {"sent", "sending", "queued", "failed"})
        if moved:
            mail.move("bounced")

    @rule()
    def waits_are_over(self) -> None:
        for mail in self.mails.values():
            mail.is_due = True

    def _is_ours(self, claimed: Claimed) -> bool:
        mail = self.mails[claimed.id]
        return mail.state == "sending" and mail.fence == claimed.fence

    # -- What always holds -------------------------------------------------------------------------

    @invariant()
    def the_table_says_the_same(self) -> None:
        for row in Mail.objects.all():
            mail = self.mails[row.pk]
            assert (row.state, row.fence, row.tries, row.uncertain) == (
                mail.state,
                mail.fence,
                mail.tries,
                mail.uncertain,
            )
            assert (row.state == "sending") == (row.lease_until is not None) == bool(row.lease_owner)
            assert row.lease_owner == mail.holder

    @invariant()
    def attempts_match_tries(self) -> None:
        for pk, mail in self.mails.items():
            outcomes = list(Attempt.objects.filter(mail_id=pk).values_list("outcome", flat=True))
            assert len(outcomes) == mail.attempts >= mail.tries
            assert outcomes.count("accepted") == mail.accepted

    @invariant()
    def no_mail_moves_as_it_may_not(self) -> None:
        for mail in self.mails.values():
            for before, after in zip(mail.seen, mail.seen[1:], strict=False):
                # "Send now" of what waits anyway, is the one move to where it is.
                assert after in MOVES[before] or before == after == "queued"
            if mail.state == "cancelled":
                # Whoever held it before can write nothing of it: see `settle`.
                assert mail.holder == ""
