"""What happened each time a mail was tried."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Attempt(models.Model):
    """One try to deliver a mail, with everything needed to explain it."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        TEMPORARY = "temporary", _("To be tried again")
        PERMANENT = "permanent", _("Refused")
        # The connection was lost after the final dot: nobody knows whether it was accepted.
        UNCERTAIN = "uncertain", _("Outcome unknown")

    mail = models.ForeignKey("mail.Mail", models.CASCADE, related_name="attempts")
    outcome = models.CharField(max_length=9, choices=Outcome)
    server = models.ForeignKey("mail.Server", models.SET_NULL, null=True, related_name="+")
    server_name = models.CharField(max_length=100, blank=True)
    # The decision of design §4: the step's name and the parameters of its sentence.
    step = models.CharField(max_length=20, blank=True)
    explanation = models.JSONField(default=dict)
    header_from = models.CharField(max_length=600, blank=True)
    envelope_from = models.CharField(max_length=320, blank=True)
    tls = models.CharField(max_length=20, blank=True)
    # Where it ended: resolve, connect, greeting, ehlo, starttls, auth, mail, rcpt, data, final.
    phase = models.CharField(max_length=10, blank=True)
    reply_code = models.PositiveSmallIntegerField(null=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    reply_text = models.TextField(blank=True)
    cause = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField()
    seconds = models.FloatField(default=0)
    # The worker that tried.
    worker = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name = _("attempt")
        ordering = ["started_at", "pk"]

    def __str__(self) -> str:
        return f"{self.mail_id} {self.outcome}"
