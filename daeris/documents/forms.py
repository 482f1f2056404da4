"""The forms behind the sheets: they know what was changed, and write no more than that."""

from decimal import Decimal
from functools import cache
from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.forms import BaseInlineFormSet, inlineformset_factory
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from daeris.documents.models import Invoice, InvoiceLine, Opportunity, OpportunityLine, SaleOrder, SaleOrderLine
from daeris.documents.models.base import Document, Line
from daeris.ui.forms import Combobox, DateInput, MoneyInput, NumberInput, Rows, Textarea
from mail.addresses import InvalidAddress, parse_mailbox
from mail.models import Contact
from mail.models.mail import AnyUser

# Blank lines offered where there is no script to add them.
BLANK_LINES = 3
MOST_LINES = 500


class DecimalText(forms.TextInput):
    """A number as people write it here: "1.850,5", and 16 rather than 16,00."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, Decimal) and value == value.to_integral_value():
            value = int(value)
        text: str | None = super().format_value(value)
        return text


class PriceText(DecimalText):
    """The price of a line: with its cents, as it will stand on paper."""

    def format_value(self, value: Any) -> str | None:
        text: str | None = forms.TextInput.format_value(self, value)
        return text


class MoneyText(MoneyInput):
    """An amount in euros, with the separators of the reader's language: a number input knows none."""

    input_type = "text"

    def __init__(self) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off"})
        del self.attrs["step"]


class ChangedFieldsForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose save writes the fields that this person changed, and leaves the others as they are by now.

    Each input travels with the value it was rendered with (`show_hidden_initial`), so that what someone else
    wrote in the meantime is not taken for a change of this person, and not undone.
    """

    def __init__(self, *args: Any, user: AnyUser | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user: AnyUser = user or AnonymousUser()
        if self.instance.pk is not None:
            for field in self.fields.values():
                field.show_hidden_initial = True

    def save(self, commit: bool = True) -> Any:
        if not commit or self.instance.pk is None:
            return super().save(commit)
        if changed := [name for name in self.changed_data if name in (self._meta.fields or ())]:
            self.instance.save(update_fields=changed)
        return self.instance


class DocumentForm(ChangedFieldsForm):
    """What the forms of all documents share: a customer who is looked up, colleagues to choose from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.ModelChoiceField):
                # Nobody is nothing, not a row of dashes.
                field.empty_label = ""
                field.iterator = Rows
                field.widget.choices = field.choices
        customer = self.fields["customer"]
        assert isinstance(customer, forms.ModelChoiceField)
        customer.queryset = customers_for(self.user)
        if (chosen := self.instance._state.fields_cache.get("customer")) is not None:
            customer.widget.known = [chosen]
        users = get_user_model()._default_manager.filter(is_active=True).order_by("first_name", "username")
        responsible = self.fields["responsible"]
        assert isinstance(responsible, forms.ModelChoiceField)
        responsible.queryset = users
        responsible.label_from_instance = name_of  # type: ignore[method-assign, assignment]


def customers_for(user: AnyUser) -> "QuerySet[Contact]":
    """Whom this user may make a customer: contacts that may be read, as such or as the customer of a record."""
    if user.has_perm("mail.view_contact"):  # type: ignore[union-attr]
        return Contact.objects.all()
    found = Q(pk__in=Contact.objects.visible_to(user).order_by().values("pk"))
    for model in (Opportunity, SaleOrder, Invoice):
        found |= Q(pk__in=model.objects.visible_to(user).order_by().values("customer"))
    return Contact.objects.filter(found)


def name_of(user: Any) -> str:
    """What people call this user."""
    name: str = user.get_full_name() or user.get_username()
    return name


def _widgets(**more: forms.Widget) -> dict[str, forms.Widget]:
    customer = Combobox(url=reverse_lazy("documents:contact_options"))
    return {"customer": customer, "notes": Textarea(rows=6), **more}


class OpportunityForm(DocumentForm):
    class Meta:
        model = Opportunity
        fields = (
            "name",
            "expected_revenue",
            "probability",
            "closes_on",
            "customer",
            "responsible",
            "team",
            "priority",
            "source",
            "notes",
        )
        localized_fields = ("expected_revenue",)
        widgets = _widgets(expected_revenue=MoneyText(), probability=NumberInput(suffix="%"), closes_on=DateInput())


