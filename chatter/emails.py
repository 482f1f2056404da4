"""A notification becomes a queued mail; the one door to `mail.queue`."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.template.loader import render_to_string
from django.utils import translation

from chatter.changes import in_words
from chatter.models import Message
from chatter.recipients import Audience, internal_contacts, mailbox_of
from mail import queue
from mail.addresses import Mailbox
from mail.composing import new_message_id
from mail.html import to_text
from mail.models import Attachment, Contact, Content, Mail
from mail.models.mail import MailQuerySet
from mail.planning import about, snapshot
from mail.queue import Recipient

if TYPE_CHECKING:
    from chatter.threads import Threaded


@dataclass(frozen=True, slots=True)
class Variant:
    """What sets one rendering apart: the reader's language, colleague or stranger, and whether To lists all named."""

    language: str
    inside: bool
    together: bool


def identify(message: Message, record: "Threaded") -> str:
    """Give a message that leaves its Message-ID, and the earlier message that it follows; its References."""
    known = snapshot()
    mailbox = mailbox_of(message.author) if message.author else None
    message.message_id = new_message_id(known.domain_for(mailbox, about(record)).name)
    if message.parent_id is None:
        earlier = Message.objects.filter(thread_id=message.thread_id).exclude(message_id="")
        if message.kind == Message.Kind.MESSAGE:
            # Outsiders never saw a note: what they read follows what they could read.
            earlier = earlier.filter(kind=Message.Kind.MESSAGE)
        message.parent = earlier.order_by("-pk").first()
    # Not the author's domain: the root is the same whoever writes. Then the message that this one follows
    # (RFC 5322 §3.6.4).
    root = f"<{message.thread.root}@{known.message_domain}>"
    parent = message.parent.message_id if message.parent else ""
    return f"{root} {parent}".strip()


def send(
    message: Message, record: "Threaded", heard: Audience, attachments: Sequence[Attachment], references: str
) -> list[Content]:
    """Queue one copy for everyone reached by e-mail; the contents of these copies."""
    together = sum(contact.pk in heard.named for contact in heard.by_email) > 1
    groups: dict[Variant, list[Contact]] = defaultdict(list)
    for contact in heard.by_email:
        variant = Variant(
            language=contact.language or settings.LANGUAGE_CODE,
            inside=contact.pk in heard.internal,
            together=together and contact.pk in heard.named,
        )
        groups[variant].append(contact)
    named = [mailbox for contact in heard.by_email if contact.pk in heard.named and (mailbox := mailbox_of(contact))]
    contents = [_content(message, record, variant, named, references) for variant in groups]
    recipients = (
        [Recipient(mailbox, contact.pk) for contact in contacts if (mailbox := mailbox_of(contact))]
        for contacts in groups.values()
    )
    queue.enqueue_all(zip(contents, recipients, strict=True), user=message.user, document=record)
    used = Content.attachments.through
    used.objects.bulk_create(
        [used(content=content, attachment=attachment) for content in contents for attachment in attachments]
    )
    return contents


def retry(mails: MailQuerySet) -> int:
    """Send these now; how many could still be sent."""
    return queue.retry(mails)


def cancel(mails: MailQuerySet) -> int:
    """Give these up; how many could still be held back."""
    return queue.cancel(mails)


def kept_inside(mail_ids: Collection[int]) -> dict[int, str]:
    """Those of these mails that tell of a note or a change to someone who is no internal user (any more)."""
    internal = Message.objects.filter(message_id=OuterRef("content__message_id")).exclude(kind=Message.Kind.MESSAGE)
    found = Mail.objects.filter(Exists(internal), pk__in=mail_ids).exclude(contact__in=internal_contacts())
    return dict.fromkeys(found.values_list("pk", flat=True), "recipient_not_internal")


def _content(
    message: Message, record: "Threaded", variant: Variant, named: Sequence[Mailbox], references: str
) -> Content:
    author = message.author
    mailbox = mailbox_of(author) if author else None
    with translation.override(variant.language):
        html = render_to_string("chatter/email/message.html", _values(message, record, variant))
    return Content(
        subject=message.subject,
        html=html,
        text=to_text(html),
        language=variant.language,
        author_name=mailbox.name if mailbox else "",
        author_address=mailbox.address if mailbox else "",
        to=", ".join(str(mailbox) for mailbox in named) if variant.together else "",
        message_id=message.message_id,
        in_reply_to=message.parent.message_id if message.parent else "",
        references=references,
        auto_submitted=message.kind == Message.Kind.CHANGE,
    )


def _values(message: Message, record: "Threaded", variant: Variant) -> dict[str, Any]:
    return {
        "message": message,
        "changes": in_words(message.changes, type(record)),
        "record": record,
        "record_kind": record._meta.verbose_name,
        "language": variant.language,
        "inside": variant.inside,
        # Colleagues can open the record; to anyone else the address would say something about us, and lead nowhere.
        "link": link_to(record) if variant.inside else "",
        "company": message.author.company if message.author else "",
    }


def link_to(record: "Threaded") -> str:
    """The record's address for a mail."""
    return f"{settings.BASE_URL}{record.get_absolute_url()}"
