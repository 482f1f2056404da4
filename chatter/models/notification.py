"""Who was told of a message, and how."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatter.models.message import Message


class Notification(models.Model):
    """A message for a contact, in the application or by e-mail. Never purged: answers are addressed to it."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        APP = "app", _("In Daeris")

    message = models.ForeignKey(Message, models.CASCADE, related_name="notifications")
    contact = models.ForeignKey("mail.Contact", models.CASCADE, related_name="notifications")
    channel = models.CharField(max_length=5, choices=Channel)
    # Its copy, while the queue still keeps it.
    mail = models.OneToOneField("mail.Mail", models.SET_NULL, null=True, related_name="notification")
    read_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("notification")
        constraints = [models.UniqueConstraint(fields=["message", "contact"], name="notification_once")]
        indexes = [
            # The bell's count: what one contact has not read.
            models.Index(fields=["contact", "-id"], condition=models.Q(read_at=None), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} → {self.contact_id}"
