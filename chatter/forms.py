"""What people write in a conversation."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatter.models import Message
from mail import attachments
from mail.attachments import TooLarge
from mail.html import is_empty, sanitise, text_to_html
from mail.models import Attachment, Contact

# Much more than anyone writes, much less than would hurt.
LONGEST_BODY = 500_000


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        given = data if isinstance(data, list | tuple) else [data]
        clean = super().clean
        return [clean(one, initial) for one in given if one]


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rows by their keys. The box in which one more is looked for sends an empty one."""

    def clean(self, value: Any) -> Any:
        return super().clean([one for one in value or () if one])


class MessageForm(forms.Form):
    """A message or a note, as the composer sends it."""

    kind = forms.ChoiceField(choices=[(Message.Kind.MESSAGE, ""), (Message.Kind.NOTE, "")])
    body = forms.CharField(required=False, max_length=LONGEST_BODY, strip=False)
    # "html" once the editor has taken the place of the text box.
    written_as = forms.ChoiceField(choices=[("text", ""), ("html", "")], required=False)
    form_token = forms.UUIDField(
        error_messages={"required": _("This form is out of date. Reload the page and post again.")}
    )
    to = RowsField(queryset=Contact.objects.none(), required=False)
    attachments = RowsField(queryset=Attachment.objects.none(), required=False)
    # A declared field is taken out of the class: `files` is still what came with the request.
    files = FilesField(required=False, allow_empty_file=True)  # type: ignore[assignment]

    def __init__(self, *args: Any, user: Any, people: "QuerySet[Contact]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        uploads = Attachment.objects.pending().filter(owner=user).select_related("blob")
        for name, rows in (("to", people), ("attachments", uploads)):
            field = self.fields[name]
            field.queryset = rows  # type: ignore[attr-defined]
        self.fields["attachments"].error_messages["invalid_choice"] = _(
            "A file is no longer there. Remove it and attach it again."
        )

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"]
        # The kind of text comes with the body, and was not cleaned yet.
        return sanitise(body if self.data.get("written_as") == "html" else text_to_html(body))

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        if not self.errors and is_empty(data["body"]) and not data["attachments"] and not data["files"]:
            raise forms.ValidationError(_("Write something or attach a file."), code="empty")
        self._clean_weight(data)
        return data

    def _clean_weight(self, data: dict[str, Any]) -> None:
        files = [*data.get("attachments", ()), *data.get("files", ())]
        weight, limit = sum(file.size or 0 for file in files), settings.MAIL_MAX_MESSAGE_BYTES
        if weight > limit:
            words = gettext("The files have %(weight)s together; a message takes %(limit)s at most. Leave some out.")
            self.add_error(None, words % {"weight": filesizeformat(weight), "limit": filesizeformat(limit)})

    def store_files(self) -> Sequence[Attachment]:
        """The attachments of this message: those uploaded before, then the files that came with the form.

        A file beyond the limit becomes an error of the form. The others are kept also then, so that nobody has to
        choose them again.
        """
        stored = list(self.cleaned_data.get("attachments", ()))
        for file in self.cleaned_data.get("files", ()):
            try:
                stored.append(store(file, self.user))
            except TooLarge as error:
                self.add_error("files", str(error))
        return stored


def store(file: "UploadedFile[Any]", user: Any) -> Attachment:
    """An uploaded file, kept for the message that will carry it. Raises TooLarge."""
    return attachments.store(file, name=file.name or "", content_type=file.content_type or "", owner=user)
