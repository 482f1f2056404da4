"""Inputs drawn in Python look as Django's templates draw them."""

import re

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import mark_safe

from daeris.ui import forms as widgets

CHOICES = [("", "—"), ("Groups <&>", [("1", "o<ne"), ("2", 'tw"o')]), ("3", mark_safe("<b>safe</b>")), (4, 1234)]


class Plain(TemplatesSetting):
    field_template_name = "ui/forms/field.html"


class Sample(forms.Form):
    text = forms.CharField(max_length=9, help_text="Help", initial='"<&>')
    number = forms.IntegerField(initial=1234567, localize=True)
    money = forms.DecimalField(widget=widgets.MoneyInput(), initial=0)
    box = forms.BooleanField(initial=True)
    one = forms.ChoiceField(choices=CHOICES, initial="2")
    some = forms.MultipleChoiceField(choices=CHOICES, initial=[3])
    lines = forms.CharField(widget=widgets.Textarea, initial="a <b>\n'c'")
    hidden = forms.CharField(widget=forms.HiddenInput, initial=0)
    secret = forms.CharField(widget=forms.PasswordInput)
    day = forms.DateField(widget=widgets.DateInput, required=False)
    plain = forms.CharField(widget=forms.TextInput({"disabled": True, "x": False, "data-a": '<"'}), required=False)


@pytest.mark.parametrize("data", [None, {"text": "<", "one": "9", "lines": ""}])
@pytest.mark.parametrize("name", list(Sample.base_fields))
def test_as_django_draws_it(name: str, data: dict[str, str] | None) -> None:
    ours, theirs = (str(Sample(data, renderer=renderer)[name]) for renderer in (widgets.FormRenderer(), Plain()))
    # Lines between options are nobody's concern.
    assert re.sub(r">\s+<", "><", ours) == re.sub(r">\s+<", "><", theirs)
