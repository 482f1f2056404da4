"""The form of an outgoing server."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import FileInput, NumberInput
from mail import presets
from mail.addresses import InvalidAddress, InvalidFilter, normalise_host, parse_filter
from mail.certificates import Certificate, CertificateInvalid, authority_warning, certificates_in, read_authorities
from mail.endpoint import Endpoint, normalise_ehlo_name
from mail.extra_headers import InvalidHeaders, normalise_headers
from mail.filter_advice import filter_warnings
from mail.forms import server_fields
from mail.forms.domains import default_domain
from mail.forms.server_fields import FilterField, SizeField
from mail.forms.server_login import FIELD_OF, LogInForm
from mail.models import Provider, Server
from mail.planning import default_from_of
from mail.secret_places import BELONGS_TO

# What a connection is made of; a test looks at no other field.
CONNECTION = (
    *BELONGS_TO[:-1],
    *("authentication", "password", "ca_file", "ehlo_name", "connect_seconds", "command_seconds", "data_seconds"),
    *FIELD_OF.values(),
)


class ServerForm(LogInForm):
    """Where a server is, who may send through it, how one logs in, and how much it takes."""

    region = forms.ChoiceField(label=_("Region"), required=False, choices=server_fields.region_choices)
    from_filter = FilterField(
        label=server_fields.LABELS["from_filter"],
        required=False,
        help_text=server_fields.HELP_TEXTS["from_filter"],
        widget=server_fields.TagInput(attrs={"placeholder": "ventas@miempresa.com, miempresa.com"}),
    )
    port = forms.IntegerField(
        label=_("SMTP port"),
        required=False,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
        widget=NumberInput(attrs={"min": 1, "max": 65535, "inputmode": "numeric"}),
        help_text=_("Empty: the one that goes with the connection security (25, 587 or 465)."),
    )
    ca_file = forms.FileField(
        label=_("Private CA"),
        required=False,
        widget=FileInput(attrs={"accept": ".pem,.crt,.cer,application/x-pem-file"}),
        help_text=_("The certificate of your own authority in PEM format, when no public one signed the server's."),
    )
    forget_ca = forms.BooleanField(label=_("Forget this CA"), required=False)
    largest_mail = SizeField(label=_("Largest e-mail"), help_text=_("A larger one is not even tried. Empty: no limit."))

    class Meta:
        model = Server
        fields = [*server_fields.GENERAL, *server_fields.CONNECTION, *server_fields.ADVANCED]
        labels = server_fields.LABELS
        help_texts = server_fields.HELP_TEXTS
        widgets = server_fields.WIDGETS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("preset", "max_connections"):
            self.fields[name].required = False
        for name in ("connect_seconds", "command_seconds", "data_seconds"):
            # Empty: what the installation says.
            self.fields[name].widget.attrs["placeholder"] = f"{getattr(settings, f'MAIL_{name.upper()}'):g}"
        self.fields["preset"].choices = Server.Preset.choices  # type: ignore[attr-defined]
        server: Server = self.instance
        chosen = self.initial.get("preset") or server.preset
        if region := presets.region_of(chosen, self.initial.get("host") or server.host):
            self.initial.setdefault("region", f"{chosen}/{region}")
        if not server.ca_certificate:
            del self.fields["forget_ca"]

    # -- What the page shows ---------------------------------------------------------------------

    @property
    def ca(self) -> list[Certificate]:
        """The private CA that is stored."""
        return certificates_in(self.stored["ca_certificate"])

    @property
    def ca_warning(self) -> tuple[int, str] | None:
        """That it ends soon: the stage, and a sentence."""
        return authority_warning(self.stored["ca_certificate"]) if self.stored["verify_certificate"] else None

    @property
    def chosen_preset(self) -> str:
        """The provider on the screen."""
        return str(self["preset"].value() or Server.Preset.OTHER)

    @property
    def filter_warnings(self) -> list[str]:
        """What will not work well about the filter of an account that sends as itself only."""
        server: Server = self.instance
        if not server.from_filter or not presets.needs_filter(server.preset, server.host):
            return []
        try:
            listed = parse_filter(server.from_filter)
        except InvalidFilter:
            return []
        domain = default_domain()
        sender = default_from_of(domain.name, domain.default_from) if domain else ""
        return list(filter_warnings(listed, account=server.username, default_from=sender))

    @property
    def advanced_is_open(self) -> bool:
        """Whether something under Advanced is wrong, or not as in an empty form."""
        names = (*server_fields.ADVANCED, "ca_file", "forget_ca")
        if any(name in self.errors for name in names):
            return True
        empty, server = Server(), self.instance
        stands_out = any(getattr(server, name) != getattr(empty, name) for name in server_fields.ADVANCED)
        return stands_out or bool(server.ca_certificate)

    # -- Cleaning --------------------------------------------------------------------------------

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Server.objects.custom().filter(name=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Another server has this description already."), code="unique")
        return name

    def clean_preset(self) -> str:
        preset: str = self.cleaned_data["preset"] or self.instance.preset
        return preset

    def clean_max_connections(self) -> int:
        connections: int = self.cleaned_data["max_connections"] or self.instance.max_connections
        return connections

    def clean_host(self) -> str:
        try:
            return normalise_host(self.cleaned_data["host"])
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean_ehlo_name(self) -> str:
        name: str = self.cleaned_data["ehlo_name"]
        try:
            return normalise_ehlo_name(name) if name else ""
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean_extra_headers(self) -> str:
        try:
            return normalise_headers(self.cleaned_data["extra_headers"])
        except InvalidHeaders as error:
            raise ValidationError([f"«{line}»: {reason}" for line, reason in error.lines]) from None

    def clean_largest_mail(self) -> int | None:
        # What is shown is rounded: untouched, the exact number stays.
        is_touched = "largest_mail" in self.changed_data
        size: int | None = self.cleaned_data["largest_mail"] if is_touched else self.instance.largest_mail
        return size

    def clean_ca_file(self) -> str:
        """The PEM text of an upload, "" for none."""
        file = self.cleaned_data.get("ca_file")
        try:
            return read_authorities(file.read()) if file else ""
        except CertificateInvalid as error:
            raise ValidationError(str(error), code=error.code) from None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        security = data.get("security", Server.Security.NONE)
        if not data.get("port") and "port" not in self.errors:
            data["port"] = Server.PORTS[Server.Security(security)]
        forgets = data.get("forget_ca")
        data["ca_certificate"] = data.get("ca_file") or ("" if forgets else self.stored["ca_certificate"])
        self.clean_log_in(data)
        self._clean_needed_filter(data)
        return data

    def _clean_needed_filter(self, data: dict[str, Any]) -> None:
        if data.get("from_filter") or "from_filter" in self.errors or self.connects == Provider.MICROSOFT:
            return  # the account that is connected fills it
        if presets.needs_filter(data.get("preset", ""), data.get("host", "")):
            words = _(
                "This provider lets an account send as itself only, so the filter must not be empty: write the "
                "address of the account."
            )
            self.add_error("from_filter", ValidationError(words, code="required"))

    def _post_clean(self) -> None:
        # Here Django writes the cleaned values into the instance; what the form keeps apart is added.
        super()._post_clean()  # type: ignore[misc]
        self.instance.ca_certificate = self.cleaned_data.get("ca_certificate", self.stored["ca_certificate"])
        self.keep_secrets()

    # -- Using -----------------------------------------------------------------------------------

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
            kept_apart = ["password", "ca_certificate", "client_certificate", "client_key"]
            server.save(update_fields=[*self.Meta.fields, *kept_apart])
        else:
            server.save()
        return server
