"""What an e-mail says, kept once for all its copies."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from mail.models.attachment import Attachment


class Content(models.Model):
    """One rendered variant of an e-mail: subject, bodies, attachments, and the headers its copies share.

    A message to forty followers is one to three contents (by language, inside or outside) and forty mails.
    """

    subject = models.TextField(blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    attachments = models.ManyToManyField(Attachment, related_name="contents", blank=True)
    language = models.CharField(max_length=10, blank=True)

    # The author as written; the header From of a copy may differ (design §4).
    author_name = models.CharField(max_length=200, blank=True)
    author_address = models.CharField(max_length=320, blank=True)
    # Empty: worked out for each copy. Never touched when given.
    reply_to = models.TextField(blank=True)
    # As given to send_mail, for showing: every copy carries them. Empty: a copy names its own recipient only.
    to = models.TextField(blank=True)
    cc = models.TextField(blank=True)

    # With angle brackets. Shared by all copies, so that one reader's answer is understood by another's program.
    message_id = models.CharField(max_length=255, db_index=True)
    in_reply_to = models.CharField(max_length=255, blank=True)
    references = models.TextField(blank=True)
    # Further headers, in their order: [["X-Thing", "value"], …].
    extra_headers = models.JSONField(default=list, blank=True)
    # Written by the machine, not by a person: Auto-Submitted (RFC 3834).
    auto_submitted = models.BooleanField(default=False)
    # A password reset and its like: the body goes when all copies are settled.
    sensitive = models.BooleanField(default=False)
    # When its bodies and files went because they had been kept long enough (`mail.retention`).
    forgotten_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("content")
        indexes = [
            # Retention: what still has its words, oldest first. What was let go stays out, however much that is.
            models.Index(fields=["created_at", "id"], condition=models.Q(forgotten_at=None), name="content_kept"),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def is_forgotten(self) -> bool:
        """Whether its words were erased once it was sent, or kept long enough: what is left would be an empty mail."""
        return self.forgotten_at is not None or (self.sensitive and not (self.text or self.html))
