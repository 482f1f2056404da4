"""What the fields of an outgoing server are called, what helps to fill them in, and the controls of their own."""

from decimal import ROUND_DOWN, Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import NumberInput, Switch, Textarea
from mail.addresses import InvalidFilter, normalise_filter, readable
from mail.models import Server
from mail.presets import PRESETS

MEGABYTE = 1024 * 1024

GENERAL = ("name", "preset", "priority", "from_filter", "active")
CONNECTION = ("host", "port", "security", "authentication", "username")
ADVANCED = (
    *("ehlo_name", "connect_seconds", "command_seconds", "data_seconds", "max_connections", "limit_connections"),
    *("limit_minute", "limit_hour", "limit_day", "verify_certificate", "extra_headers", "largest_mail"),
)

LABELS: dict[str, Any] = {
    "name": _("Description"),
    "preset": _("Provider"),
    "priority": _("Priority"),
    "from_filter": _("From filter"),
    "active": _("Active"),
    "host": _("SMTP server"),
    "security": _("Connection security"),
    "authentication": _("Authenticate with"),
    "username": _("User name"),
    "verify_certificate": _("Verify certificate"),
    "ehlo_name": _("EHLO name"),
    "connect_seconds": _("To connect"),
    "command_seconds": _("Per command"),
    "data_seconds": _("After the content"),
    "max_connections": _("Connections per worker"),
    "limit_connections": _("Connections in all"),
    "limit_minute": _("Per minute"),
    "limit_hour": _("Per hour"),
    "limit_day": _("Per day"),
    "extra_headers": _("Extra headers"),
}
HELP_TEXTS: dict[str, Any] = {
    "from_filter": _(
        "The addresses and domains that may send through this server, separated by commas. Empty: all of them."
    ),
    "verify_certificate": _("Off, anyone between here and the server may read the mail and the password."),
    "ehlo_name": _("How this machine introduces itself. Empty: its own name."),
    "max_connections": _("Opened side by side by each worker process."),
    "limit_connections": _("By all workers together. Empty: no limit."),
    "extra_headers": _(
        "Added to every e-mail that leaves through this server; one a line, as in X-Company: Mi Empresa."
    ),
}


class SizeField(forms.DecimalField):
    """A size in megabytes on the screen, in bytes behind it. What is not touched keeps its exact bytes."""

    def __init__(self, **options: Any) -> None:
        widget = NumberInput(attrs={"min": "0.01", "step": "any", "inputmode": "decimal"}, suffix="MB")
        super().__init__(required=False, min_value=Decimal("0.01"), max_value=4096, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return self.shown(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        number = super().clean(value)
        return None if number is None else int(number * MEGABYTE)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(Decimal(self.shown(initial)) if isinstance(initial, int) else initial, data)

    @staticmethod
    def shown(size: int) -> str:
        """Megabytes, rounded down so that never more is promised than there is."""
        exact = (Decimal(size) / MEGABYTE).quantize(Decimal("0.01"), ROUND_DOWN).normalize()
        return f"{exact:f}"


class TagInput(forms.TextInput):
    """Addresses and domains as tags; plain text without script."""

    template_name = "mail/forms/tags.html"
    # Of what was refused, each part with its reason.
    reasons: dict[str, str]

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none", **(attrs or {})})
        self.reasons = {}

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["reasons"] = self.reasons
        return context


class FilterField(forms.CharField):
    """A From filter: normalised, or refused with the reason of each part."""

    widget = TagInput

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(readable, value.split(", "))) if isinstance(value, str) else value

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        try:
            return normalise_filter(text)
        except InvalidFilter as error:
            self.widget.reasons = dict(error.parts)
            raise ValidationError([f"«{part}»: {reason}" for part, reason in error.parts]) from None


class PresetChoice(forms.RadioSelect):
    """The providers side by side."""

    template_name = "mail/forms/presets.html"


def _number(**attrs: Any) -> NumberInput:
    return NumberInput(attrs={"inputmode": "numeric", **attrs})


def _seconds() -> NumberInput:
    return NumberInput(attrs={"inputmode": "numeric", "min": 1}, suffix="s")


def region_choices() -> list[tuple[Any, Any]]:
    """The regions of each provider that has some."""
    labels = dict(Server.Preset.choices)
    return [
        (labels[one.code], [(f"{one.code}/{region.code}", region.label) for region in one.regions])
        for one in PRESETS.values()
        if one.regions
    ]


WIDGETS: dict[str, forms.Widget] = {
    "name": forms.TextInput(attrs={"autocomplete": "off", "maxlength": 100}),
    "preset": PresetChoice(),
    "host": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "smtp.miempresa.com"}),
    "username": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    "active": Switch(),
    "verify_certificate": Switch(),
    "ehlo_name": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    "connect_seconds": _seconds(),
    "command_seconds": _seconds(),
    "data_seconds": _seconds(),
    "max_connections": _number(min=1, max=500),
    "limit_connections": _number(min=1),
    "limit_minute": _number(min=1),
    "limit_hour": _number(min=1),
    "limit_day": _number(min=1),
    "extra_headers": Textarea(rows=2, attrs={"spellcheck": "false"}),
}
