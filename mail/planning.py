"""The plan of a mail: what the database knows, as plain values, given to `routing`."""

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import NamedTuple, Required, TypedDict, Unpack

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from mail.addresses import (
    FromFilter,
    InvalidAddress,
    InvalidFilter,
    Mailbox,
    domain_of,
    key,
    normalise,
    normalise_domain,
    parse_filter,
)
from mail.environment import environment_server
from mail.models import Contact, Domain, IdentityRule, Lane, Options, Server
from mail.routing import Decision, DomainFacts, Question, Rules, ServerFacts

logger = logging.getLogger(__name__)

__all__ = ["About", "Snapshot", "about", "environment_server", "plan", "question", "snapshot", "ways"]


class About(NamedTuple):
    """What a mail is about, as far as identity rules look at it: the kind of document, and whose it is."""

    document_type_id: int | None = None
    team_id: int | None = None


NOTHING = About()


def about(document: models.Model | None) -> About:
    """The kind of this document and its team: the group that the document calls `mail_team`, when it has one."""
    if document is None:
        return NOTHING
    team = getattr(document, "mail_team", None)
    kind = ContentType.objects.get_for_model(type(document))
    return About(kind.pk, team.pk if team else None)


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity rule: of what it speaks, and the default From as it was written."""

    document_type_id: int | None
    team_id: int | None
    default_from: str

    def fits(self, of: About) -> bool:
        wanted = (self.document_type_id, of.document_type_id), (self.team_id, of.team_id)
        return of != NOTHING and all(rule is None or rule == known for rule, known in wanted)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything the choice looks at, as it was under one version of the settings. Each is like itself only."""

    version: int
    # Those that count: the custom ones, or the one of the environment while custom servers are off.
    servers: tuple[ServerFacts, ...]
    domains: tuple[DomainFacts, ...]
    default_domain: DomainFacts | None
    rules: Rules
    mass_server_id: int | None
    known: Mapping[int, ServerFacts]  # every row, whether it counts or not
    identities: tuple[Identity, ...] = ()
    environment_id: int | None = None

    @property
    def every(self) -> tuple[ServerFacts, ...]:
        """Those that count, and those that would if custom servers were on."""
        counting = {server.id for server in self.servers} | {self.environment_id}
        return (*self.servers, *(server for pk, server in self.known.items() if pk not in counting))

    def server(self, pk: int | None) -> ServerFacts | None:
        """The server with this key, whether it counts or not; None when it was deleted."""
        return self.known.get(pk) if pk else None

    def server_named(self, name: str) -> ServerFacts | None:
        """The server that counts under this name, else any other; None when there is none."""
        return next((server for server in (*self.servers, *self.known.values()) if server.name == name), None)

    def domain_for(self, author: Mailbox | None, of: About = NOTHING) -> DomainFacts:
        """The domain of a mail: by the identity rule of what it is about, else the author's own alias domain, else
        the default one, else this host."""
        own = self._own_domain(author)
        rule = next((rule for rule in self.identities if rule.fits(of)), None)
        return self._by_identity(rule, own) if rule else own

    def _own_domain(self, author: Mailbox | None) -> DomainFacts:
        try:
            name = domain_of(author.address) if author and author.address else ""
        except InvalidAddress:
            name = ""
        return self._domain_named(name) or self.default_domain or DomainFacts(host_name())

    def _domain_named(self, name: str) -> DomainFacts | None:
        return next((domain for domain in self.domains if domain.name == name), None)

    def _by_identity(self, rule: Identity, own: DomainFacts) -> DomainFacts:
        """Under the rule's default From; bounce and catchall are those of its domain when that is one of ours."""
        # A local part is completed by an alias domain; the name of this host is none, and gives no default From.
        is_whole = "@" in rule.default_from
        default_from = default_from_of(own.name, rule.default_from) if is_whole or own in self.domains else ""
        if not default_from:
            return own
        return replace(self._domain_named(domain_of(default_from)) or own, default_from=default_from)

    @property
    def message_domain(self) -> str:
        """What Message-IDs end in when no author's domain decides."""
        return self.domain_for(None).name


