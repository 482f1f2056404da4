"""A record is deleted, or the reader is told why it is not."""

from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from chatter.models import Message, Notification
from daeris.documents.catalogue import CONTACT, KINDS
from daeris.documents.kinds import Kind


class Kept(Exception):
    """The record stays; says why, in the reader's language."""


def obstacle(kind: Kind, record: Any) -> str:
    """Why this record cannot be deleted, in words; "" when it can."""
    if kind is not CONTACT:
        return ""
    documents = [one for one in KINDS.values() if one.is_document]
    counts = [(one, one.model._default_manager.filter(customer=record).count()) for one in documents]
    used = [str(one.counted % count) for one, count in counts if count]
    if used:
        return _("%(contact)s is the customer of %(records)s. Give them another customer first.") % {
            "contact": record,
            "records": get_text_list(used, _("and")),
        }
    # Answers are addressed to notifications, and messages say who wrote them: neither may lose its person.
    wrote, heard = Message.objects.filter(author=record), Notification.objects.filter(contact=record)
    if wrote.exists() or heard.exists():
        return _("%(contact)s has taken part in conversations, which would lose their author or recipient.") % {
            "contact": record
        }
    return ""


def delete(kind: Kind, record: Any) -> None:
    """Delete the record with its lines and its conversation; `Kept` when something depends on it."""
    with transaction.atomic():
        if reason := obstacle(kind, record):
            raise Kept(reason)
        try:
            record.delete()
        except ProtectedError as error:
            # Something came to depend on it since it was looked at.
            raise Kept(_("Other records depend on it.")) from error
