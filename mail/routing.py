"""Which server a mail leaves through, under which From, and why: design §4 and §5 as pure functions.

`ladder` gives every way in the order in which it is tried, `choose` the first one; `mail.alternatives` says why each
other server is not it. Both look at plain values only, so that a table of cases can test them and a simulator can show
them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mail.addresses import (
    MAX_LOCAL_OCTETS,
    FromFilter,
    InvalidAddress,
    Mailbox,
    check_mailbox,
    domain_of,
    key,
    local_part_of,
)
from mail.decisions import Decision, DomainFacts, RouteError, Rules, Sentence, ServerFacts, Step
from mail.domains.dmarc import UNKNOWN, Policy

__all__ = [
    "Decision",
    "DomainFacts",
    "Question",
    "RouteError",
    "Rules",
    "Sentence",
    "ServerFacts",
    "Step",
    "bounce_address",
    "bounce_address_without_token",
    "choose",
    "is_too_long",
    "ladder",
    "rewritten_name",
]

# A separator and a token (`mail.tokens`), which has 24 characters at most for a million million mails.
TOKEN_ROOM = 25


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that is looked at for one mail; asked again when a policy becomes known."""

    author: Mailbox | None
    servers: Sequence[ServerFacts]
    domain: DomainFacts | None
    rules: Rules
    asked: ServerFacts | None = None
    bounce_token: str = ""

    def ways(self) -> list[Decision]:
        """Every way, the first one first; when there is none, the one decision that says why."""
        return list(self._ladder()) or [self._refusal()]

    def choice(self) -> Decision:
        """The first of them; the others are not even looked for."""
        return next(self._ladder(), None) or self._refusal()

    def _ladder(self) -> Iterator[Decision]:
        return ladder(
            author=self.author,
            servers=self.servers,
            domain=self.domain,
            rules=self.rules,
            asked=self.asked,
            bounce_token=self.bounce_token,
        )

    def _refusal(self) -> Decision:
        return _refusal(self.author, self.servers, self.domain, self.rules, self.asked)

    @property
    def awaits(self) -> str:
        """The domain whose DMARC policy should be looked up before the From is decided; "" when none matters."""
        return next((way.awaits for way in self.ways() if way.awaits), "")

    def knowing(self, policies: Mapping[str, Policy]) -> "Question":
        """The same question when these policies are known, too."""
        return replace(self, rules=replace(self.rules, policies={**self.rules.policies, **policies}))


def choose(
    *,
    author: Mailbox | None,
    servers: Sequence[ServerFacts],
    domain: DomainFacts | None,
    rules: Rules,
    asked: ServerFacts | None = None,
    bounce_token: str = "",
) -> Decision:
    """The way this mail takes, or the decision that says why it has none."""
    ways = ladder(author=author, servers=servers, domain=domain, rules=rules, asked=asked, bounce_token=bounce_token)
    return next(ways, None) or _refusal(author, servers, domain, rules, asked)


def ladder(
    *,
    author: Mailbox | None,
    servers: Sequence[ServerFacts],
    domain: DomainFacts | None,
    rules: Rules,
    asked: ServerFacts | None = None,
    bounce_token: str = "",
) -> Iterator[Decision]:
    """Every way this mail may take, in order, each server at most once. Nothing when it cannot leave."""
    try:
        mail = _Mail.of(author, domain, rules, bounce_token)
    except InvalidAddress:
        return
    if not mail.author and not mail.default_from:
        return
    counts, ignored = _asked(asked, servers, rules)
    if counts:
        if counts.active:
            yield _through_asked(mail, counts)
        return
    for way in _search(mail, servers):
        yield replace(way, warnings=(*ignored, *way.warnings))


def bounce_address(domain: DomainFacts, rules: Rules, token: str = "") -> str:
    """Where reports of failed delivery should go; "" when the domain has no bounce part, or one without room.

    What has no room for a token is none without one either: a mail leaves as it was simulated.
    """
    plain = bounce_address_without_token(domain, rules)
    local, at, name = plain.rpartition("@")
    if not at or is_too_long(plain):
        return ""
    if token:
        local += ("-" if domain.name in rules.providers else "+") + token
    return f"{local}@{name}" if len(local.encode()) <= MAX_LOCAL_OCTETS else ""


def bounce_address_without_token(domain: DomainFacts, rules: Rules) -> str:
    """The address that the bounce part means, be it as long as it may; "" without one.

    bounce@ of a public provider belongs to a stranger: there it is a plus-address of the default From account.
    """
    if not domain.bounce:
        return ""
    if domain.name not in rules.providers:
        return f"{domain.bounce}@{domain.name}"
    account, at, name = domain.default_from.rpartition("@")
    return f"{account}+{domain.bounce}@{name}" if at and name in rules.providers else ""


def is_too_long(address: str) -> bool:
    """Whether a token has no room in this address."""
    return len(local_part_of(address).encode()) + TOKEN_ROOM > MAX_LOCAL_OCTETS


