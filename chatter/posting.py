"""Save a message, then tell whoever should hear of it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chatter import emails
from chatter.models import Message
from chatter.notifying import notify
from chatter.recipients import Audience, audience, contact_of
from mail import attachments as files
from mail.html import is_empty, sanitise
from mail.models import Attachment, Contact
from mail.models.mail import AnyUser

if TYPE_CHECKING:
    from chatter.threads import Threaded


class EmptyMessage(ValueError):
    """There is nothing to post: no words, no file, no change."""


class TokenTaken(ValueError):
    """The form token belongs to a message of another author or another conversation."""


def post(
    record: "Threaded",
    *,
    body: str = "",
    author: "Contact | AnyUser | None" = None,
    kind: str = Message.Kind.MESSAGE,
    to: Iterable[Contact] = (),
    attachments: Iterable[Attachment] = (),
    subject: str = "",
    form_token: UUID | None = None,
    changes: Sequence[dict[str, Any]] = (),
) -> Message:
    """Write in the conversation and tell whoever should hear of it; all in one transaction, the caller's if any.

    The followers of this kind of message except the author, and the contacts in `to`, hear of it: once each, by
    e-mail or in the application as they chose. A note never leaves to anyone who is not an internal user. The
    same `form_token` posted again gives the message it made the first time. `body` is HTML and is sanitised.
    """
    body = sanitise(body)
    given = list(attachments)
    if is_empty(body) and not given and not changes:
        raise EmptyMessage(_("There is nothing to post: the message is empty."))
    writer = contact_of(author)
    message = Message(
        thread=record.thread,
        kind=Message.Kind(kind),
        author=writer,
        user=_user_of(author),
        # A header is one line: so is the subject, wherever its words come from.
        subject=" ".join((subject or str(record)).split())[:255],
        body=body,
        changes=list(changes),
        form_token=form_token or uuid4(),
    )
    if form_token and (earlier := _posted_by(message)):
        return earlier
    heard = audience(message.thread, writer, kind, to)
    try:
        with transaction.atomic():
            _save_and_tell(message, record, heard, given)
    except IntegrityError:
        # Two requests with the same token ran at once, and the other was quicker.
        if form_token and (earlier := _posted_by(message)):
            return earlier
        raise
    return message


def _save_and_tell(message: Message, record: "Threaded", heard: Audience, attachments: Sequence[Attachment]) -> None:
    references = emails.identify(message, record) if heard.by_email else ""
    message.save(force_insert=True)
    files.post(attachments)
    message.attachments.add(*attachments)
    contents = emails.send(message, record, heard, attachments, references)
    notify(message, heard, [content.pk for content in contents])


def _user_of(author: "Contact | AnyUser | None") -> Any:
    """The user who writes here; None for who writes by mail."""
    return None if author is None or author.pk is None or isinstance(author, Contact) else author


def _posted_by(message: Message) -> Message | None:
    """What this form posted before, if anything."""
    earlier = Message.objects.filter(form_token=message.form_token).first()
    if earlier and (earlier.thread_id, earlier.author_id) != (message.thread_id, message.author_id):
        raise TokenTaken(_("This form was already sent for another conversation."))
    return earlier
