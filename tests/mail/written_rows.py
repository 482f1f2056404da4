"""What is queued is written by hand; what the models would have written is held beside it, column by column.

Run over SQLite by test_writing.py, over PostgreSQL by tests/peers.
"""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from daeris.documents.models import Opportunity
from daeris.models import User
from mail import planning
from mail.addresses import Mailbox
from mail.folding import fold
from mail.models import Contact, Content, Mail, Options, Server
from mail.queue import Recipient, enqueue_all

# Whatever both databases can hold: PostgreSQL's text has no NUL.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
WORDS = {
    "subject": TEXT,
    "text": TEXT | st.just("á\n" * 4_000),
    "html": TEXT,
    "language": st.sampled_from(["", "es"]),
    "author_name": TEXT,
    "author_address": st.sampled_from(["", "ana@miempresa.example", "eva@x.example", "no address"]),
    "reply_to": TEXT,
    "to": TEXT,
    "cc": TEXT,
    "message_id": st.sampled_from(["", "<given@x.example>"]),
    "in_reply_to": TEXT,
    "references": TEXT,
    "extra_headers": st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=2),
    "auto_submitted": st.booleans(),
    "sensitive": st.booleans(),
}
ADDRESSES = st.sampled_from(["julia@levante.example", "Ñandú@españa.example", "no es una dirección", ""]) | TEXT
PEOPLE = st.lists(st.tuples(TEXT | st.just("x" * 300), ADDRESSES, st.booleans()), min_size=1, max_size=3)
LETTERS = st.lists(st.tuples(st.fixed_dictionaries(WORDS), PEOPLE, st.booleans()), min_size=1, max_size=3)
HOW = st.fixed_dictionaries(
    {
        "lane": st.sampled_from(["transactional", "mass"]),
        "user": st.booleans(),
        "document": st.booleans(),
        "asked_server": st.booleans(),
        "due_at": st.none() | st.just(now()),
    }
)


@given(letters=LETTERS, how=HOW, is_resting=st.booleans())
def check(letters: list[Any], how: dict[str, Any], is_resting: bool) -> None:
    """Queue these, some with contents that are kept already, and compare every row with the models' own."""
    contact, how = _people_and_things(how, is_resting=is_resting)
    contents = [Content(**words) for words, _, _ in letters]
    for content, (_, _, is_kept) in zip(contents, letters, strict=True):
        if is_kept:
            content.save()
    recipients = [
        [Recipient(Mailbox(name, address), contact.pk if is_known else None) for name, address, is_known in people]
        for _, people, _ in letters
    ]

    keys = enqueue_all(zip(contents, recipients, strict=True), **how)

    for content, (words, _, is_kept) in zip(contents, letters, strict=True):
        stored = Content.objects.get(pk=content.pk)
        assert stored.message_id or is_kept
        assert _columns(stored) == _columns(content)
        assert _columns(stored) == _columns(_by_model(Content(**{**words, "message_id": stored.message_id})))
    stored_mails = list(Mail.objects.in_bulk(keys).values())
    wanted = [(content, one) for content, people in zip(contents, recipients, strict=True) for one in people]
    for pk, (content, recipient) in zip(keys, wanted, strict=True):
        mail = next(mail for mail in stored_mails if mail.pk == pk)
        assert _columns(mail) == _columns(_by_model(_expected(mail, content, recipient, how, is_resting)))


def _expected(mail: Mail, content: Content, recipient: Recipient, how: dict[str, Any], is_resting: bool) -> Mail:
    document = how["document"]
    author = Mailbox(content.author_name, content.author_address) if content.author_address else None
    of, asked = planning.about(document), how["asked_server"]
    decision = planning.plan(author=author, lane=how["lane"], asked_server_id=asked and asked.pk, of=of)
    name, address = recipient.mailbox.name, recipient.mailbox.address
    cause = decision.error.value if decision.error else ""
    # Which addresses are none, is said by others (test_addresses.py).
    cause = cause or (mail.cause if mail.cause == "recipient_invalid" and "@levante" not in address else "")
    # At once means by the database's clock.
    assert how["due_at"] or mail.created_at <= mail.due_at <= now()
    moments = {"due_at": how["due_at"] or mail.due_at, "created_at": mail.created_at}
    moments["settled_at"] = mail.created_at if cause else None
    return Mail(
        content=content,
        lane=how["lane"],
        recipient_name=name[:200],
        recipient_address=address[:320],
        contact_id=recipient.contact_id,
        user=how["user"],
        document_type=ContentType.objects.get_for_model(document) if document else None,
        document_id=document.pk if document else None,
        document_name=str(document)[:200] if document else "",
        team_id=of.team_id,
        asked_server=asked,
        server_id=decision.server.id if decision.server else None,
        plan_version=0 if is_resting and decision.server else Options.load().version,
        search=fold(" ".join([content.subject, name, address, str(document)[:200] if document else ""])),
        state="failed" if cause else "queued",
        cause=cause,
        **moments,
    )


def _people_and_things(how: dict[str, Any], *, is_resting: bool) -> tuple[Contact, dict[str, Any]]:
    server = Server.objects.get_or_create(name="S", host="h.example", from_filter="miempresa.example")[0]
    Server.objects.update(resting_until=now().replace(year=2099) if is_resting else None)
    Options.objects.update(custom_servers=True)
    Options.raise_version()
    contact = Contact.objects.get_or_create(name="Julia", email="julia@levante.example")[0]
    user = User.objects.get_or_create(username="ana")[0]
    document = Opportunity.objects.get_or_create(name="Renovación ¡ya!", defaults={"responsible": user})[0]
    chosen = {"user": user, "document": document, "asked_server": server}
    return contact, {**how, **{name: thing if how[name] else None for name, thing in chosen.items()}}


def _by_model(row: Any) -> Any:
    row.save(force_insert=True)
    return type(row).objects.get(pk=row.pk)


def _columns(row: models.Model) -> dict[str, Any]:
    """All but the key, and when it was written."""
    left_out = {"id", "created_at"} if isinstance(row, Content) else {"id"}
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields} | dict.fromkeys(left_out)
