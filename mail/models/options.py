"""The general options: one row, and a version that everything planned by it remembers."""

from typing import Self

from django.db import models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

# Providers whose domain is everybody's: sending under it needs their own servers (design §5).
PUBLIC_PROVIDERS = (
    "gmail.com googlemail.com outlook.com hotmail.com hotmail.es live.com msn.com outlook.es yahoo.com yahoo.es "
    "ymail.com aol.com icloud.com me.com mac.com gmx.com gmx.es gmx.net mail.com proton.me protonmail.com zoho.com "
    "yandex.com mail.ru qq.com 163.com orange.fr laposte.net web.de t-online.de libero.it comcast.net telefonica.net"
)


class Options(models.Model):
    """What holds for the whole installation. There is one row; `Options.load()` gets it."""

    class Protection(models.TextChoices):
        NEVER = "never", _("Never")
        ALWAYS = "always", _("Always")
        AUTOMATIC = "automatic", _("Automatic")

    custom_servers = models.BooleanField(_("custom e-mail servers"), default=False)
    dmarc_protection = models.CharField(
        _("DMARC protection"), max_length=9, choices=Protection, default=Protection.NEVER
    )
    public_providers = models.TextField(_("public mail providers"), blank=True, default=PUBLIC_PROVIDERS)
    mass_server = models.ForeignKey("mail.Server", models.SET_NULL, null=True, blank=True, related_name="+")
    # While paused, mail of that lane waits in the queue; nothing fails.
    transactional_paused = models.BooleanField(default=False)
    mass_paused = models.BooleanField(default=False)
    # Raised whenever servers, domains or options change: mail planned under an older one is planned anew.
    version = models.PositiveBigIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = _("options")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="options_one_row")]

    def __str__(self) -> str:
        return "options"

    @classmethod
    def load(cls) -> Self:
        """The options; made with their defaults the first time."""
        return cls.objects.get_or_create(pk=1)[0]

    @classmethod
    def raise_version(cls) -> None:
        """Tell that what `choose` looks at has changed. Joins the transaction of the change."""
        with transaction.atomic():
            if not cls.objects.filter(pk=1).update(version=F("version") + 1):
                cls.objects.get_or_create(pk=1)

    @property
    def provider_domains(self) -> frozenset[str]:
        """The public providers as domains in A-label form, lower case."""
        return frozenset(self.public_providers.replace(",", " ").lower().split())