class Outgoing(TypedDict, total=False):
    """What a caller may tell of a mail."""

    author: Required[Mailbox | None]
    lane: str
    asked_server_id: int | None
    of: About
    snapshot: Snapshot | None
    bounce_token: str


def question(**mail: Unpack[Outgoing]) -> Question:
    """Everything that decides about a mail, under the settings of now; no foreign policy is known in it yet."""
    author = mail["author"]
    known = mail.get("snapshot") or _current()
    return Question(
        author=author,
        servers=known.servers,
        domain=known.domain_for(author, mail.get("of", NOTHING)),
        rules=_rules_for(author, known),
        asked=_asked(known, mail.get("lane", Lane.TRANSACTIONAL), mail.get("asked_server_id")),
        bounce_token=mail.get("bounce_token", ""),
    )


def plan(
    author: Mailbox | None,
    *,
    lane: str = Lane.TRANSACTIONAL,
    asked_server_id: int | None = None,
    of: About = NOTHING,
    snapshot: Snapshot | None = None,
) -> Decision:
    """The way this mail takes under the settings of now, or why it has none."""
    known = snapshot or _current()
    find = _way if _is_asked_about(author, known) else _kept_way
    return find(known, author, lane, asked_server_id, of)


def _way(known: Snapshot, author: Mailbox | None, lane: str, asked_server_id: int | None, of: About) -> Decision:
    return question(author=author, lane=lane, asked_server_id=asked_server_id, of=of, snapshot=known).choice()


# The same few authors write most of the mail, and to find the way takes longer than all else that queueing computes.
_kept_way = lru_cache(maxsize=1024)(_way)


def ways(**mail: Unpack[Outgoing]) -> list[Decision]:
    """Every way, the planned one first; when there is none, the one decision that says why."""
    return question(**mail).ways()


def _asked(known: Snapshot, lane: str, asked_server_id: int | None) -> ServerFacts | None:
    if asked_server_id is None and lane == Lane.MASS and known.rules.custom_servers:
        asked_server_id = known.mass_server_id
    return known.server(asked_server_id)


def _rules_for(author: Mailbox | None, known: Snapshot) -> Rules:
    """The rules, with what must be asked for each author: whether an address at a public provider is a user's."""
    if author is None or not _is_asked_about(author, known):
        return known.rules
    is_own = Contact.objects.internal().filter(email__iexact=author.address.strip()).exists()
    return replace(known.rules, own_addresses=frozenset({key(author.address)})) if is_own else known.rules


def _is_asked_about(author: Mailbox | None, known: Snapshot) -> bool:
    """Whether it matters if this is a user's address, which only the database knows."""
    rules = known.rules
    if rules.protection == "never" or author is None:
        return False
    try:
        # Only where we write under the provider's name ourselves: any other provider's mail is foreign.
        domain = domain_of(author.address)
    except InvalidAddress:
        return False
    return domain in rules.own_domains and domain in rules.providers


# -- The snapshot ------------------------------------------------------------------------------------

_kept: tuple[str, Snapshot] | None = None  # what settings.MAIL_SERVER_URL was, and what was read then


def snapshot(*, is_current: bool = False, version: int | None = None) -> Snapshot:
    """The settings as plain values; one cheap query while they have not changed.

    None for who asked `unchanged`, or has just read the `version` that holds.
    """
    if _kept and version is not None:
        is_current = _kept[0] == settings.MAIL_SERVER_URL and _kept[1].version == version
    return _kept[1] if is_current and _kept else _current()


def kept() -> Snapshot:
    """The settings as they were read last, without a question, for who writes nothing unless they still hold."""
    return _kept[1] if _kept and _kept[0] == settings.MAIL_SERVER_URL else _current()


