"""The outgoing servers."""

from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from mail.fields import EncryptedField, decrypt, encrypt


class ServerQuerySet(models.QuerySet["Server"]):
    def custom(self) -> Self:
        """The servers that administrators wrote down, in the order in which they are tried."""
        return self.filter(is_environment=False).order_by("priority", "pk")


class Server(models.Model):
    """An outgoing SMTP server: where it is, who may send through it, and how it is doing."""

    class Security(models.TextChoices):
        NONE = "none", _("None")
        STARTTLS = "starttls", _("TLS (STARTTLS)")
        TLS = "tls", _("SSL/TLS")

    class Authentication(models.TextChoices):
        NONE = "none", _("No authentication")
        PASSWORD = "password", _("User name")
        CERTIFICATE = "certificate", _("SSL certificate")
        GOOGLE = "google", _("Google (OAuth)")
        MICROSOFT = "microsoft", _("Microsoft (OAuth)")

    # The port that goes with each kind of security, until someone types another.
    PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}

    class Preset(models.TextChoices):
        """Where the account is: what is known of that provider fills the form and explains its answers."""

        OWN = "own", _("Own domain")
        GMAIL = "gmail", "Gmail"
        OUTLOOK = "outlook", "Outlook"
        MICROSOFT365 = "microsoft365", "Microsoft 365"
        SES = "ses", "Amazon SES"
        SENDGRID = "sendgrid", "SendGrid"
        MAILGUN = "mailgun", "Mailgun"
        BREVO = "brevo", "Brevo"
        POSTMARK = "postmark", "Postmark"
        OTHER = "other", _("Other")

    name = models.CharField(_("description"), max_length=100)
    preset = models.CharField(_("provider"), max_length=12, choices=Preset, default=Preset.OTHER)
    priority = models.IntegerField(
        _("priority"), default=10, help_text=_("Servers are tried in this order: the smaller number goes first.")
    )
    from_filter = models.TextField(_("from filter"), blank=True)
    active = models.BooleanField(_("active"), default=True)
    host = models.CharField(_("SMTP server"), max_length=253)
    port = models.PositiveIntegerField(
        _("SMTP port"), default=25, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    security = models.CharField(_("connection security"), max_length=8, choices=Security, default=Security.NONE)
    authentication = models.CharField(
        _("authenticate with"), max_length=11, choices=Authentication, default=Authentication.NONE
    )
    username = models.CharField(_("user name"), max_length=254, blank=True)
    password = EncryptedField(_("password"), blank=True, editable=False)
    verify_certificate = models.BooleanField(_("verify certificate"), default=True)
    ca_certificate = models.TextField(_("private CA certificate (PEM)"), blank=True)
    # Authentication by certificate: the client's chain and its key, both PEM.
    client_certificate = models.TextField(_("SSL certificate"), blank=True)
    client_key = EncryptedField(_("SSL private key"), blank=True, editable=False)

    ehlo_name = models.CharField(_("EHLO name"), max_length=253, blank=True)
    # Empty: what the settings say.
    connect_seconds = models.PositiveSmallIntegerField(
        _("seconds to connect"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(300)]
    )
    command_seconds = models.PositiveSmallIntegerField(
        _("seconds per command"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(600)]
    )
    data_seconds = models.PositiveSmallIntegerField(
        _("seconds after the content"),
        null=True,
        blank=True,
        validators=[MinValueValidator(10), MaxValueValidator(3600)],
    )
    # For each worker process; `limit_connections` holds for all of them together.
    max_connections = models.PositiveSmallIntegerField(
        _("connections per worker"), default=10, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    extra_headers = models.TextField(_("extra headers"), blank=True)
    largest_mail = models.PositiveBigIntegerField(_("largest e-mail (bytes)"), null=True, blank=True)

    # What may leave through it, counted over all workers; empty is without limit.
    limit_minute = models.PositiveIntegerField(
        _("e-mails per minute"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_hour = models.PositiveIntegerField(
        _("e-mails per hour"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_day = models.PositiveIntegerField(
        _("e-mails per day"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    limit_connections = models.PositiveSmallIntegerField(
        _("simultaneous connections"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    is_paused = models.BooleanField(_("paused"), default=False)
    # The server of EMAIL_URL: kept beside the others so that mail, attempts and trouble have a row to name.
    is_environment = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    # How it is doing; written by the workers.
    # Blocked: a cause that only a person can mend (wrong password). Its mail waits, red, until it tests well.
    blocked_cause = models.CharField(max_length=40, blank=True, editable=False)
    blocked_reply = models.TextField(blank=True, editable=False)
    # Since when; where nothing blocks it, when it was last found well again.
    blocked_at = models.DateTimeField(null=True, editable=False)
    # In trouble: it could not be reached; left alone until then.
    failures = models.PositiveIntegerField(default=0, editable=False)
    trouble_since = models.DateTimeField(null=True, editable=False)
    resting_until = models.DateTimeField(null=True, editable=False)
    # Slowed: the provider itself said that it was too much. Its mail waits until then, and nothing failed.
    slowed_until = models.DateTimeField(null=True, editable=False)
    slowed_reply = models.TextField(blank=True, editable=False)

    objects = ServerQuerySet.as_manager()

    class Meta:
        verbose_name = _("outgoing server")
        verbose_name_plural = _("outgoing servers")
        ordering = ["priority", "pk"]
        permissions = [("manage_servers", _("Manage outgoing servers, aliases and options"))]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(is_environment=False), name="server_name"),
            models.UniqueConstraint(
                fields=["is_environment"], condition=Q(is_environment=True), name="server_one_environment"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def set_password(self, password: str) -> None:
        """Encrypt and keep the password; the caller saves."""
        self.password = encrypt(password)

    def open_password(self) -> str | None:
        """The password in clear, for a connection only; None when no key opens it."""
        return decrypt(self.password)

    @property
    def is_limited(self) -> bool:
        """Whether what leaves through it is counted over all workers."""
        return bool(self.limit_minute or self.limit_hour or self.limit_day or self.limit_connections)

    @property
    def is_resting(self) -> bool:
        return self.resting_until is not None and self.resting_until > now()

    def block(self, *, cause: str, reply: str) -> None:
        """Stop claiming mail for this server until a person mends it."""
        Server.objects.filter(pk=self.pk).update(blocked_cause=cause, blocked_reply=reply, blocked_at=now())
        self.refresh_from_db()

    def unblock(self) -> None:
        """It works again: its mail may go at once."""
        Server.objects.filter(pk=self.pk).update(
            blocked_cause="", blocked_reply="", blocked_at=Now(), failures=0, trouble_since=None, resting_until=None
        )
        self.refresh_from_db()