# -- The steps ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mail:
    """One mail on its way through the ladder; `author` has a usable address or is None."""

    author: Mailbox | None
    name: str  # the author's display name, known even when the address is not
    default_from: str
    domain: DomainFacts | None
    rules: Rules
    token: str

    @classmethod
    def of(cls, author: Mailbox | None, domain: DomainFacts | None, rules: Rules, token: str) -> "_Mail":
        known = check_mailbox(author) if author and author.address.strip() else None
        name = author.name if author else ""
        return cls(known, name, domain.default_from if domain else "", domain, rules, token)

    def protection(self) -> "_Protection | None":
        """What DMARC protection makes of this From through an unfiltered server; None when it has no part in it."""
        if self.rules.protection == "never" or self.author is None or not self._is_foreign(self.author.address):
            return None
        if self.rules.protection == "always":
            return _Protection("protected")
        domain = domain_of(self.author.address)
        policy = self.rules.policies.get(domain)
        awaits = domain if policy is None and not self.is_default_from(self.author.address) else ""
        return _automatic(policy or UNKNOWN, awaits, is_provider=domain in self.rules.providers)

    def _is_foreign(self, address: str) -> bool:
        if domain_of(address) in self.rules.providers:
            return key(address) not in self.rules.own_addresses and not self.is_default_from(address)
        return domain_of(address) not in self.rules.own_domains

    def is_default_from(self, address: str) -> bool:
        return bool(self.default_from) and key(address) == key(self.default_from)

    def leave(self, server: ServerFacts, step: Step, *, rewrite: bool, code: str = "") -> Decision:
        """The way through this server; under the default From when `rewrite` is asked for and there is one.

        `code` is the reason for that, told unless it comes to something else.
        """
        kept, told = self.author, "rewritten" if rewrite else "kept"
        if kept and rewrite and self.default_from and not self.is_default_from(kept.address):
            header_from, fate, original = Mailbox(rewritten_name(kept), self.default_from), "rewritten", kept
        elif kept:
            header_from, fate, original = kept, "kept", None
        else:
            header_from, fate, original = Mailbox(_without_addresses(self.name), self.default_from), "default", None
        return Decision(
            server=server,
            step=step,
            header_from=header_from,
            envelope_from=self._envelope_from(server, header_from),
            reply_to=original,
            original_from=original,
            why=self.tell(f"{step.value}_{code}" if code and fate == told else f"{step.value}_{fate}", server),
        )

    def tell(self, code: str, server: ServerFacts) -> Sentence:
        if not self.rules.custom_servers and code.startswith(Step.NO_FILTER.value):
            code = code.replace(Step.NO_FILTER.value, "environment")
        return Sentence(code, _params(self.author, self.default_from, server, self.rules.policies))

    def _envelope_from(self, server: ServerFacts, header_from: Mailbox) -> str:
        if self.domain:
            # Filters are written with addresses that have no token; a plus-address belongs to its account.
            is_provider = self.domain.name in self.rules.providers
            plain = self.default_from if is_provider else bounce_address(self.domain, self.rules)
            bounce = bounce_address(self.domain, self.rules, self.token)
            if bounce and server.from_filter.covers(plain):
                return bounce
        return header_from.address


def _through_asked(mail: _Mail, server: ServerFacts) -> Decision:
    """Step 0: this server and no other."""
    if not server.from_filter:
        return _unfiltered(mail, server, Step.ASKED)
    covers_default = bool(mail.default_from) and server.from_filter.covers(mail.default_from)
    if mail.author and server.from_filter.covers(mail.author.address):
        return mail.leave(server, Step.ASKED, rewrite=False)
    if covers_default:
        return mail.leave(server, Step.ASKED, rewrite=True)
    way = mail.leave(server, Step.ASKED, rewrite=False)
    return replace(way, why=mail.tell("asked_uncovered", server), warnings=(mail.tell("uncovered", server),))


def _search(mail: _Mail, servers: Sequence[ServerFacts]) -> Iterator[Decision]:
    """Steps 1 to 6: each step looks at all servers before the next begins."""
    active = sorted((server for server in servers if server.active), key=lambda server: (server.priority, server.id))
    used: set[int] = set()
    for lists, leave in _steps(mail):
        for server in active:
            if server.id not in used and lists(server.from_filter):
                used.add(server.id)
                yield leave(server)
    if not used:
        # Only when nothing better exists: a server that does not take the From is no help to one that does.
        for server in active:
            way = mail.leave(server, Step.FALLBACK, rewrite=True)
            yield replace(way, warnings=(mail.tell("fallback", server),))


_Steps = Iterator[tuple[Callable[[FromFilter], bool], Callable[[ServerFacts], Decision]]]


