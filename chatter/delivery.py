"""What became of the copies of messages: a few questions to the database for any number of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.timezone import now
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chatter.models import Message, Notification
from chatter.recipients import mailbox_of
from mail.causes import Cause, describe
from mail.models import Mail, Server
from mail.presentation import LOOKS, Look, cause_of, look_of

if TYPE_CHECKING:
    pass

# How many names a line has: the first recipients of a message, those that a failure concerns.
NAMED = 3
# How many recipients the small list of a message has; all of them have a page.
LISTED = 20

# What a failure says of a mail.
SAID = ("state", "cause", "recipient_name", "recipient_address", "reply_code", "due_at", "server__blocked_cause")

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
    found = _counted(message_ids)
    for message_id, name in _first_names(list(found)) if found else ():
        found[message_id].names.append(name)
    return found


def glance(message_ids: Sequence[int]) -> dict[int, Delivery]:
    """The same in one question, without names: enough to see whether anything changed."""
    return _counted(message_ids, with_failures=False)


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


def _counted(message_ids: Sequence[int], *, with_failures: bool = True) -> dict[int, Delivery]:
    found: dict[int, Delivery] = defaultdict(Delivery)
    failures: dict[tuple[int, str], Failure] = {}
    for row in _tally(message_ids):
        delivery = found[row["message_id"]]
        look, code = _face(row)
        delivery.looks[look.key] = look
        delivery.counts[look.key] = delivery.counts.get(look.key, 0) + row["count"]
        delivery.version = f"{crc32(repr(sorted(row.items(), key=str)).encode(), crc32(delivery.version.encode())):x}"
        if look.is_red:
            failure = failures.setdefault((row["message_id"], code), Failure(code, describe(code)))
            failure.count += row["count"]
            failure.waiting += row["count"] if row["state"] == Mail.State.QUEUED else 0
            failure.cancellable += row["count"] if row["state"] in Mail.MOVES[Mail.State.CANCELLED] else 0
    if with_failures and failures:
        _name(failures)
        for (message_id, _code), failure in failures.items():
            found[message_id].failures.append(failure)
    return dict(found)


def _tally(message_ids: Sequence[int]) -> Iterable[Any]:
    """How many copies of each message are in which state."""
    return (
        Notification.objects.filter(message_id__in=message_ids)
        .values(
            "message_id",
            "channel",
            state=F("mail__state"),
            cause=F("mail__cause"),
            blocked=F("mail__server__blocked_cause"),
            is_read=Q(read_at__isnull=False),
            is_later=Q(mail__due_at__gt=now()),
        )
        .annotate(count=Count("pk"))
        .order_by("message_id", "channel", "state", "cause", "blocked", "is_read", "is_later")
    )


def _face(row: dict[str, Any]) -> tuple[Look, str]:
    """The look of a line of the tally, and the code of what went wrong."""
    if row["channel"] == Notification.Channel.APP:
        return (READ if row["is_read"] else IN_APP), ""
    if row["state"] is None:
        return NO_ADDRESS, ""
    if row["state"] == Mail.State.QUEUED and not row["cause"] and not row["blocked"]:
        return LOOKS["scheduled" if row["is_later"] else "queued"], ""
    return _look_and_cause(row["state"], row["cause"], row["blocked"] or "")


@lru_cache(maxsize=1024)
def _look_and_cause(state: str, cause: str, blocked: str) -> tuple[Look, str]:
    # Asked for each line of the tally, and there are few different ones.
    mail = Mail(state=state, cause=cause, server=Server(blocked_cause=blocked))
    return look_of(mail), cause_of(mail)


def _first_names(message_ids: Sequence[int]) -> Iterable[tuple[int, str]]:
    """The names of the first recipients of each message."""
    numbered = Window(RowNumber(), partition_by="message_id", order_by="pk")
    told = Notification.objects.filter(message_id__in=message_ids).annotate(position=numbered)
    return told.filter(position__lte=NAMED).order_by("pk").values_list("message_id", "contact__name")


def _copy(notification: Notification) -> Copy:
    contact, mail = notification.contact, notification.mail
    if notification.channel == Notification.Channel.APP:
        return Copy(contact.name, "", READ if notification.read_at else IN_APP)
    if mail is None:
        return Copy(contact.name, contact.email, FORGOTTEN if mailbox_of(contact) else NO_ADDRESS)
    code = cause_of(mail)
    return Copy(contact.name, mail.recipient_address, look_of(mail), describe(code) if code else None)


def _name(failures: dict[tuple[int, str], Failure]) -> None:
    """Say whom the failures concern: the first few of each."""
    messages = {message_id for message_id, _code in failures}
    # `Mail.RED` from this side: few notifications lead to their mails, and all red mail is much.
    held_up = Q(mail__cause__gt="") | Q(mail__server__blocked_cause__gt="")
    red = Q(mail__state__in=["failed", "bounced"]) | (Q(mail__state="queued") & held_up)
    told = Notification.objects.filter(red, message_id__in=messages).select_related("mail__server")
    for notification in told.only("message_id", *(f"mail__{name}" for name in SAID)).order_by("mail_id")[:200]:
        mail = notification.mail
        assert mail is not None
        failure = failures.get((notification.message_id, cause_of(mail)))
        if failure is None or len(failure.names) >= NAMED:
            continue
        failure.names.append(mail.recipient_name or mail.recipient_address)
        failure.reply_code = failure.reply_code or mail.reply_code
        if mail.state == Mail.State.QUEUED and mail.cause:
            failure.next_try = mail.due_at
