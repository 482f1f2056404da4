"""An identity rule: of which documents it speaks, and under which address mail about them leaves."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from mail.addresses import InvalidAddress
from mail.default_from import clean_default_from
from mail.document_kinds import document_types, name_of
from mail.models import IdentityRule


class KindField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of the kinds of documents; the form that shows it sets the query set to `document_types()`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(queryset=ContentType.objects.none(), **options)

    def label_from_instance(self, obj: Any) -> str:
        return name_of(obj)


class IdentityForm(forms.ModelForm):  # type: ignore[type-arg]
    """One line of the table of identities."""

    document_type = KindField(label=_("Kind of document"), required=False, empty_label=_("Any"))
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Group.objects.order_by("name"), required=False, empty_label=_("Any")
    )

    class Meta:
        model = IdentityRule
        fields = ["document_type", "team", "default_from"]
        labels = {"default_from": _("Default e-mail address (from)")}
        help_texts = {
            "default_from": _(
                "What stands before the @ of the domain that the mail belongs to, or a whole address: ventas, "
                "facturas@miempresa.com"
            )
        }
        widgets = {
            "default_from": forms.TextInput(
                attrs={"placeholder": "ventas", "autocomplete": "off", "spellcheck": "false"}
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = self.fields["document_type"]
        assert isinstance(kinds, forms.ModelChoiceField)
        kinds.queryset = document_types()

    def clean_default_from(self) -> str:
        try:
            return clean_default_from(self.cleaned_data["default_from"])
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        kind, team = data.get("document_type"), data.get("team")
        if self.errors:
            return data
        if not kind and not team:
            raise ValidationError(_("Choose a kind of document, a team, or both."), code="of_nothing")
        same = IdentityRule.objects.filter(document_type=kind, team=team).exclude(pk=self.instance.pk)
        if same.exists():
            raise ValidationError(_("There is a line for these documents already."), code="unique")
        return data

    def save(self, commit: bool = True) -> IdentityRule:
        rule: IdentityRule = self.instance
        if rule.pk is None:
            last = IdentityRule.objects.aggregate(last=Max("position"))["last"]
            rule.position = 0 if last is None else last + 1
        rule.save()
        return rule
