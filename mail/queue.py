"""Into the queue, and what people do with what lies in it."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.utils.timezone import now

from mail import bell, planning
from mail.addresses import InvalidAddress, Mailbox, parse_mailbox
from mail.folding import fold
from mail.models import Content, Lane, Mail, Server
from mail.models.mail import MailQuerySet
from mail.routing import Decision
from mail.statements import NOW, rows


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a copy: a mailbox, and the contact it belongs to when known."""

    mailbox: Mailbox
    contact_id: int | None = None


def enqueue(
    content: Content,
    recipients: Sequence[Recipient],
    *,
    user: models.Model | None = None,
    document: models.Model | None = None,
    lane: str = Lane.TRANSACTIONAL,
    asked_server: Server | None = None,
    due_at: datetime | None = None,
) -> list[Mail]:
    """One mail for each recipient, planned and waiting; part of the caller's transaction.

    A copy that cannot leave (no server, no From, an address that is none) is written down as failed with
    its cause, so that it is seen. The bell rings when the transaction is committed.
    """
    return enqueue_all(
        [(content, recipients)], user=user, document=document, lane=lane, asked_server=asked_server, due_at=due_at
    )


def enqueue_all(
    letters: Iterable[tuple[Content, Sequence[Recipient]]],
    *,
    user: models.Model | None = None,
    document: models.Model | None = None,
    lane: str = Lane.TRANSACTIONAL,
    asked_server: Server | None = None,
    due_at: datetime | None = None,
    known: "Standing | None" = None,
) -> list[Mail]:
    """The same for many contents and their recipients, in as few statements as for one.

    `known` is what the caller has just asked for.
    """
    snapshot, resting = known or standing()
    of = planning.about(document)
    shared = {
        "lane": lane,
        "user": user,
        "asked_server": asked_server,
        "due_at": due_at or now(),
        **_document_fields(document, of),
    }
    asked_id = asked_server.pk if asked_server else None

    @cache
    def plan(author: Mailbox | None) -> Decision:
        return planning.plan(author=author, lane=lane, asked_server_id=asked_id, of=of, snapshot=snapshot)

    mails: list[Mail] = []
    for content, recipients in letters:
        decision = plan(author_of(content))
        server_id = decision.server.id if decision.server else None
        planned = {
            "content": content,
            "server_id": server_id,
            # A server in trouble: the worker looks for another one first.
            "plan_version": 0 if server_id in resting else snapshot.version,
            **shared,
        }
        mails += [_mail(content, recipient, decision, planned) for recipient in recipients]
    with transaction.atomic(savepoint=False):
        Mail.objects.bulk_create(mails, batch_size=1000)
        bell.ring(lane)
    return mails


class Standing(NamedTuple):
    """The settings of now, and the servers that are left alone for a while because they could not be reached."""

    snapshot: planning.Snapshot
    resting: Set[int]


def standing() -> Standing:
    """How things stand, in one question."""
    found = rows(_STANDING[connection.vendor])
    snapshot = planning.snapshot(version=found[0][0] if found else None)
    return Standing(snapshot, {server_id for _, server_id in found if server_id is not None})


_STANDING = {
    vendor: f"SELECT options.version, server.id FROM mail_options AS options"
    f" LEFT JOIN mail_server AS server ON server.resting_until > {clock} WHERE options.id = 1"
    for vendor, clock in NOW.items()
}


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


def _mail(content: Content, recipient: Recipient, decision: Decision, shared: dict[str, Any]) -> Mail:
    mailbox = recipient.mailbox
    mail = Mail(
        recipient_name=mailbox.name[:200],
        recipient_address=mailbox.address[:320],
        contact_id=recipient.contact_id,
        search=fold(" ".join([content.subject, mailbox.name, mailbox.address, shared["document_name"]])),
        **shared,
    )
    cause = _reason_against(mailbox, decision)
    if cause:
        mail.state, mail.cause, mail.settled_at = Mail.State.FAILED, cause, now()
    return mail


def _reason_against(mailbox: Mailbox, decision: Decision) -> str:
    """Why this copy cannot leave, known without asking any server; "" when it can."""
    if decision.error:
        return decision.error.value
    try:
        parse_mailbox(mailbox.address)
    except InvalidAddress:
        return "recipient_invalid"
    return ""


def _document_fields(document: models.Model | None, of: planning.About) -> dict[str, Any]:
    name = str(document)[:200] if document else ""
    key = document.pk if document else None
    return {
        "document_type_id": of.document_type_id,
        "document_id": key,
        "document_name": name,
        "team_id": of.team_id,
    }
