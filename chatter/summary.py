"""The numbers of the bar: files, followers, and whether the reader follows."""

from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from chatter.access import may_post
from chatter.composing import first_people
from chatter.models import Follower, Message, Thread
from chatter.threads import Threaded
from daeris.ui.asking import Answer, FirstKey, HowMany, Questions
from mail import planning
from mail.models import Attachment


@dataclass(frozen=True, slots=True)
class Summary:
    """What the bar of a conversation says."""

    files: int
    followers: int
    following: bool
    may_post: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of a conversation whose numbers are asked together with others."""

    user: Any
    files: Answer
    followers: Answer
    following: Answer

    @property
    def told(self) -> Summary:
        return Summary(
            files=self.files.value,
            followers=self.followers.value,
            following=bool(self.following.value),
            may_post=may_post(self.user),
        )


@dataclass(frozen=True, slots=True)
class Conversation:
    """The thread of a record and its bar, asked together with other questions of the page."""

    record: Threaded
    about: dict[str, Any]
    key: Answer
    bar: Bar
    settings: Answer
    # Those that the box for recipients offers; nobody where no message can be written.
    people: Answer | None

    @property
    def snapshot(self) -> planning.Snapshot:
        """The settings that decide how mail about the record leaves."""
        return planning.snapshot(is_current=bool(self.settings.value))

    @property
    def thread(self) -> Thread:
        """The thread, made if there is none yet."""
        if self.key.value is None:
            return self.record.thread
        # Its root is read by whoever asks for it; to show the conversation nobody does.
        known = {"id": self.key.value, **self.about}
        return Thread.from_db(self.record._state.db, list(known), list(known.values()))


def summary(thread: Thread, user: Any) -> Summary:
    """The bar of this thread for this user."""
    return _bar({"thread": thread}, user, Questions()).told


def along(record: Threaded, user: Any, questions: Questions) -> Conversation:
    """The conversation of this record as this user sees it; what must be asked goes with the other questions."""
    about = {"document_type_id": ContentType.objects.get_for_model(type(record)).pk, "document_id": record.pk}
    key = questions.ask(FirstKey(Thread.objects.filter(**about)))
    within = {f"thread__{name}": value for name, value in about.items()}
    settings = questions.ask(FirstKey(planning.unchanged()))
    people = questions.ask(first_people(user)) if may_post(user) else None
    return Conversation(record, about, key, _bar(within, user, questions), settings, people)


def files_of(user: Any, **thread: Any) -> "QuerySet[Attachment]":
    """The files of the messages that this user may read, each once, the newest first."""
    readable = Message.objects.readable_by(user).filter(**thread).order_by()
    return Attachment.objects.filter(messages__in=readable).distinct().order_by("-pk")


def _bar(thread: dict[str, Any], user: Any, questions: Questions) -> Bar:
    followers = Follower.objects.filter(**thread)
    files, all_of_them, mine = (
        questions.ask(HowMany(rows))
        for rows in (files_of(user, **thread), followers, followers.filter(contact__user=user.pk))
    )
    return Bar(user, files, all_of_them, mine)
