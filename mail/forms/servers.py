"""The form of an outgoing server."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import FileInput, NumberInput, SecretInput, Switch
from mail.addresses import InvalidAddress, InvalidFilter, normalise_filter, normalise_host
from mail.endpoint import Endpoint
from mail.forms.certificates import Certificate, certificates_in, clean_pem
from mail.models import Server

# What a stored password belongs to: with any of these changed it is asked for again (design §8).
BOUND = ("host", "port", "security", "username", "verify_certificate", "ca_certificate")
# What a connection is made of; a test looks at no other field.
CONNECTION = (*BOUND[:-1], "authentication", "password", "ca_file")


class ServerForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where a server is, who may send through it, and how one logs in. The password is written and never shown."""

    port = forms.IntegerField(
        label=_("SMTP port"),
        required=False,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
        widget=NumberInput(attrs={"min": 1, "max": 65535, "inputmode": "numeric"}),
        help_text=_("Empty: the one that goes with the connection security (25, 587 or 465)."),
    )
    password = forms.CharField(label=_("Password"), required=False, strip=False, max_length=1000, widget=SecretInput())
    ca_file = forms.FileField(
        label=_("Private CA"),
        required=False,
        widget=FileInput(attrs={"accept": ".pem,.crt,.cer,application/x-pem-file"}),
        help_text=_("The certificate of your own authority in PEM format, when no public one signed the server's."),
    )
    forget_ca = forms.BooleanField(label=_("Forget this CA"), required=False)

    class Meta:
        model = Server
        fields = [
            *("name", "priority", "from_filter", "active", "host", "port", "security"),
            *("authentication", "username", "verify_certificate"),
        ]
        labels = {
            "name": _("Description"),
            "priority": _("Priority"),
            "from_filter": _("From filter"),
            "active": _("Active"),
            "host": _("SMTP server"),
            "security": _("Connection security"),
            "authentication": _("Authenticate with"),
            "username": _("User name"),
            "verify_certificate": _("Verify certificate"),
        }
        help_texts = {
            "from_filter": _(
                "The addresses and domains that may send through this server, separated by commas. Empty: all of them."
            ),
            "verify_certificate": _("Off, anyone between here and the server may read the mail and the password."),
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off", "maxlength": 100}),
            "from_filter": forms.TextInput(attrs={"placeholder": "ventas@miempresa.com, miempresa.com"}),
            "host": forms.TextInput(
                attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "smtp.miempresa.com"}
            ),
            "username": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            "active": Switch(),
            "verify_certificate": Switch(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [choice for choice in Server.Authentication.choices if choice[0] in ("none", "password")]
        self.fields["authentication"].choices = offered  # type: ignore[attr-defined]
        # As it is stored: the instance changes while the form is cleaned.
        self.stored = {name: getattr(self.instance, name) for name in BOUND}
        self.stored_password: str = self.instance.password
        self.fields["password"].widget.stored = bool(self.stored_password)
        if not self.instance.ca_certificate:
            del self.fields["forget_ca"]

    @property
    def ca(self) -> list[Certificate]:
        """The private CA that is stored."""
        return certificates_in(self.stored["ca_certificate"])

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Server.objects.custom().filter(name=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Another server has this description already."), code="unique")
        return name

    def clean_from_filter(self) -> str:
        try:
            return normalise_filter(self.cleaned_data["from_filter"])
        except InvalidFilter as error:
            raise ValidationError([f"«{part}»: {reason}" for part, reason in error.parts]) from None

    def clean_host(self) -> str:
        try:
            return normalise_host(self.cleaned_data["host"])
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if any(ord(char) < 32 for char in name):
            raise ValidationError(_("A user name has no control characters."))
        return name

    def clean_ca_file(self) -> str:
        """The PEM text of an upload, "" for none."""
        file = self.cleaned_data.get("ca_file")
        return clean_pem(file.read()) if file else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        security = data.get("security", Server.Security.NONE)
        if not data.get("port") and "port" not in self.errors:
            data["port"] = Server.PORTS[Server.Security(security)]
        forgets = data.get("forget_ca")
        data["ca_certificate"] = data.get("ca_file") or ("" if forgets else self.stored["ca_certificate"])
        self._clean_login(data)
        return data

    def _clean_login(self, data: dict[str, Any]) -> None:
        if data.get("authentication") != Server.Authentication.PASSWORD:
            # Nobody logs in: no secret is kept that nothing uses.
            data["username"] = data["password"] = ""
            return
        if not data.get("username") and "username" not in self.errors:
            self.add_error("username", ValidationError(_("Write the user name."), code="required"))
        if data.get("password"):
            return
        if not self.stored_password:
            self.add_error("password", ValidationError(_("Write the password."), code="required"))
        elif self._is_moved(data):
            self.add_error(
                "password",
                ValidationError(
                    _(
                        "Write the password again: the stored one is only used with the server, port, user name, "
                        "security and certificate check that it was saved with."
                    ),
                    code="bound",
                ),
            )

    def _is_moved(self, data: dict[str, Any]) -> bool:
        return any(name in data and data[name] != self.stored[name] for name in BOUND)

    def _post_clean(self) -> None:
        # Here Django writes the cleaned values into the instance; what the form keeps apart is added.
        super()._post_clean()  # type: ignore[misc]
        self.instance.ca_certificate = self.cleaned_data.get("ca_certificate", self.stored["ca_certificate"])
        if self.cleaned_data.get("authentication") != Server.Authentication.PASSWORD:
            self.instance.password = ""
        elif self.cleaned_data.get("password"):
            self.instance.set_password(self.cleaned_data["password"])

    @property
    def connects_anew(self) -> bool:
        """Whether the connection differs from the stored one, by its place or by its secret."""
        now = {name: getattr(self.instance, name) for name in BOUND}
        return now != self.stored or self.instance.password != self.stored_password

    @property
    def connection_errors(self) -> dict[str, list[str]]:
        """What keeps a test from being made: the label of each wrong field, and what is wrong."""
        return {
            str(self.fields[name].label): [str(error) for error in errors]
            for name, errors in self.errors.items()
            if name in CONNECTION
        }

    def endpoint(self) -> Endpoint:
        """The server as it stands on the screen, saved or not; ask `connection_errors` first."""
        return Endpoint.of(self.instance)

    def save(self, commit: bool = True) -> Server:
        server: Server = self.instance
        if server.pk:
            # Only what the form shows: the workers write the other columns meanwhile.
            server.save(update_fields=[*self.Meta.fields, "password", "ca_certificate"])
        else:
            server.save()
        return server
