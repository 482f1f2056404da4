"""Into the queue, and what people do with what lies in it."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import TypedDict, Unpack

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from mail import bell, planning, writing
from mail.addresses import InvalidAddress, Mailbox, parse_mailbox
from mail.composing import new_message_id
from mail.folding import fold
from mail.models import Content, Lane, Server
from mail.models.mail import MailQuerySet
from mail.writing import Copy, Letter, Shared


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a copy: a mailbox, and the contact it belongs to when known."""

    mailbox: Mailbox
    contact_id: int | None = None


_Letters = Sequence[tuple[Content, Sequence[Recipient]]]


class How(TypedDict, total=False):
    """What a caller may say of the mails that it queues."""

    user: models.Model | None
    document: models.Model | None
    lane: str
    asked_server: Server | None
    due_at: datetime | None


def enqueue(content: Content, recipients: Sequence[Recipient], **how: Unpack[How]) -> list[int]:
    """One mail for each recipient, planned and waiting; their keys. Part of the caller's transaction.

    A content that was not saved is saved with its copies. A copy that cannot leave (no server, no From, an address
    that is none) is written down as failed with its cause, so that it is seen. The bell rings when the transaction
    is committed.
    """
    return enqueue_all([(content, recipients)], **how)


def enqueue_all(letters: Iterable[tuple[Content, Sequence[Recipient]]], **how: Unpack[How]) -> list[int]:
    """The same for many contents and their recipients, in as few round trips as for a few.

    A new content without a Message-ID gets one, in the domain of its mails.
    """
    wanted = [(content, recipients) for content, recipients in letters if recipients]
    if not wanted:
        return []
    with _all_or_nothing(wanted):
        mails = _write(wanted, how, planning.kept())
        while not mails:  # those were not the settings of now
            mails = _write(wanted, how, planning.snapshot())
        bell.ring(how.get("lane", Lane.TRANSACTIONAL))
    return mails


def _write(wanted: _Letters, how: How, snapshot: planning.Snapshot) -> list[int]:
    """Plan these under the settings of the snapshot, and write them down if those still hold."""
    shared, of = _shared(how)

    @cache
    def plan(author: Mailbox | None) -> tuple[int | None, str, str]:
        decision = planning.plan(
            author=author, lane=shared["lane"], asked_server_id=shared["asked_server_id"], of=of, snapshot=snapshot
        )
        server_id = decision.server.id if decision.server else None
        return server_id, decision.error.value if decision.error else "", snapshot.domain_for(author, of).name

    letters: list[Letter] = []
    for content, recipients in wanted:
        server_id, error, domain = plan(author_of(content))
        words = fold(content.subject), fold(shared["document_name"])
        copies = [_copy(content, recipient, words, server_id, error) for recipient in recipients]
        letters.append(Letter(content, content.message_id or new_message_id(domain), copies))
    return writing.write(letters, shared, version=snapshot.version)


def _all_or_nothing(letters: _Letters) -> AbstractContextManager[None]:
    """The caller's transaction, or one of its own; on PostgreSQL one letter is one statement, and needs none."""
    here = connections[DEFAULT_DB_ALIAS]
    here.close_if_health_check_failed()
    is_alone = len(letters) == 1 and here.vendor == "postgresql" and here.get_autocommit()
    return nullcontext() if is_alone else transaction.atomic(savepoint=False)


def retry(mails: MailQuerySet) -> int:
    """Send now whatever of these waits, failed, bounced or was cancelled; how many that were.

    Skips back-off and a resting server, once; plans the mail anew. What is being sent or has left stays as it is,
    and so does a secret that was cancelled: its words are gone.
    """
    lanes = list(mails.retryable().order_by().values_list("lane", flat=True).distinct())
    with transaction.atomic():
        moved = mails.retry()
        for lane in lanes:
            bell.ring(lane)
    return moved


def cancel(mails: MailQuerySet) -> int:
    """Give up whatever of these waits or failed; how many that were. The words of a secret go with it."""
    return mails.cancel()


def author_of(content: Content) -> Mailbox | None:
    """The author of a content as plain values; None when it has none."""
    return Mailbox(content.author_name, content.author_address) if content.author_address else None


def _copy(content: Content, recipient: Recipient, words: tuple[str, str], server_id: int | None, error: str) -> Copy:
    mailbox = recipient.mailbox
    subject, document = words
    return {
        "content_id": content.pk,
        "server_id": server_id,
        "recipient_name": mailbox.name[:200],
        "recipient_address": mailbox.address[:320],
        "contact_id": recipient.contact_id,
        "search": " ".join([subject, fold(mailbox.name), fold(mailbox.address), document]),
        "cause": error or _reason_against(mailbox.address),
    }


@lru_cache(maxsize=4096)  # one address is written to again and again
def _reason_against(address: str) -> str:
    """Why nothing can be sent there, known without asking any server; "" when it can."""
    try:
        parse_mailbox(address)
    except InvalidAddress:
        return "recipient_invalid"
    return ""


def _shared(how: How) -> tuple[Shared, planning.About]:
    """What the mails have in common, and what decides about them."""
    document, user, asked = how.get("document"), how.get("user"), how.get("asked_server")
    of = planning.about(document)
    shared: Shared = {
        "lane": how.get("lane", Lane.TRANSACTIONAL),
        "user_id": user.pk if user else None,
        "asked_server_id": asked.pk if asked else None,
        "due_at": how.get("due_at"),
        "document_type_id": of.document_type_id,
        "document_id": document.pk if document else None,
        "document_name": str(document)[:200] if document else "",
        "team_id": of.team_id,
    }
    return shared, of
