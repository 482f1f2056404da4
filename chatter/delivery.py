"""What became of the copies of messages: one question to the database for any number of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

from django.db.models import Case, Count, F, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber
from django.utils.timezone import now
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chatter.models import Message, Notification
from chatter.recipients import mailbox_of
from daeris.ui.asking import Columns, answers
from mail.causes import Cause, describe
from mail.models import Mail, Server
from mail.presentation import LOOKS, Look, cause_of, look_of

# How many names a line has: the first recipients of a message, those that a failure concerns.
NAMED = 3
# How many recipients the small list of a message has; all of them have a page.
LISTED = 20

# By what copies of a message are told apart; those that are alike are counted together.
APART = ("message_id", "channel", "state", "cause", "blocked", "is_read", "is_later")
# What is read of copies that did not leave.
RED = ("message_id", "state", "cause", "blocked", "recipient_name", "recipient_address", "reply_code", "due_at")

IN_APP = Look("app", _("In Daeris"), "bell", "neutral")
READ = Look("read", _("Read in Daeris"), "mail-open", "success")
NO_ADDRESS = Look("no_address", _("No valid address"), "mail-question-mark", "warning")
FORGOTTEN = Look("forgotten", _("No longer in the queue"), "archive", "neutral")

# What a reader should know first decides the icon of the message.
ICONS = {"danger": "mail-x", "warning": "mail-question-mark", "info": "clock", "success": "mail-check"}
MOVING = {"queued", "sending"}


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient of a message, and what became of the copy."""

    name: str
    address: str
    look: Look
    cause: Cause | None = None

    @property
    def can_be_held(self) -> bool:
        """Whether it waits in the queue, and may be given up."""
        return self.look.key in {"queued", "scheduled", "retrying"}


@dataclass(slots=True)
class Failure:
    """Copies that did not leave, all for the same reason."""

    code: str
    cause: Cause
    count: int = 0
    reply_code: int | None = None
    names: list[str] = field(default_factory=list)
    next_try: datetime | None = None
    # How many still wait in the queue, and how many may be given up.
    waiting: int = 0
    cancellable: int = 0

    @property
    def who(self) -> str:
        """Those it concerns, in a line."""
        return with_others(self.names, self.count - len(self.names))

    @property
    def waits(self) -> bool:
        """Whether all of them may still leave by themselves."""
        return self.waiting == self.count

    @property
    def can_be_held(self) -> bool:
        return self.cancellable > 0


@dataclass(slots=True)
class Delivery:
    """Everything told about the copies of one message."""

    counts: dict[str, int] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    version: str = ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def who(self) -> str:
        """Who was told, in a line."""
        return with_others(self.names, self.total - len(self.names))

    @property
    def moving(self) -> bool:
        """Whether something will change by itself within moments."""
        return bool(MOVING & self.counts.keys())

    @property
    def tone(self) -> str:
        tones = {look.tone for look in self.looks.values()}
        if "danger" in tones:
            return "danger"
        if NO_ADDRESS.key in self.counts:
            return "warning"
        if MOVING & self.counts.keys() or "scheduled" in self.counts:
            return "info"
        return "success" if tones & {"success"} else "neutral"

    @property
    def icon(self) -> str:
        if self.tone == "neutral":
            return IN_APP.icon if IN_APP.key in self.counts else "ban"
        return ICONS[self.tone]

    @property
    def summary(self) -> str:
        """In words, for who does not see the icon: "Sent: 3. Failed: 1."."""
        return " ".join(f"{self.looks[key].label}: {count}." for key, count in self.counts.items())

    @property
    def unreachable(self) -> int:
        """How many have no address that could be written to."""
        return self.counts.get(NO_ADDRESS.key, 0)


def deliveries(message_ids: Sequence[int]) -> dict[int, Delivery]:
    """What became of each of these messages. Messages that nobody was told of are left out."""
    if not message_ids:
        return {}
    told = _told(message_ids)
    asked = answers({"tally": _tally(told), "names": _first_names(told), "red": _first_red(told)})
    found, failures = _counted(asked["tally"])
    for message_id, name in asked["names"]:
        found[message_id].names.append(name)
    _name(failures, asked["red"])
    for (message_id, _code), failure in failures.items():
        found[message_id].failures.append(failure)
    return found


def glance(message_ids: Sequence[int]) -> dict[int, Delivery]:
    """The same without names and failures, which is quicker: enough to see whether anything changed."""
    return _counted(answers({"tally": _tally(_told(message_ids))})["tally"])[0]


def with_others(names: Sequence[str], others: int) -> str:
    """Names in a line, and how many more there are."""
    more = ngettext("%(count)d more", "%(count)d more", others) % {"count": others} if others > 0 else ""
    *first, last = [*names, more] if more else names or [""]
    return gettext("%(names)s and %(last)s") % {"names": ", ".join(first), "last": last} if first else last


def copies_of(message: Message, limit: int | None = None) -> list[Copy]:
    """The recipients of a message, all or the first of them."""
    told = message.notifications.select_related("contact", "mail__server").order_by("pk")
    return [_copy(notification) for notification in told[:limit]]


