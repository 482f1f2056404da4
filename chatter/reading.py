"""A page of a conversation: the newest first, grouped by day, in a handful of questions whatever its length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, prefetch_related_objects
from django.urls import reverse
from django.utils import formats
from django.utils.timezone import localdate, localtime, now
from django.utils.translation import gettext as _

from chatter.access import may_manage
from chatter.changes import Change, in_words
from chatter.delivery import Delivery, deliveries
from chatter.models import Message, Notification, Thread
from chatter.quoting import folded
from mail.models import Attachment

PAGE = 20
# A bounce may come days after a mail was sent; older messages than these are not asked about again.
WATCHED = timedelta(days=3)


@dataclass(slots=True)
class Entry:
    """A message as one reader sees it."""

    message: Message
    body: str
    quote: str
    changes: list[Change]
    files: list[Attachment]
    delivery: Delivery
    may_manage: bool

    @property
    def author(self) -> str:
        return self.message.author.name if self.message.author else _("The system")

    @property
    def arrived(self) -> bool:
        """Whether it came by mail instead of being written here."""
        return self.message.user_id is None and self.message.author_id is not None and not self.changes

    @property
    def id(self) -> str:
        """The key as it stands in the page, whatever figures the reader's language groups."""
        return str(self.message.pk)

    @property
    def watched(self) -> bool:
        """Whether the page asks again and again how its copies fare."""
        delivery = self.delivery
        recent = self.message.created_at > now() - WATCHED
        return bool(delivery.total and (recent or delivery.moving or delivery.failures))


@dataclass(frozen=True, slots=True)
class Day:
    """The messages of one day."""

    date: date
    entries: Sequence[Entry]

    @property
    def is_today(self) -> bool:
        return self.date == localdate()

    @property
    def key(self) -> str:
        return self.date.isoformat()

    @property
    def label(self) -> str:
        if self.is_today:
            return _("Today")
        if self.date == localdate() - timedelta(days=1):
            return _("Yesterday")
        return formats.date_format(self.date, "DATE_FORMAT")


@dataclass(slots=True)
class Page:
    """Some consecutive messages of a thread, and where the older ones begin."""

    days: list[Day] = field(default_factory=list)
    # The key of the last message here, when there are older ones.
    oldest: int | None = None

    @property
    def today(self) -> Sequence[Entry]:
        """Today's messages, when the page begins with today."""
        return self.days[0].entries if self.days and self.days[0].is_today else ()

    @property
    def earlier(self) -> list[Day]:
        return [day for day in self.days if not day.is_today]

    @property
    def last_day(self) -> str:
        return self.days[-1].key if self.days else ""

    @property
    def entries(self) -> list[Entry]:
        return [entry for day in self.days for entry in day.entries]

    @property
    def moving(self) -> bool:
        return any(entry.delivery.moving for entry in self.entries)


def read(thread: Thread, model: type[Any], user: Any, *, before: int | None = None, size: int = PAGE) -> Page:
    """The newest messages of the thread that this user may read, or those before the message `before`."""
    messages = thread.messages.all() if before is None else thread.messages.filter(pk__lt=before)
    found = list(whole(messages.readable_by(user))[: size + 1])
    entries = entries_of(found[:size], model, user)
    by_day = groupby(entries, key=lambda entry: localtime(entry.message.created_at).date())
    days = [Day(day, list(entries_of_day)) for day, entries_of_day in by_day]
    return Page(days, found[size - 1].pk if len(found) > size else None)


def newer(thread: Thread, model: type[Any], user: Any, *, after: int) -> list[Entry]:
    """Messages that came after this one, newest first."""
    found = whole(thread.messages.filter(pk__gt=after).readable_by(user))
    return entries_of(found[:PAGE], model, user)


def entries_of(messages: Iterable[Message], model: type[Any], user: Any) -> list[Entry]:
    """These messages with everything that is shown of them."""
    messages = list(messages)
    files = Prefetch("attachments", Attachment.objects.select_related("blob").order_by("pk"))
    prefetch_related_objects([message for message in messages if _is(message, "has_files")], files)
    told = deliveries([message.pk for message in messages if _is(message, "is_told")])
    return [_entry(message, model, user, told.get(message.pk, Delivery())) for message in messages]


def one(message: Message, model: type[Any], user: Any) -> Entry:
    """A single message with everything that is shown of it."""
    return entries_of(whole(Message.objects.filter(pk=message.pk)), model, user)[0]


def whole(messages: "QuerySet[Message]") -> "QuerySet[Message]":
    """These messages, newest first, with all that `entries_of` looks at."""
    # Most messages have neither files nor copies; those that have are known without another question.
    files = Message.attachments.through.objects.filter(message_id=OuterRef("pk"))
    told = Notification.objects.filter(message_id=OuterRef("pk"))
    marked = messages.annotate(has_files=Exists(files), is_told=Exists(told))
    return marked.select_related("author").order_by("-pk")


def _entry(message: Message, model: type[Any], user: Any, delivery: Delivery) -> Entry:
    files = list(message.attachments.all()) if _is(message, "has_files") else []
    body, quote = folded(_with_images(message.body, files))
    return Entry(
        message=message,
        body=body,
        quote=quote,
        changes=in_words(message.changes, model),
        files=[file for file in files if not (file.content_id and f"cid:{file.content_id}" in message.body)],
        delivery=delivery,
        may_manage=bool(delivery.total) and may_manage(message, user),
    )


def _is(message: Message, mark: str) -> bool:
    """One of the marks that `whole` gave."""
    return bool(getattr(message, mark))


def _with_images(body: str, files: Sequence[Attachment]) -> str:
    """The body with its inline images taken from our attachments."""
    for file in files:
        if file.content_id and "cid:" in body:
            body = body.replace(f'"cid:{file.content_id}"', f'"{reverse("chatter:attachment", args=[file.pk])}?inline"')
    return body
