"""What a test of a server is asked beside the server itself."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from daeris.ui.forms import Switch
from mail.addresses import InvalidAddress, parse_mailbox


class ProbeForm(forms.Form):
    """Whom to name as recipient, and whether to send a mail there. Stands within the form of the server."""

    test_to = forms.CharField(
        label=_("Recipient of the test"),
        required=False,
        max_length=254,
        help_text=_("The server is asked whether it would take mail for this address. Empty: it is not asked."),
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off", "spellcheck": "false"}),
    )
    test_send = forms.BooleanField(label=_("Send a test e-mail"), required=False, widget=Switch())

    def clean_test_to(self) -> str:
        text: str = self.cleaned_data["test_to"]
        try:
            return parse_mailbox(text).address if text else ""
        except InvalidAddress as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("test_send") and not data.get("test_to") and "test_to" not in self.errors:
            self.add_error("test_to", ValidationError(_("Write to whom the test e-mail goes."), code="required"))
        return data
