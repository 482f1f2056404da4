"""The credentials of this installation at Google and Microsoft: written in the options, never shown."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import SecretInput
from mail.fields import decrypt, encrypt
from mail.models import OAuthClient, Provider
from mail.oauth_providers import ANY_TENANT, PLACES, environment_client


class OAuthClientForm(forms.ModelForm):  # type: ignore[type-arg]
    """Client id, secret and tenant at one provider. Empty: what the environment says."""

    client_secret = forms.CharField(
        label=_("Client secret"), required=False, max_length=1000, widget=SecretInput(attrs={"spellcheck": "false"})
    )

    class Meta:
        model = OAuthClient
        fields = ["client_id", "tenant"]
        labels = {"client_id": _("Client id"), "tenant": _("Tenant")}
        help_texts = {
            "tenant": _("Your organization's domain or id at Microsoft; empty for any organization and account."),
        }
        widgets = {
            name: forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
            for name in ("client_id", "tenant")
        }

    def __init__(self, posted: Mapping[str, Any] | None = None, *, provider: str) -> None:
        row = OAuthClient.objects.filter(provider=provider).first() or OAuthClient(provider=provider)
        super().__init__(posted, instance=row, prefix=provider)
        self.provider = Provider(provider)
        self.console = PLACES[provider].console
        self.stored_id, self.stored_secret = row.client_id, row.client_secret
        # From the environment: shown where nothing is written here; the secret is not.
        given = environment_client(provider)
        self.given_id = given.client_id
        self.fields["client_id"].widget.attrs["placeholder"] = given.client_id
        if row.client_secret and not self.is_lost:
            self.fields["client_secret"].widget.attrs["placeholder"] = _("Stored; leave empty to keep the secret")
        if provider == Provider.MICROSOFT:
            self.fields["tenant"].widget.attrs["placeholder"] = given.tenant or ANY_TENANT
        else:
            del self.fields["tenant"]

    @property
    def is_lost(self) -> bool:
        """There is a secret, but no key of ours opens it."""
        return decrypt(self.stored_secret) is None

    def clean_client_id(self) -> str:
        return _one_word(self.cleaned_data["client_id"])

    def clean_tenant(self) -> str:
        return _one_word(self.cleaned_data["tenant"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        client_id, secret = data.get("client_id"), data.get("client_secret")
        if not client_id and secret:
            self.add_error("client_id", ValidationError(_("Write the client id that goes with the secret.")))
        elif client_id and client_id != self.given_id and not secret:
            if not self.stored_secret:
                self.add_error("client_secret", ValidationError(_("Write the client secret."), code="required"))
            elif client_id != self.stored_id:
                words = _("Write the secret again: the stored one belongs to another client id.")
                self.add_error("client_secret", ValidationError(words, code="bound"))
        return data

    def save(self, commit: bool = True) -> OAuthClient:
        row: OAuthClient = self.instance
        if self.cleaned_data["client_secret"]:
            row.client_secret = encrypt(self.cleaned_data["client_secret"])
        elif row.client_id != self.stored_id:
            row.client_secret = ""
        row.save()
        return row


def client_forms(posted: Mapping[str, Any] | None = None) -> list[OAuthClientForm]:
    """A form for each provider; one of which nothing was posted is not touched."""
    return [
        OAuthClientForm(posted if posted and f"{provider}-client_id" in posted else None, provider=provider)
        for provider in Provider.values
    ]


def _one_word(text: str) -> str:
    if any(not char.isprintable() or char.isspace() for char in text):
        raise ValidationError(_("This has no blanks in it."))
    return text