def unchanged() -> "models.QuerySet[Options]":
    """One row while the settings are those that were read last, for who has more to ask at the same time."""
    version = _kept[1].version if _kept and _kept[0] == settings.MAIL_SERVER_URL else 0
    return Options.objects.filter(pk=1, version=version)


def _current() -> Snapshot:
    url: str = settings.MAIL_SERVER_URL
    version = Options.objects.filter(pk=1).values_list("version", flat=True).first()
    if _kept and version and _kept[0] == url and _kept[1].version == version:
        return _kept[1]
    # Keeping the environment's row may raise the version, so it comes before anything is read.
    environment = environment_server()
    fresh = _read(environment)
    # A version seen inside a transaction may be rolled back and given again to other settings.
    transaction.on_commit(lambda: _keep(url, fresh), robust=True)
    return fresh


def _keep(url: str, fresh: Snapshot) -> None:
    global _kept
    _kept = (url, fresh)


@receiver(post_migrate, dispatch_uid="mail_forget_snapshot")
def forget(**kwargs: object) -> None:
    """Read everything anew: the tables were made or emptied, and versions begin again."""
    global _kept
    _kept = None


def _read(environment: Server | None) -> Snapshot:
    options = Options.load()
    rows = list(Server.objects.custom())
    known = {row.pk: _server_facts(row) for row in rows}
    servers = tuple(known.values())
    if environment:
        known[environment.pk] = ServerFacts(environment.pk, environment.name, environment.priority, FromFilter())
    if not options.custom_servers:
        servers = (known[environment.pk],) if environment else ()
    domains = [(_domain_facts(row), row.is_default) for row in Domain.objects.all()]
    default = next((facts for facts, is_default in domains if is_default), None)
    return Snapshot(
        version=options.version,
        servers=servers,
        domains=tuple(facts for facts, _ in domains),
        # One domain alone is meant, whether or not someone ticked it.
        default_domain=domains[0][0] if default is None and len(domains) == 1 else default,
        rules=Rules(
            custom_servers=options.custom_servers,
            protection=options.dmarc_protection,
            providers=frozenset(map(_tolerant_domain, options.provider_domains)),
            own_domains=frozenset(facts.name for facts, _ in domains),
        ),
        mass_server_id=options.mass_server_id,
        known=known,
        environment_id=environment.pk if environment else None,
        identities=tuple(
            Identity(rule.document_type_id, rule.team_id, rule.default_from) for rule in IdentityRule.objects.all()
        ),
    )


def _server_facts(row: Server) -> ServerFacts:
    try:
        from_filter, active = parse_filter(row.from_filter), row.active
    except InvalidFilter:
        # No form saves one. A filter that nobody can read lets nobody through, rather than everybody.
        logger.exception("server %s: its From filter cannot be read; the server is not used", row.pk)
        from_filter, active = FromFilter(), False
    return ServerFacts(
        row.pk, row.name, row.priority, from_filter, active, bool(row.is_resting), bool(row.blocked_cause)
    )


def _domain_facts(row: Domain) -> DomainFacts:
    name = _tolerant_domain(row.name)
    return DomainFacts(name, default_from_of(name, row.default_from), row.bounce, row.catchall)


def default_from_of(domain: str, default_from: str) -> str:
    """The whole default From: a local part is completed with the domain. "" when empty or not an address."""
    text = default_from.strip()
    if not text:
        return ""
    try:
        return normalise(text if "@" in text else f"{text}@{domain}")
    except InvalidAddress:
        return ""


def _tolerant_domain(text: str) -> str:
    try:
        return normalise_domain(text)
    except InvalidAddress:
        return text.strip().lower()


@cache
def host_name() -> str:
    """The name of this machine as a domain; asks no DNS, which could hold up a mail."""
    return _tolerant_domain(socket.gethostname()) or "localhost"
