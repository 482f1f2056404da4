"""The values that a choice of server and From is made of, and those that it gives: plain, comparable, explained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mail.addresses import FromFilter, Mailbox
from mail.domains.dmarc import Policy


class Step(StrEnum):
    """The rung of the ladder on which a server was found."""

    ASKED = "asked"
    AUTHOR_ADDRESS = "author_address"
    AUTHOR_DOMAIN = "author_domain"
    DEFAULT_ADDRESS = "default_address"
    DEFAULT_DOMAIN = "default_domain"
    NO_FILTER = "no_filter"
    FALLBACK = "fallback"


class RouteError(StrEnum):
    """Why a mail cannot leave at all."""

    NO_SERVER = "no_server"
    SERVER_ARCHIVED = "server_archived"
    FROM_MISSING = "from_missing"
    FROM_INVALID = "from_invalid"


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the choice looks at in a server."""

    id: int
    name: str
    priority: int
    from_filter: FromFilter
    active: bool = True
    resting: bool = False
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """What the choice looks at in an alias domain: the full default From, the local parts of bounce and catchall."""

    name: str
    default_from: str = ""
    bounce: str = ""
    catchall: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The general options as the choice needs them; domains in A-label form, addresses as `addresses.key` writes them.

    `own_addresses` counts at public providers only, where the domain is nobody's.
    """

    custom_servers: bool = True
    protection: str = "never"
    providers: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()
    # What is known of foreign domains; looked at in automatic protection only.
    policies: Mapping[str, Policy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something to tell, without a language yet: `explanations.render` says it."""

    code: str
    params: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """One way for a mail to leave; or, with `error`, why there is none."""

    server: ServerFacts | None = None
    step: Step | None = None
    header_from: Mailbox | None = None
    envelope_from: str = ""
    reply_to: Mailbox | None = None
    # The author as written, when the header From is another.
    original_from: Mailbox | None = None
    why: Sentence | None = None
    warnings: tuple[Sentence, ...] = ()
    error: RouteError | None = None
    # The domain whose DMARC policy decides about the From and is not known: until then it is taken for a strict one.
    awaits: str = ""

    @property
    def rewritten(self) -> bool:
        return self.original_from is not None

    def same_from(self, other: "Decision") -> bool:
        """Whether the mail surely carries the same From either way, whatever policy will be found."""
        return (self.header_from, self.awaits) == (other.header_from, other.awaits)