class OrderForm(DocumentForm):
    class Meta:
        model = SaleOrder
        fields = ("customer", "ordered_on", "valid_until", "reference", "responsible", "team", "notes")
        widgets = _widgets(ordered_on=DateInput(), valid_until=DateInput())


class InvoiceForm(DocumentForm):
    class Meta:
        model = Invoice
        fields = ("customer", "invoiced_on", "due_on", "order", "responsible", "team", "notes")
        widgets = _widgets(invoiced_on=DateInput(), due_on=DateInput(), order=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = self.fields["order"]
        assert isinstance(order, forms.ModelChoiceField)
        order.queryset = SaleOrder.objects.visible_to(self.user)
        # An invoice is made from its order; afterwards the two stay together.
        order.disabled = self.instance.pk is not None


class ContactForm(ChangedFieldsForm):
    class Meta:
        model = Contact
        fields = ("name", "email", "company", "phone", "language", "time_zone", "notify")

    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        installation = ("", _("That of the installation"))
        for name, choices in (("language", settings.LANGUAGES), ("time_zone", [(zone, zone) for zone in time_zones()])):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [installation, *choices]
        if self.instance.user_id is not None:
            # They are the user's own, and are written here whenever the user is saved.
            del self.fields["name"], self.fields["email"]

    def clean_email(self) -> str:
        """Exactly one address, without the name that may have been pasted with it."""
        text = self.cleaned_data["email"]
        try:
            return parse_mailbox(text).address if text else ""
        except InvalidAddress as error:
            raise forms.ValidationError(str(error)) from error


@cache
def time_zones() -> tuple[str, ...]:
    """The zones that people live in, by name."""
    regions = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return tuple(sorted(name for name in available_timezones() if name.startswith(regions)))


class LineForm(ChangedFieldsForm):
    class Meta:
        fields = ("product", "description", "quantity", "price")
        localized_fields = ("quantity", "price")
        widgets = {
            "product": forms.TextInput(attrs={"aria-label": _("Product"), "placeholder": _("Product")}),
            "description": forms.TextInput(attrs={"aria-label": _("Description"), "placeholder": _("Description")}),
            "quantity": DecimalText({"aria-label": _("Quantity")}),
            "price": PriceText({"aria-label": _("Price")}),
        }

    @property
    def amount(self) -> Decimal | None:
        """What the line comes to, as it was rendered; script keeps it in step with what is typed."""
        if self.instance.pk is not None:
            return Decimal(self.instance.amount)
        quantity, price = self.initial.get("quantity"), self.initial.get("price")
        return None if quantity is None or price is None else Decimal(quantity * price)


class LineFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The lines of one document. Begun with the lines of another one, those are saved as they stand."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        key = form.fields["id"]
        assert isinstance(key, forms.ModelChoiceField)
        key.queryset = self.queryset  # Django takes the key of any line there is
        key.error_messages["invalid_choice"] = _(
            "Someone else has deleted this line. Remove it here too, or write it again on a new line."
        )

    @property
    def written(self) -> list[Any]:
        """The lines that say something."""
        return [form for form in self.forms if not self.is_blank(form)]

    @property
    def total(self) -> Decimal:
        """What the lines come to, as they were rendered."""
        lines: list[Any] = self.forms
        return sum((line.amount or Decimal() for line in lines), Decimal())

    @property
    def blank(self) -> list[Any]:
        """The lines offered for writing where there is no script to add them."""
        return [form for form in self.forms if self.is_blank(form)]

    def is_blank(self, form: Any) -> bool:
        """Whether nobody has written in this form; as it was offered, it is not saved."""
        return form.instance.pk is None and not form.initial and not (form.is_bound and form.has_changed())


def lines_of(parent: type[Document], line: type[Line]) -> type[LineFormSet]:
    """The formset of this document's lines."""
    formset = inlineformset_factory(
        parent, line, form=LineForm, formset=LineFormSet, extra=BLANK_LINES, max_num=MOST_LINES, absolute_max=MOST_LINES
    )
    return cast("type[LineFormSet]", formset)


OpportunityLines = lines_of(Opportunity, OpportunityLine)
OrderLines = lines_of(SaleOrder, SaleOrderLine)
InvoiceLines = lines_of(Invoice, InvoiceLine)