def _steps(mail: _Mail) -> _Steps:
    def kept(step: Step) -> Callable[[ServerFacts], Decision]:
        return lambda server: mail.leave(server, step, rewrite=False)

    def rewritten(step: Step) -> Callable[[ServerFacts], Decision]:
        return lambda server: mail.leave(server, step, rewrite=True)

    if mail.author:
        address = mail.author.address
        yield lambda filter_: filter_.lists_address(address), kept(Step.AUTHOR_ADDRESS)
        yield lambda filter_: filter_.lists_domain(domain_of(address)), kept(Step.AUTHOR_DOMAIN)
    if mail.default_from:
        default = mail.default_from
        yield lambda filter_: filter_.lists_address(default), rewritten(Step.DEFAULT_ADDRESS)
        yield lambda filter_: filter_.lists_domain(domain_of(default)), rewritten(Step.DEFAULT_DOMAIN)
    yield lambda filter_: not filter_, lambda server: _unfiltered(mail, server, Step.NO_FILTER)


def _unfiltered(mail: _Mail, server: ServerFacts, step: Step) -> Decision:
    """Through a server that takes every From: the only place where DMARC protection has something to protect."""
    protection = mail.protection()
    if protection is None:
        return mail.leave(server, step, rewrite=False)
    way = mail.leave(server, step, rewrite=protection.rewrites, code=protection.code)
    warnings = [protection.warning] if protection.warning else []
    if protection.rewrites and not way.rewritten:
        warnings = [] if mail.default_from else ["unprotected"]
    told = tuple(mail.tell(code, server) for code in warnings)
    return replace(way, warnings=told, awaits=protection.awaits)


@dataclass(frozen=True, slots=True)
class _Protection:
    """Why a foreign From is replaced, or kept."""

    code: str
    rewrites: bool = True
    warning: str = ""
    awaits: str = ""


def _automatic(policy: Policy, awaits: str, *, is_provider: bool) -> _Protection:
    stale = "policy_stale" if policy.is_stale else ""
    if policy.is_enforced:
        return _Protection("policy", warning=stale)
    if is_provider:
        return _Protection("provider", awaits=awaits)
    if policy.failed:
        return _Protection("policy_unknown", warning="policy_unknown", awaits=awaits)
    return _Protection("policy_none" if policy.value else "policy_absent", rewrites=False, warning=stale)


# -- Details -----------------------------------------------------------------------------------------

_ADDRESS_LIKE = re.compile(r"\S*[@＠﹫]\S*|\S+\s+[@＠﹫]\s+\S+\.\S+")
_LEFT_OVER = " \t,;:<>()[]{}\"'«»“”|/\\-–—"


def rewritten_name(author: Mailbox) -> str:
    """The name beside the default From: the author's, or the local part of the author's address, never an address."""
    return _without_addresses(author.name) or _without_addresses(local_part_of(author.address))


def _without_addresses(name: str) -> str:
    # An address as display name is what forgers write, and what filters of large providers punish.
    if not _ADDRESS_LIKE.search(name):
        return name.strip()
    spaced = re.sub(r"\s+[@＠﹫]\s+(?=\S+\.\S)", "@", name)
    return " ".join(_ADDRESS_LIKE.sub(" ", spaced).split()).strip(_LEFT_OVER)


def _asked(
    asked: ServerFacts | None, servers: Sequence[ServerFacts], rules: Rules
) -> tuple[ServerFacts | None, tuple[Sentence, ...]]:
    """The server asked for, if it counts: without custom servers only the one of the environment does."""
    if not asked or rules.custom_servers or asked.id in {server.id for server in servers}:
        return asked, ()
    return None, (Sentence("asked_ignored", {"server": asked.name}),)


def _refusal(
    author: Mailbox | None,
    servers: Sequence[ServerFacts],
    domain: DomainFacts | None,
    rules: Rules,
    asked: ServerFacts | None,
) -> Decision:
    try:
        mail = _Mail.of(author, domain, rules, "")
    except InvalidAddress as reason:
        return _error(RouteError.FROM_INVALID, reason=str(reason))
    if not mail.author and not mail.default_from:
        return _error(RouteError.FROM_MISSING)
    counts, ignored = _asked(asked, servers, rules)
    if counts:
        return replace(_error(RouteError.SERVER_ARCHIVED, server=counts.name), server=counts)
    if rules.custom_servers:
        return _error(RouteError.NO_SERVER)
    return Decision(error=RouteError.NO_SERVER, why=Sentence("no_environment"), warnings=ignored)


def _error(error: RouteError, **params: str | int) -> Decision:
    return Decision(error=error, why=Sentence(error.value, params))


def _params(
    author: Mailbox | None, default_from: str, server: ServerFacts, policies: Mapping[str, Policy]
) -> dict[str, str | int]:
    address = author.address if author else ""
    domain = domain_of(address) if address else ""
    return {
        "server": server.name,
        "author": address,
        "author_domain": domain,
        "default_from": default_from,
        "default_domain": domain_of(default_from) if default_from else "",
        "policy": policies[domain].value if domain in policies else "",
    }
