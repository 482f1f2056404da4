"""Logging in by OAuth2: the application's own credentials, and what each account granted to it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from mail.fields import EncryptedField
from mail.models.server import Server


class Provider(models.TextChoices):
    """Who authorises; the same values as `Server.Authentication`."""

    GOOGLE = "google", "Google"
    MICROSOFT = "microsoft", "Microsoft"


class OAuthClient(models.Model):
    """Daeris as the provider knows it. What is missing here is read from the environment."""

    provider = models.CharField(max_length=9, choices=Provider, unique=True)
    client_id = models.CharField(_("client id"), max_length=300, blank=True)
    client_secret = EncryptedField(_("client secret"), blank=True, editable=False)
    # Microsoft only: the tenant's id or domain; "common" for any account.
    tenant = models.CharField(_("tenant"), max_length=200, blank=True)

    def __str__(self) -> str:
        return self.provider


class Grant(models.Model):
    """What an account granted for one server: tokens, and how they are doing."""

    server = models.OneToOneField(Server, models.CASCADE, related_name="grant")
    provider = models.CharField(max_length=9, choices=Provider)
    account = models.CharField(max_length=320, blank=True)
    scopes = models.TextField(blank=True)
    access_token = EncryptedField(blank=True, editable=False)
    refresh_token = EncryptedField(blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    connected_at = models.DateTimeField(null=True, editable=False)
    connected_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    refreshed_at = models.DateTimeField(null=True, editable=False)
    # A print of the host and all else that it was granted for: no other place is ever shown the tokens.
    place = models.CharField(max_length=64, blank=True, editable=False)
    # While a worker asks the provider for a new token, the others wait for it instead of asking too.
    refreshing_until = models.DateTimeField(null=True, editable=False)
    # The provider's own code when it took the grant back ("invalid_grant"); empty while it holds.
    failure = models.CharField(max_length=60, blank=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.provider} {self.account}"
