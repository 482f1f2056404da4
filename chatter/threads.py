"""What a model gains by carrying a chatter."""

from collections.abc import Iterable
from typing import ClassVar
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models

from chatter.models import Follower, Message, Thread
from mail.models import Attachment, Contact
from mail.models.mail import AnyUser


class Threaded(models.Model):
    """A record with a conversation: `class Opportunity(Threaded)`.

    The model says who may see its records: a manager whose query set has `visible_to(user)`. It may name
    the fields whose changes are told in the thread (`tracked_fields`), and whose document it is: a group called
    `mail_team`, by which identity rules choose the address that mail about it is written under.
    """

    tracked_fields: ClassVar[tuple[str, ...]] = ()

    threads = GenericRelation(Thread, "document_id", "document_type")

    class Meta:
        abstract = True

    def get_absolute_url(self) -> str:
        """Where the record is shown; mails to colleagues link to it (`chatter.E002`)."""
        raise NotImplementedError

    @property
    def mail_team(self) -> Group | None:
        """Whose document it is; nobody's, unless the model says so."""
        return None

    @property
    def thread(self) -> Thread:
        """The record's conversation, made on first use."""
        document_type = ContentType.objects.get_for_model(type(self))
        return Thread.objects.get_or_create(document_type=document_type, document_id=self.pk)[0]

    def post(
        self,
        *,
        body: str,
        author: "Contact | AnyUser | None" = None,
        kind: str = Message.Kind.MESSAGE,
        to: Iterable[Contact] = (),
        attachments: Iterable[Attachment] = (),
        subject: str = "",
        form_token: UUID | None = None,
    ) -> Message:
        """Write in the conversation and tell whoever should hear of it (see `chatter.posting.post`)."""
        from chatter.posting import post

        return post(
            self,
            body=body,
            author=author,
            kind=kind,
            to=to,
            attachments=attachments,
            subject=subject,
            form_token=form_token,
        )

    def suggested_recipients(self) -> Iterable[Contact]:
        """Whom the composer offers to write to while they do not follow; a record's customer, for instance."""
        return ()

    def follow(self, who: "Contact | AnyUser") -> Follower:
        """Subscribe a contact, or a user's contact. Harmless when already subscribed."""
        from chatter.recipients import contact_of

        return Follower.objects.get_or_create(thread=self.thread, contact=contact_of(who))[0]

    def unfollow(self, who: "Contact | AnyUser") -> None:
        """Unsubscribe; harmless when not subscribed."""
        from chatter.recipients import contact_of

        Follower.objects.filter(thread=self.thread, contact=contact_of(who)).delete()