def with_cause(mails: "QuerySet[Mail]", code: str) -> "QuerySet[Mail]":
    """Those of the red mails that failed, or wait, for this reason."""
    return mails.filter(Q(cause=code) | Q(state=Mail.State.QUEUED, cause="", server__blocked_cause=code))


def _counted(tally: Iterable[Any]) -> tuple[dict[int, Delivery], dict[tuple[int, str], Failure]]:
    """What the tally says of each message, and the failures in it by message and cause."""
    found: dict[int, Delivery] = defaultdict(Delivery)
    failures: dict[tuple[int, str], Failure] = {}
    for row in tally:
        message_id, channel, state, cause, blocked, is_read, is_later, count = row
        delivery = found[message_id]
        look, code = _face(channel, state, cause, blocked or "", is_read=is_read, is_later=is_later)
        delivery.looks[look.key] = look
        delivery.counts[look.key] = delivery.counts.get(look.key, 0) + count
        delivery.version = f"{crc32(repr(row).encode(), crc32(delivery.version.encode())):x}"
        if look.is_red:
            failure = failures.setdefault((message_id, code), Failure(code, describe(code)))
            failure.count += count
            failure.waiting += count if state == Mail.State.QUEUED else 0
            failure.cancellable += count if state in Mail.MOVES[Mail.State.CANCELLED] else 0
    return dict(found), failures


def _told(message_ids: Sequence[int]) -> "QuerySet[Notification]":
    """Who was told of these messages, with that by which copies are told apart."""
    return Notification.objects.filter(message_id__in=message_ids).annotate(
        state=F("mail__state"),
        cause=F("mail__cause"),
        blocked=F("mail__server__blocked_cause"),
        is_read=Q(read_at__isnull=False),
        is_later=Q(mail__due_at__gt=now()),
    )


def _tally(told: "QuerySet[Notification]") -> Columns:
    """How many copies of each message are in which state."""
    return Columns(told.values(*APART).annotate(count=Count("pk")).order_by(*APART), (*APART, "count"))


def _first_names(told: "QuerySet[Notification]") -> Columns:
    """The names of the first recipients of each message."""
    place = Window(RowNumber(), partition_by="message_id", order_by="pk")
    return Columns(told.annotate(place=place).filter(place__lte=NAMED).order_by("pk"), ("message_id", "contact__name"))


def _first_red(told: "QuerySet[Notification]") -> Columns:
    """The first copies of each message that did not leave, for each reason."""
    # `Mail.RED` from this side: few notifications lead to their mails, and all red mail is much. Said by a CASE, in
    # which PostgreSQL looks for no index: to weigh those of the mails took it ten times as long as to answer.
    held_up = Q(state=Mail.State.QUEUED) & (Q(cause__gt="") | Q(blocked__gt=""))
    is_red = Case(When(Q(state__in=[Mail.State.FAILED, Mail.State.BOUNCED]) | held_up, then=True), default=False)
    place = Window(RowNumber(), partition_by=("message_id", "state", "cause", "blocked"), order_by="mail_id")
    red = told.annotate(is_red=is_red).filter(is_red=True).annotate(place=place).filter(place__lte=NAMED)
    of_mail = {name: F(f"mail__{name}") for name in RED[4:]}
    return Columns(red.annotate(**of_mail).order_by("mail_id"), RED)


def _face(
    channel: str, state: str | None, cause: str, blocked: str, *, is_read: bool, is_later: bool
) -> tuple[Look, str]:
    """The look of a line of the tally, and the code of what went wrong."""
    if channel == Notification.Channel.APP:
        return (READ if is_read else IN_APP), ""
    if state is None:
        return NO_ADDRESS, ""
    if state == Mail.State.QUEUED and not cause and not blocked:
        return LOOKS["scheduled" if is_later else "queued"], ""
    return _look_and_cause(state, cause, blocked)


@lru_cache(maxsize=1024)
def _look_and_cause(state: str, cause: str, blocked: str) -> tuple[Look, str]:
    # Asked for each line of the tally, and there are few different ones.
    mail = Mail(state=state, cause=cause, server=Server(blocked_cause=blocked))
    return look_of(mail), cause_of(mail)


def _copy(notification: Notification) -> Copy:
    contact, mail = notification.contact, notification.mail
    if notification.channel == Notification.Channel.APP:
        return Copy(contact.name, "", READ if notification.read_at else IN_APP)
    if mail is None:
        return Copy(contact.name, contact.email, FORGOTTEN if mailbox_of(contact) else NO_ADDRESS)
    code = cause_of(mail)
    return Copy(contact.name, mail.recipient_address, look_of(mail), describe(code) if code else None)


def _name(failures: dict[tuple[int, str], Failure], red: Iterable[Any]) -> None:
    """Say whom the failures concern: the first few of each."""
    for message_id, state, cause, blocked, name, address, reply_code, due_at in red:
        failure = failures.get((message_id, _look_and_cause(state, cause, blocked or "")[1]))
        if failure is None or len(failure.names) >= NAMED:
            continue
        failure.names.append(name or address)
        failure.reply_code = failure.reply_code or reply_code
        if state == Mail.State.QUEUED and cause:
            failure.next_try = _moment(due_at)


def _moment(text: str) -> datetime:
    """A moment as JSON carries it: SQLite's has no zone, and is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
