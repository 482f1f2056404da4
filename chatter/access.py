"""What a user may reach: a conversation opens to those who see its record, and to nobody else."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404

from chatter.models import Message, Thread
from chatter.threads import Threaded
from mail.models import Attachment


def record_of(thread: Thread, user: Any) -> Threaded | None:
    """The record of this thread, when the user may see it."""
    model = thread.document_type.model_class()
    if model is None:
        return None
    # A model that does not say who may see its records shows them to nobody (`chatter.E001` tells so at start).
    visible_to = getattr(model._default_manager.all(), "visible_to", None)
    record: Threaded | None = visible_to(user).filter(pk=thread.document_id).first() if visible_to else None
    return record


def thread_or_404(user: Any, pk: int) -> tuple[Thread, Threaded]:
    """The thread and its record; 404 when there is none, or none for this user."""
    thread = get_object_or_404(Thread.objects.select_related("document_type"), pk=pk)
    record = record_of(thread, user)
    if record is None:
        raise Http404
    return thread, record


def message_or_404(user: Any, pk: int) -> tuple[Message, Threaded]:
    """The message and the record it is about; 404 when this user may not read it."""
    readable = Message.objects.readable_by(user).select_related("thread__document_type", "author", "user")
    message = get_object_or_404(readable, pk=pk)
    record = record_of(message.thread, user)
    if record is None:
        raise Http404
    return message, record


def attachment_or_404(user: Any, pk: int) -> Attachment:
    """The file, for whoever may read a message that carries it, or uploaded it and has not posted it yet."""
    attachment = get_object_or_404(Attachment.objects.select_related("blob"), pk=pk)
    if not attachment.posted and attachment.owner_id == user.pk:
        return attachment
    messages = Message.objects.readable_by(user).filter(attachments=attachment)
    threads = Thread.objects.filter(messages__in=messages).select_related("document_type").distinct()
    if any(record_of(thread, user) for thread in threads):
        return attachment
    raise Http404


def may_post(user: Any) -> bool:
    """Whether the user, seeing a record, may also write in its conversation: internal users do."""
    return bool(user.is_authenticated and user.has_perm("chatter.use_notes"))


def may_manage(message: Message, user: Any) -> bool:
    """Whether the user may retry and cancel the copies of this message."""
    return message.user_id == user.pk or bool(user.has_perm("mail.manage_mail"))
