"""Django's own `send_mail`, through the queue."""

from collections.abc import Sequence
from email.mime.base import MIMEBase
from email.utils import getaddresses, parseaddr
from typing import Any

from django.core.files.base import ContentFile
from django.core.mail import EmailAlternative, EmailAttachment, EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from mail import attachments, planning
from mail.addresses import Mailbox
from mail.composing import new_message_id
from mail.models import Attachment, Content
from mail.queue import Recipient, enqueue

# Set to "yes" on a message whose body must not lie about once it is sent, such as a password reset.
SENSITIVE_HEADER = "X-Daeris-Sensitive"


class QueueBackend(BaseEmailBackend):
    """Queues each message, one mail a recipient; To and Cc are kept as given, Bcc is shown to nobody."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many messages were queued. What then becomes of them is seen in the list of e-mails."""
        return sum(self._queue(message) for message in email_messages)

    def _queue(self, message: EmailMessage) -> bool:
        recipients = _mailboxes(message.recipients())
        if not recipients:
            return False
        message.message()  # raises BadHeaderError for line breaks, as every backend of Django does
        with transaction.atomic():
            content = _content_of(message)
            enqueue(content, [Recipient(mailbox) for mailbox in recipients])
        return True


def _content_of(message: EmailMessage) -> Content:
    author = Mailbox(*parseaddr(message.from_email))
    html, others = _alternatives(message)
    headers = dict(message.extra_headers)
    is_html = message.content_subtype == "html"
    content = Content.objects.create(
        subject=str(message.subject),
        text="" if is_html else str(message.body),
        html=str(message.body) if is_html else html,
        author_name=author.name,
        author_address=author.address,
        reply_to=", ".join(message.reply_to),
        to=headers.pop("To", ", ".join(message.to)),
        cc=headers.pop("Cc", ", ".join(message.cc)),
        message_id=headers.pop("Message-ID", "") or new_message_id(planning.snapshot().domain_for(author).name),
        in_reply_to=headers.pop("In-Reply-To", ""),
        references=headers.pop("References", ""),
        sensitive=str(headers.pop(SENSITIVE_HEADER, "")).lower() == "yes",
        extra_headers=[[name, str(value)] for name, value in headers.items() if name != "From"],
    )
    content.attachments.set([_stored(part) for part in [*others, *message.attachments]])
    return content


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


def _mailboxes(recipients: Sequence[str]) -> list[Mailbox]:
    """Each recipient once, in their order; what cannot be an address is kept, so that its failure shows."""
    found: dict[str, Mailbox] = {}
    for text in recipients:
        for name, address in getaddresses([str(text)]) or [("", str(text))]:
            found.setdefault((address or str(text)).lower(), Mailbox(name, address or str(text)))
    return list(found.values())
