"""The form renderer of every screen, and the widgets that screens choose from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from daeris.ui.controls import DRAWN

Text = str | Promise
# A select without script stays usable up to here; the combobox asks the server for the rest.
MOST_OPTIONS = 100


class FormRenderer(TemplatesSetting):
    """Fields as label, control, help and errors, tied together for assistive technology."""

    field_template_name = "ui/forms/field.html"

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if draw := DRAWN.get(template_name):
            return draw(context["widget"])
        drawn: str = super().render(template_name, context, request)
        return drawn


class DateInput(forms.DateInput):
    """The browser's own calendar; it reads and writes ISO dates."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class DateTimeInput(forms.DateTimeInput):
    """The browser's own date and time."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%dT%H:%M")


class NumberInput(forms.NumberInput):
    """A number, with its unit behind it."""

    template_name = "ui/forms/number.html"

    def __init__(self, attrs: dict[str, Any] | None = None, *, step: str = "", suffix: Text = "") -> None:
        super().__init__({**({"step": step} if step else {}), **(attrs or {})})
        self.suffix = suffix

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["suffix"] = self.suffix
        return context


class MoneyInput(NumberInput):
    """An amount in euros."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, step="0.01", suffix="€")


class Switch(forms.CheckboxInput):
    """On or off."""

    template_name = "ui/forms/switch.html"


class SecretInput(forms.PasswordInput):
    """A secret that is written and never shown; left empty it keeps what is stored."""

    template_name = "ui/forms/secret.html"

    def __init__(self, attrs: dict[str, Any] | None = None, *, stored: bool = False) -> None:
        super().__init__({"autocomplete": "new-password", **(attrs or {})}, render_value=False)
        self.stored = stored

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        if self.stored:
            context["widget"]["attrs"].setdefault("placeholder", _("Stored; leave empty to keep it"))
        return context


class Textarea(forms.Textarea):
    """Several lines; it grows with them."""

    def __init__(self, attrs: dict[str, Any] | None = None, *, rows: int = 3) -> None:
        super().__init__({"rows": rows, **(attrs or {})})


class Radios(forms.RadioSelect):
    """One of a few, all in sight."""

    template_name = "ui/forms/radios.html"


class FileInput(forms.ClearableFileInput):
    """A file to upload, and the one there is."""

    template_name = "ui/forms/file_input.html"


class Rows(ModelChoiceIterator):  # type: ignore[type-arg]
    """The choices of a `ModelChoiceField` that has few (`field.iterator = Rows`), fetched at once.

    Django fetches them through a cursor of the server, in case that they are many: PostgreSQL is asked three times.
    """

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if self.field.empty_label is not None:
            yield ("", self.field.empty_label)
        for row in self.queryset:
            yield self.choice(row)


class Combobox(forms.Select):
    """A select that searches as one types; `url` answers with `daeris.ui.views.options`."""

    template_name = "ui/forms/combobox.html"

    def __init__(self, attrs: dict[str, Any] | None = None, *, url: Text, create_label: Text = "") -> None:
        super().__init__(attrs)
        self.url = url
        self.create_label = create_label
        # Rows that the form has at hand: when one of them is the chosen one, it is not asked for.
        self.known: Sequence[Any] = ()

    def optgroups(self, name: str, value: Sequence[Any], attrs: dict[str, Any] | None = None) -> list[Any]:
        choices = self.choices
        if isinstance(choices, ModelChoiceIterator):
            self.choices = self._first_choices(choices, [one for one in value if one])
        try:
            return super().optgroups(name, value, attrs)  # type: ignore[arg-type]
        finally:
            self.choices = choices

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"] |= {"url": str(self.url), "create_label": self.create_label}
        return context

    def _first_choices(self, choices: "ModelChoiceIterator[Any]", chosen: list[Any]) -> list[tuple[Any, Text]]:
        """The chosen rows and the first others, by two bounded queries."""
        field, queryset = choices.field, choices.queryset
        rows = list(queryset[:MOST_OPTIONS])
        key = field.to_field_name or "pk"
        shown = {str(row.serializable_value(key)) for row in rows}
        rows += [row for row in self.known if (one := str(row.serializable_value(key))) in chosen and one not in shown]
        shown = {str(row.serializable_value(key)) for row in rows}
        missing = [one for one in chosen if str(one) not in shown]
        # A value that is no key is left to the field's own validation.
        with suppress(ValueError, TypeError):
            rows += list(queryset.filter(**{f"{key}__in": missing})) if missing else []
        blank: list[tuple[Any, Text]] = [("", field.empty_label or "")] if field.empty_label is not None else []
        label: Callable[[Any], str] = field.label_from_instance
        return blank + [(field.prepare_value(row), label(row)) for row in rows]
