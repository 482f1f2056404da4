"""The questions of the simulator: who writes, how, about what, and whether a server is asked for."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import Radios
from mail.document_kinds import document_types
from mail.forms.identities import KindField
from mail.models import Lane, Server
from mail.planning import About


class SimulatorForm(forms.Form):
    """A mail that nobody has written. Read from the query string, so that an answer has an address."""

    sender = forms.CharField(
        label=_("From"),
        required=False,
        max_length=1000,
        widget=forms.TextInput(
            attrs={"list": "senders", "placeholder": "ana@miempresa.com", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text=_("An address, with or without a name, or one of the users. Empty: a mail without an author."),
    )
    lane = forms.ChoiceField(label=_("Lane"), choices=Lane.choices, required=False, widget=Radios())
    document_type = KindField(label=_("Kind of document"), required=False, empty_label=_("None"))
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Group.objects.order_by("name"), required=False, empty_label=_("None")
    )
    server = forms.ModelChoiceField(
        label=_("Server asked for"), queryset=Server.objects.custom(), required=False, empty_label=_("None")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = self.fields["document_type"]
        assert isinstance(kinds, forms.ModelChoiceField)
        kinds.queryset = document_types()

    def clean_lane(self) -> str:
        return self.cleaned_data["lane"] or Lane.TRANSACTIONAL

    @property
    def about(self) -> About:
        """What the mail would be about."""
        kind, team = self.cleaned_data["document_type"], self.cleaned_data["team"]
        return About(kind.pk if kind else None, team.pk if team else None)
