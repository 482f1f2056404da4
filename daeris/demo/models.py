"""What the demo's mail server took in."""

from django.db import models
from django.utils.translation import gettext_lazy as _

# Older mail makes room: this is a demo, not an archive.
KEPT = 500


class CapturedMail(models.Model):
    """One mail as it arrived for one recipient."""

    sender = models.CharField(_("envelope sender"), max_length=320, blank=True)
    recipient = models.CharField(_("recipient"), max_length=320)
    # From and Subject as the recipient's program shows them, for the list.
    from_header = models.TextField(blank=True)
    subject = models.TextField(blank=True)
    raw = models.BinaryField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("captured e-mail")
        ordering = ["-pk"]
        indexes = [
            # One person's mailbox, newest first.
            models.Index(fields=["recipient", "-id"], name="captured_recipient"),
        ]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.subject}"
