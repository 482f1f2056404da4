"""The general options, and the alias domain."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import Radios, Switch, Textarea
from mail.addresses import InvalidAddress, normalise_domain
from mail.forms.domains import default_domain, delete_domain
from mail.models import Domain, Options, Server


class OptionsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What holds for the whole installation."""

    alias_domain = forms.CharField(
        label=_("Alias domain"),
        required=False,
        max_length=253,
        help_text=_("The domain of your company, under whose name mail leaves: miempresa.com"),
        widget=forms.TextInput(attrs={"placeholder": "miempresa.com", "autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Options
        fields = ["custom_servers", "mass_server", "dmarc_protection", "public_providers"]
        labels = {
            "custom_servers": _("Custom e-mail servers"),
            "mass_server": _("Server of mass mail"),
            "dmarc_protection": _("DMARC protection"),
            "public_providers": _("Public mail providers"),
        }
        help_texts = {
            "custom_servers": _("Send through servers of your own instead of the one of the installation."),
            "mass_server": _("Mass mail leaves through this server and no other."),
            "dmarc_protection": _(
                "Whether mail under a domain that is not yours goes out under your default address instead, "
                "because the owner of that domain may have it refused. Automatic asks the DNS what the owner wants, "
                "and treats public mail providers as strict."
            ),
            "public_providers": _("Domains that are everybody's, separated by spaces. They are never yours."),
        }
        widgets = {"custom_servers": Switch(), "dmarc_protection": Radios(), "public_providers": Textarea(rows=4)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.was_on = bool(self.instance.custom_servers)
        self.domain = default_domain()
        self.fields["alias_domain"].initial = self.domain.name if self.domain else ""
        servers = self.fields["mass_server"]
        assert isinstance(servers, forms.ModelChoiceField)
        servers.queryset = Server.objects.custom().filter(Q(active=True) | Q(pk=self.instance.mass_server_id))
        servers.empty_label = _("None: as for any other mail")
        if self.is_bound:
            # What is only shown while custom servers are on changes nothing where it was not shown.
            for name in {"alias_domain", "mass_server"} - set(self.data):
                del self.fields[name]

    @property
    def switches_off(self) -> bool:
        """Whether servers of our own would no longer count."""
        return self.was_on and not self.cleaned_data.get("custom_servers")

    @property
    def forgets(self) -> Domain | None:
        """The domain that goes with its addresses, because its field was emptied."""
        is_emptied = self.cleaned_data.get("alias_domain") == "" and self.cleaned_data.get("custom_servers")
        return self.domain if is_emptied else None

    def clean_alias_domain(self) -> str:
        text: str = self.cleaned_data["alias_domain"]
        try:
            return normalise_domain(text.removeprefix("@")) if text else ""
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean_public_providers(self) -> str:
        good: dict[str, None] = {}
        bad: list[str] = []
        for word in self.cleaned_data["public_providers"].replace(",", " ").split():
            try:
                good[normalise_domain(word)] = None
            except InvalidAddress as error:
                bad.append(f"«{word}»: {error}")
        if bad:
            raise ValidationError(bad)
        return " ".join(good)

    def save(self, commit: bool = True) -> Options:
        options: Options = self.instance
        with transaction.atomic():
            options.save(update_fields=self.Meta.fields)
            if options.custom_servers and "alias_domain" in self.cleaned_data:
                self._save_domain(self.cleaned_data["alias_domain"])
            # Mail that waits is planned anew under what holds now.
            Options.raise_version()
        return options

    def _save_domain(self, name: str) -> None:
        if name == (self.domain.name if self.domain else ""):
            return
        if not name and self.domain:
            delete_domain(self.domain)
        elif other := Domain.objects.filter(name=name).first():
            Domain.objects.filter(is_default=True).update(is_default=False)
            other.is_default = True
            other.save(update_fields=["is_default"])
        elif self.domain:
            self.domain.name = name
            self.domain.save(update_fields=["name"])
        else:
            Domain.objects.create(name=name, is_default=True)
