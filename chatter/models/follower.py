"""Who follows a conversation."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatter.models.thread import Thread


class Follower(models.Model):
    """A contact subscribed to a thread, with the kinds of message wanted."""

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="followers")
    contact = models.ForeignKey("mail.Contact", models.CASCADE, related_name="follows")
    wants_messages = models.BooleanField(_("messages"), default=True)
    wants_notes = models.BooleanField(_("internal notes"), default=False)
    wants_changes = models.BooleanField(_("changes"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("follower")
        verbose_name_plural = _("followers")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["thread", "contact"], name="follower_once")]

    def __str__(self) -> str:
        return str(self.contact)
