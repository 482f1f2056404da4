"""What the composer shows before anything is written: who will get it, and what may be attached."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from chatter.models import Message, Thread
from chatter.recipients import Audience, addressable_by, audiences
from chatter.sending_as import SentAs, sent_as
from daeris.ui.asking import Columns, answers
from daeris.ui.forms import Combobox
from mail.models import Contact
from mail.planning import Snapshot

# Followers outside the company are told by name, so that nobody is written to unawares; the others are counted.
NAMES = 3
# Choices of the plain select, for who has no script; with script the whole list is searched.
CHOICES = 25
Choices = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """The "To" line of one kind of message."""

    kind: str
    named: Sequence[Contact]
    # Followers who are told of by name, and how many more there are.
    outside: Sequence[Contact]
    followers: Sequence[Contact]
    without_address: Sequence[Contact]
    kept_out: Sequence[Contact]

    @property
    def others(self) -> int:
        return len(self.followers)

    @property
    def is_empty(self) -> bool:
        return not (self.named or self.outside or self.followers)


@dataclass(frozen=True, slots=True)
class Composer:
    """Everything the composer shows."""

    thread: Thread
    token: UUID
    lines: Sequence[Line]
    named: Sequence[Contact]
    suggested: Sequence[Contact]
    # How large a file may be, and all of them together.
    limit: int
    together: int
    adder: str
    # Found out by who shows it.
    sent_as: Callable[[], SentAs]


def composer(
    thread: Thread,
    record: Any,
    user: Any,
    named: Sequence[Contact] = (),
    *,
    snapshot: Snapshot | None = None,
    first: Choices | None = None,
) -> Composer:
    """The composer of this thread for this user, with these people named.

    What the page has asked together with other things is given: the settings, and the `first_people`.
    """
    heard = audiences(thread, user, [Message.Kind.MESSAGE, Message.Kind.NOTE], named)
    lines = [_line(kind, of_kind, named) for kind, of_kind in heard.items()]
    known = {contact.pk for contact in heard[Message.Kind.MESSAGE].everyone}
    suggested = [contact for contact in record.suggested_recipients() if contact.pk not in known]
    return Composer(
        thread=thread,
        token=uuid4(),
        lines=lines,
        named=named,
        suggested=suggested,
        limit=settings.MAIL_MAX_UPLOAD_BYTES,
        together=settings.MAIL_MAX_MESSAGE_BYTES,
        adder=_adder(thread, answers({"first": first_people(user, named)})["first"] if first is None else first),
        sent_as=partial(sent_as, record, user, snapshot=snapshot),
    )


def named_in(user: Any, record: Any, ids: Iterable[str]) -> list[Contact]:
    """The contacts with these ids that this user may name, in the order given."""
    wanted = [int(pk) for pk in dict.fromkeys(ids) if pk.isdecimal() and len(pk) < 19]
    found = people_for(user, record).in_bulk(wanted)
    return [found[pk] for pk in wanted if pk in found]


def people_for(user: Any, record: Any) -> Any:
    """Whom this user may name in a message about this record."""
    return addressable_by(user, also=[contact.pk for contact in record.suggested_recipients()])


def first_people(user: Any, named: Sequence[Contact] = ()) -> Columns:
    """Asks for the first of those whom this user may name besides: their keys and names."""
    people = addressable_by(user).exclude(pk__in=[contact.pk for contact in named])
    return Columns(people.order_by("name", "pk"), ("pk", "name"), CHOICES)


def _line(kind: str, heard: Audience, named: Sequence[Contact]) -> Line:
    # A colleague who reads it here is told as surely as one who gets it by e-mail.
    following = [contact for contact in (*heard.by_email, *heard.in_app) if contact.pk not in heard.named]
    outside = [contact for contact in following if contact.pk not in heard.internal][:NAMES]
    shown = {contact.pk for contact in outside}
    kept_out = {contact.pk for contact in heard.kept_out}
    return Line(
        kind=kind,
        named=[contact for contact in named if contact.pk not in kept_out],
        outside=outside,
        followers=[contact for contact in following if contact.pk not in shown],
        without_address=heard.without_address,
        kept_out=heard.kept_out,
    )


def _adder(thread: Thread, first: Choices) -> str:
    """The box in which one more recipient is looked for."""
    box = Combobox(url=reverse("chatter:people", args=[thread.pk]))
    box.choices = [("", ""), *first]
    return box.render("to", "", {"id": f"to-{thread.pk}", "aria-label": _("Add a recipient")})
