"""Django's own `send_mail`, through the queue."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from email.mime.base import MIMEBase
from email.utils import getaddresses, parseaddr
from typing import Any

from django.core.files.base import ContentFile
from django.core.mail import (
    BadHeaderError,
    EmailAlternative,
    EmailAttachment,
    EmailMessage,
    EmailMultiAlternatives,
)
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from mail import attachments
from mail.addresses import Mailbox
from mail.models import Attachment, Content
from mail.queue import Recipient, enqueue_all

# Messages that are queued with the same few statements.
BATCH = 500
# Set to "yes" on a message whose body must not lie about once it is sent, such as a password reset.
SENSITIVE_HEADER = "X-Daeris-Sensitive"
# An address alone, as most are given: nothing in it that needs to be read by the rules for headers.
_BARE = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


class QueueBackend(BaseEmailBackend):
    """Queues each message, one mail a recipient; To and Cc are kept as given, Bcc is shown to nobody."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many messages were queued. What then becomes of them is seen in the list of e-mails.

        Raises BadHeaderError for a line break in a header, as every backend of Django does; then none of them is.
        """
        given = [(message, found) for message in email_messages if (found := _mailboxes(message.recipients()))]
        for message, _ in given:
            _refuse_breaks(message)
        # One statement is a transaction of its own.
        is_one = len(given) == 1 and not _parts_of(given[0][0])
        with nullcontext() if is_one else transaction.atomic():
            for start in range(0, len(given), BATCH):
                _queue(given[start : start + BATCH])
        return len(given)


def _queue(given: Sequence[tuple[EmailMessage, Sequence[Mailbox]]]) -> None:
    contents = [_content_of(message) for message, _ in given]
    enqueue_all(
        (content, [Recipient(mailbox) for mailbox in found])
        for content, (_, found) in zip(contents, given, strict=True)
    )
    used = Content.attachments.through
    links = [
        used(content=content, attachment=_stored(part))
        for content, (message, _) in zip(contents, given, strict=True)
        for part in _parts_of(message)
    ]
    if links:
        used.objects.bulk_create(links)


def _refuse_breaks(message: EmailMessage) -> None:
    named: dict[str, Sequence[object]] = {
        "Subject": [message.subject],
        "From": [message.from_email],
        "To": message.to,
        "Cc": message.cc,
        "Bcc": message.bcc,
        "Reply-To": message.reply_to,
        **{name: [name, value] for name, value in message.extra_headers.items()},
    }
    for name, values in named.items():
        if any("\n" in text or "\r" in text for text in (str(value) for value in values)):
            raise BadHeaderError(f"Header values can't contain newlines (got {values!r} for header {name!r})")


def _content_of(message: EmailMessage) -> Content:
    """The words of the message and the headers of its own, not saved yet."""
    author = _author_of(message)
    html, _ = _alternatives(message)
    headers = dict(message.extra_headers)
    is_html = message.content_subtype == "html"
    return Content(
        subject=str(message.subject),
        text="" if is_html else str(message.body),
        html=str(message.body) if is_html else html,
        author_name=author.name,
        author_address=author.address,
        reply_to=", ".join(message.reply_to),
        to=str(headers.pop("To", ", ".join(message.to))),
        cc=str(headers.pop("Cc", ", ".join(message.cc))),
        message_id=str(headers.pop("Message-ID", "")),
        in_reply_to=str(headers.pop("In-Reply-To", "")),
        references=str(headers.pop("References", "")),
        sensitive=str(headers.pop(SENSITIVE_HEADER, "")).lower() == "yes",
        extra_headers=[[name, str(value)] for name, value in headers.items() if name != "From"],
    )


def _parts_of(message: EmailMessage) -> list[Any]:
    """Whatever of it becomes an attachment."""
    _, others = _alternatives(message)
    return [*others, *message.attachments]


def _alternatives(message: EmailMessage) -> tuple[str, list[EmailAttachment]]:
    """The first HTML alternative, and every other one as an attachment (a calendar invitation, say)."""
    html, others = "", []
    for alternative in message.alternatives if isinstance(message, EmailMultiAlternatives) else []:
        body, content_type = EmailAlternative(*alternative)
        if content_type == "text/html" and not html:
            html = str(body)
        else:
            others.append(EmailAttachment(None, body, content_type))
    return html, others


def _stored(part: MIMEBase | Any) -> Attachment:
    """An attachment of Django's kinds, as one of ours."""
    if isinstance(part, MIMEBase):
        name, content_type = part.get_filename(), part.get_content_type()
        content: Any = part.get_payload(decode=True) or b""
        content_id = str(part.get("Content-ID", "")).strip("<> ")
    else:
        (name, content, content_type), content_id = tuple(part), ""
    if hasattr(content, "as_bytes"):
        content = content.as_bytes()
    data = content if isinstance(content, bytes) else str(content).encode()
    stored = attachments.store(
        ContentFile(data),
        name=name or "attachment",
        content_type=content_type or "application/octet-stream",
        owner=None,
    )
    stored.posted, stored.content_id = True, content_id
    stored.save(update_fields=["posted", "content_id"])
    return stored


def _author_of(message: EmailMessage) -> Mailbox:
    given = str(message.from_email)
    return Mailbox("", given) if _BARE.fullmatch(given) else Mailbox(*parseaddr(given))


def _mailboxes(recipients: Sequence[str]) -> list[Mailbox]:
    """Each recipient once, in their order; what cannot be an address is kept, so that its failure shows."""
    found: dict[str, Mailbox] = {}
    for text in map(str, recipients):
        read = [("", text)] if _BARE.fullmatch(text) else getaddresses([text])
        for name, address in read or [("", text)]:
            found.setdefault((address or text).lower(), Mailbox(name, address or text))
    return list(found.values())
