"""One entry of a conversation."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from chatter.models.thread import Thread
from mail.models import Attachment, Contact
from mail.models.mail import AnyUser


class MessageQuerySet(models.QuerySet["Message"]):
    def readable_by(self, user: AnyUser) -> Self:
        """Notes and changes are for internal users; the record's own permission is asked by the caller."""
        if user.has_perm("chatter.use_notes"):  # type: ignore[union-attr]
            return self
        return self.filter(kind=Message.Kind.MESSAGE)


class Message(models.Model):
    """One entry of a thread: a message that may leave by e-mail, an internal note, or changed fields."""

    class Kind(models.TextChoices):
        MESSAGE = "message", _("Message")
        NOTE = "note", _("Internal note")
        CHANGE = "change", _("Change")

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.MESSAGE)
    # Who wrote it: a contact, because an answer may come by mail; the user when it was written here.
    author = models.ForeignKey(Contact, models.PROTECT, related_name="+", null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    subject = models.CharField(max_length=255, blank=True)
    body = models.TextField(blank=True)  # sanitised HTML
    # Changed fields: [{"field", "label", "old", "new"}, …], already in words.
    changes = models.JSONField(default=list, blank=True)
    attachments = models.ManyToManyField(Attachment, related_name="messages", blank=True)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="answers")
    # With angle brackets; empty for what never leaves.
    message_id = models.CharField(max_length=255, blank=True, db_index=True)
    # The form that posted it: the same form sent twice makes one message.
    form_token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(default=now)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-pk"]
        indexes = [
            # A page of the thread, newest first.
            models.Index(fields=["thread", "-id"], name="message_thread"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
