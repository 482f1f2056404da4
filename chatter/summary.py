"""The numbers of the bar: files, followers, and whether the reader follows."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from chatter.access import may_post
from chatter.models import Follower, Message, Thread
from mail.models import Attachment


@dataclass(frozen=True, slots=True)
class Summary:
    """What the bar of a conversation says."""

    files: int
    followers: int
    following: bool
    may_post: bool


def summary(thread: Thread, user: Any) -> Summary:
    """The bar of this thread for this user."""
    followers = Follower.objects.filter(thread=thread).aggregate(
        count=Count("pk"), mine=Count("pk", filter=Q(contact__user=user.pk))
    )
    return Summary(
        files=files_of(thread, user).count(),
        followers=followers["count"],
        following=bool(followers["mine"]),
        may_post=may_post(user),
    )


def files_of(thread: Thread, user: Any) -> "QuerySet[Attachment]":
    """The files of the messages that this user may read, each once, the newest first."""
    readable = Message.objects.readable_by(user).filter(thread=thread).order_by()
    return Attachment.objects.filter(messages__in=readable).distinct().order_by("-pk")
