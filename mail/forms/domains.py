"""An alias domain: its name, and the addresses of ours on it."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import Switch
from mail.addresses import InvalidAddress, normalise_domain
from mail.default_from import clean_default_from
from mail.models import Domain
from mail.tokens import clean_part

ADDRESS = {"autocomplete": "off", "spellcheck": "false"}


def default_domain() -> Domain | None:
    """The domain under whose name we write: the one marked so, or the only one."""
    domains = list(Domain.objects.order_by("-is_default", "pk")[:2])
    return domains[0] if domains and (domains[0].is_default or len(domains) == 1) else None


def heir_of(domain: Domain) -> Domain | None:
    """The domain that becomes the default one when this one is deleted; None when nothing changes, or none is left."""
    return Domain.objects.exclude(pk=domain.pk).order_by("pk").first() if domain.is_default else None


def delete_domain(domain: Domain) -> None:
    """Remove the domain. As long as there are any, one is the default."""
    with transaction.atomic():
        heir = heir_of(domain)
        domain.delete()
        if heir:
            heir.is_default = True
            heir.save(update_fields=["is_default"])


class AddressesForm(forms.ModelForm):  # type: ignore[type-arg]
    """The addresses of a domain."""

    class Meta:
        model = Domain
        fields = ["default_from", "bounce", "catchall"]
        labels = {
            "default_from": _("Default e-mail address (from)"),
            "bounce": _("Bounce"),
            "catchall": _("Catchall"),
        }
        help_texts = {
            "default_from": _(
                "What stands before the @, or a whole address. Mail that may not leave under its author's address "
                "leaves under this one, with the author's name."
            ),
            "bounce": _(
                "What stands before the @ of the address to which servers report failed deliveries. Leave it empty "
                "until there is a mailbox behind it: without one, reports vanish."
            ),
            "catchall": _(
                "What stands before the @ of the address to which answers will come when incoming mail is configured."
            ),
        }
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "default_from": forms.TextInput(attrs={"placeholder": "notificaciones", **ADDRESS}),
            "bounce": forms.TextInput(attrs={"placeholder": "bounce", **ADDRESS}),
            "catchall": forms.TextInput(attrs={"placeholder": "catchall", **ADDRESS}),
        }

    def clean_default_from(self) -> str:
        # The name may be wrong, too; that is told beside it.
        domain = self.cleaned_data.get("name") or self.instance.name or "a.example"
        try:
            return clean_default_from(self.cleaned_data["default_from"], domain)
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean_bounce(self) -> str:
        return _token_part(self.cleaned_data["bounce"])

    def clean_catchall(self) -> str:
        return _token_part(self.cleaned_data["catchall"])

    def save(self, commit: bool = True) -> Domain:
        domain: Domain = self.instance
        domain.save(update_fields=AddressesForm.Meta.fields)
        return domain


class DomainForm(AddressesForm):
    """A whole alias domain."""

    class Meta(AddressesForm.Meta):
        fields = ["name", *AddressesForm.Meta.fields, "is_default"]
        labels = {**AddressesForm.Meta.labels, "name": _("Alias domain"), "is_default": _("Default domain")}
        help_texts = {
            **AddressesForm.Meta.help_texts,
            "name": _("A domain of your company, under whose name mail leaves: miempresa.com"),
            "is_default": _("Mail whose author has no address on any alias domain uses this one."),
        }
        widgets: ClassVar[dict[str, forms.Widget]] = {
            **AddressesForm.Meta.widgets,
            "name": forms.TextInput(attrs={"placeholder": "miempresa.com", **ADDRESS}),
            "is_default": Switch(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.was_default = bool(self.instance.pk and self.instance.is_default)

    def clean_name(self) -> str:
        try:
            name = normalise_domain(self.cleaned_data["name"].strip().removeprefix("@"))
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None
        if Domain.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("This domain is there already."), code="unique")
        return name

    def clean_is_default(self) -> bool:
        # One domain is always the default one; another is made it to replace this one.
        return bool(self.cleaned_data["is_default"] or self.was_default or not Domain.objects.exists())

    def _get_validation_exclusions(self) -> set[str]:
        # Two default domains are no mistake here: the one before makes room when this one is saved.
        return {*super()._get_validation_exclusions(), "is_default"}  # type: ignore[misc]

    def save(self, commit: bool = True) -> Domain:
        domain: Domain = self.instance
        with transaction.atomic():
            if domain.is_default:
                Domain.objects.exclude(pk=domain.pk).filter(is_default=True).update(is_default=False)
            domain.save()
        return domain


def _token_part(text: str) -> str:
    try:
        return clean_part(text)
    except InvalidAddress as error:
        raise ValidationError(str(error)) from None
