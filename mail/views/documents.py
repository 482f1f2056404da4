"""The records that mails are about: which of them a user may read, and how they are shown."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import IntegerField, Model, Q, QuerySet, Value

from mail.models import Mail
from mail.models.mail import AnyUser

DEFAULT_ICON = "file-text"
MOST_KEYS = 1000


@dataclass(frozen=True, slots=True)
class Document:
    """A record as a mail shows it: its name, and its address for whoever may open it."""

    name: str
    icon: str
    url: str = ""


def documents_of(mails: Iterable[Mail], user: AnyUser) -> dict[int, Document]:
    """The record of each mail, by the mail's key. Other people's records are left out, by one query for all."""
    about = [mail for mail in mails if mail.document_type_id and mail.document_id]
    by_type: dict[int, set[int]] = defaultdict(set)
    for mail in about:
        by_type[mail.document_type_id or 0].add(mail.document_id or 0)
    readable = _readable(by_type, user)
    found: dict[int, Document] = {}
    urls: dict[tuple[int | None, int | None], str] = {}
    for mail in about:
        model = _model(mail.document_type_id or 0)
        is_readable = (mail.document_type_id, mail.document_id) in readable
        # What I wrote about stays on my mail by name, even when the record is out of my reach or gone.
        if is_readable or mail.user_id == user.pk:
            record = (mail.document_type_id, mail.document_id)
            if record not in urls:
                urls[record] = _url(model, mail.document_id or 0) if is_readable and model else ""
            found[mail.pk] = Document(mail.document_name, getattr(model, "icon", DEFAULT_ICON), urls[record])
    return found


def about_readable(type_id: int, user: AnyUser) -> Q:
    """The mails about records of this type that the user may read, and the user's own whatever they are about."""
    mine = Q(user_id=user.pk)
    model = _model(type_id)
    records = _visible_to(model, user) if model else None
    if records is None:
        return mine
    if not records.query.where:
        # Whoever reads them all needs no list of them; and with one, the database reads the whole queue.
        return Q()
    keys = records.order_by().values_list("pk", flat=True)
    few = list(keys[: MOST_KEYS + 1])
    # Keys at hand are looked up in the index; a question within the question makes the database read the table.
    return mine | Q(document_id__in=few if len(few) <= MOST_KEYS else keys)


def _readable(by_type: dict[int, set[int]], user: AnyUser) -> set[tuple[int, int]]:
    questions: list[QuerySet[Any, tuple[int, int]]] = []
    for type_id, ids in by_type.items():
        model = _model(type_id)
        records: QuerySet[Any] | None = _visible_to(model, user) if model else None
        if records is not None:
            kind = Value(type_id, output_field=IntegerField())
            questions.append(records.filter(pk__in=ids).order_by().values_list(kind, "pk"))
    if not questions:
        return set()
    first, *others = questions
    return set(first.union(*others, all=True) if others else first)


def _visible_to(model: type[Model], user: AnyUser) -> "QuerySet[Any] | None":
    """The records as their model shows them to this user; None when the model says nothing about it."""
    ask = getattr(model._default_manager, "visible_to", None)
    return ask(user) if ask else None


def _model(type_id: int) -> type[Model] | None:
    try:
        return ContentType.objects.get_for_id(type_id).model_class()
    except ContentType.DoesNotExist:  # a number that somebody wrote into the address
        return None


def _url(model: type[Model], pk: int) -> str:
    address = getattr(model(pk=pk), "get_absolute_url", None)
    return address() if address else ""
