"""Who changed what on servers, alias domains, identity rules, options and OAuth clients: `with audit.recording(user):`.

What is stored is read before and after, so whoever saves need not tell what changed, nor can forget to. The tables
are small; all recordings come one after the other by a lock on the one row of options, so that each tells its own
changes only. Of a secret it is kept that there is one, and never what it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from mail.certificates import certificates_in
from mail.fields import EncryptedField
from mail.models import Change, Domain, IdentityRule, OAuthClient, Options, Server

# What stands for a value that nobody is shown.
HIDDEN = "•"
# Written by the workers or by ourselves, not by a decision of somebody.
NOT_A_SETTING = {
    Server: {"id", "is_environment", "created_at"}
    | {"blocked_cause", "blocked_reply", "blocked_at", "failures", "trouble_since", "resting_until"}
    | {"slowed_until", "slowed_reply"},
    Options: {"id", "version"},
    Domain: {"id"},
    IdentityRule: {"id"},
    OAuthClient: {"id"},
}
AUDITED: tuple[type[models.Model], ...] = tuple(NOT_A_SETTING)
# Public, and long: a certificate is told by whose it is and when it ends.
CERTIFICATES = {"ca_certificate", "client_certificate"}
# Of the server's grant, shown among its fields.
ACCOUNT = "account"

_is_recording: ContextVar[bool] = ContextVar("mail_audit", default=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a field holds: as it is compared, and as it is written down."""

    value: Any = field(repr=False)
    text: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """One audited object as it was at a moment."""

    name: str
    facts: Mapping[str, Fact]


Key = tuple[str, int]  # the model's name, and the row


@contextmanager
def recording(user: AbstractBaseUser | AnonymousUser | None = None, *, by: str = "") -> Iterator[None]:
    """Write down what changes meanwhile, in one transaction with it; `by` names what is no user: a command.

    Inside another recording it adds nothing. Do no slow work in it: the rows are locked.
    """
    if _is_recording.get():
        yield
        return
    token = _is_recording.set(True)
    try:
        with transaction.atomic():
            Options.load()
            Options.objects.select_for_update().get(pk=1)
            before = _everything()
            yield
            who = user if user is not None and user.is_authenticated else None
            Change.objects.bulk_create(_changes(before, _everything(), who, by))
    finally:
        _is_recording.reset(token)


def _changes(
    before: Mapping[Key, Portrait], after: Mapping[Key, Portrait], user: AbstractBaseUser | None, by: str
) -> Iterator[Change]:
    who: dict[str, Any] = {"user": user, "user_name": (_name_of(user) if user else by)[:200]}
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        about = {**who, "kind": key[0], "object_id": key[1], "object_name": (new or old or _NOBODY).name[:254]}
        if old is None or new is None:
            yield Change(**about, field="", old=old.name if old else "", new=new.name if new else "")
            continue
        for name, fact in new.facts.items():
            former = old.facts[name]
            if former.value != fact.value:
                yield Change(**about, field=name, old=former.text, new=fact.text)


_NOBODY = Portrait("", {})


def _everything() -> dict[Key, Portrait]:
    return {(row._meta.model_name or "", row.pk): _portrait(row) for model in AUDITED for row in _rows(model)}


def _rows(model: type[models.Model]) -> models.QuerySet[Any]:
    if model is Server:
        return Server.objects.custom().select_related("grant")
    related = [one.name for one in model._meta.fields if one.is_relation]
    return model._default_manager.select_related(*related) if related else model._default_manager.all()


def _portrait(row: models.Model) -> Portrait:
    names = NOT_A_SETTING[type(row)]
    facts = {one.name: _fact(row, one) for one in row._meta.fields if one.name not in names}
    if isinstance(row, Server):
        facts[ACCOUNT] = _account(row)
    return Portrait(_title(row), facts)


def _fact(row: models.Model, one: Any) -> Fact:
    value = getattr(row, one.attname)
    if isinstance(one, EncryptedField):
        return Fact(value, HIDDEN if value else "")
    if one.is_relation:
        return Fact(value, _title(getattr(row, one.name)) if value else "")
    if one.name in CERTIFICATES:
        return Fact(value, "; ".join(f"{each.subject}, {each.expires:%Y-%m-%d}" for each in certificates_in(value)))
    return Fact(value, "" if value is None else str(value))


def _account(server: Server) -> Fact:
    grant = getattr(server, "grant", None)
    # Connected anew is a change, though the account may be the same; a token that was renewed is none.
    return Fact((grant.account, grant.connected_at), grant.account or HIDDEN) if grant else Fact(None, "")


def _title(row: models.Model) -> str:
    if isinstance(row, Options):
        return ""
    if isinstance(row, ContentType):
        return f"{row.app_label}.{row.model}"  # put into words by whoever reads it
    return str(row)


def _name_of(user: Any) -> str:
    return str(user.get_full_name() or user.get_username())
