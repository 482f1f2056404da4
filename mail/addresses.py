"""Addresses: one mailbox, read strictly; the forms they are written and compared in; From filters.

Whoever writes a list, a group or a line break where one address is meant is told so. Hosts of one label
(`root@localhost`) are addresses, because networks without DNS use them; IP addresses in brackets are not,
because no filter, alias or DMARC policy can speak of them.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

import idna
from django.utils.translation import gettext as _

MAX_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAX_ADDRESS_OCTETS = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
MAX_TEXT = 1000

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_QUOTED_STRING = re.compile(_QUOTED)
_NAMED = re.compile(rf'((?:{_QUOTED}|[^"<>,;:@\\])*)<((?:{_QUOTED}|[^"<>])*)>')
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PLAIN_NAME = re.compile(rf"{_ATOM}(?: {_ATOM})*")


class InvalidAddress(ValueError):
    """Says in the reader's language why a text is not an address."""


class InvalidFilter(ValueError):
    """Names every bad part of a From filter, each with the reason."""

    def __init__(self, parts: Sequence[tuple[str, str]]) -> None:
        self.parts = list(parts)
        super().__init__(" ".join(f"«{part}»: {reason}" for part, reason in parts))


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person's name, which may be empty, and address."""

    name: str
    address: str

    def __str__(self) -> str:
        if not self.name:
            return self.address
        plain = _PLAIN_NAME.fullmatch(self.name)
        return f"{self.name if plain else _quote(self.name)} <{self.address}>"


def parse_mailbox(text: str) -> Mailbox:
    """The one mailbox that the text names, as `ana@x.example` or `Ana <ana@x.example>`."""
    if len(text) > MAX_TEXT:
        raise InvalidAddress(_("The address is too long."))
    refuse_control_characters(text)
    text = text.strip()
    if not text:
        raise InvalidAddress(_("The address is empty."))
    named = _NAMED.fullmatch(text)
    if named:
        return Mailbox(_phrase(named[1]), normalise(named[2]))
    return Mailbox("", normalise(text))


def check_mailbox(mailbox: Mailbox) -> Mailbox:
    """The same mailbox with its address normalised; InvalidAddress when name or address cannot stand in a header."""
    refuse_control_characters(mailbox.name)
    return Mailbox(mailbox.name.strip(), normalise(mailbox.address))


def refuse_control_characters(text: str) -> None:
    """InvalidAddress when the text holds what could begin another header line, or cannot be shown."""
    # What can be printed holds none, and needs no look at each character.
    if not text.isprintable() and any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text
    ):
        raise InvalidAddress(_("Line breaks and control characters are not allowed."))


def normalise(address: str) -> str:
    """The address, its domain as a lower-case A-label without trailing dot and its local part as written."""
    return "@".join(_split(address))


def key(address: str) -> str:
    """What addresses are compared by: no case, A-label domain."""
    local, domain = _split(address)
    return f"{unicodedata.normalize('NFC', local).lower()}@{domain}"


def domain_of(address: str) -> str:
    """The domain of an address as a lower-case A-label."""
    return _split(address)[1]


def local_part_of(address: str) -> str:
    """What stands before the @, without the quotes that it may need."""
    local = _split(address)[0]
    return _unquote(local) if local.startswith('"') else local


def needs_smtputf8(address: str) -> bool:
    """Whether only a server that offers SMTPUTF8 can carry this (normalised) address."""
    return not address.isascii()


@lru_cache(maxsize=4096)
def normalise_domain(text: str) -> str:
    """The domain as a lower-case A-label without trailing dot."""
    domain = text.strip().lower().removesuffix(".")
    if domain.isascii() and "xn--" not in domain:
        labels = domain.split(".")
    else:
        labels = _to_a_label(domain).split(".")
    # A name whose last label is a number is an IP address, or a slip of the finger.
    if not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit() or len(".".join(labels)) > 253:
        raise InvalidAddress(_("This is not a domain name."))
    return ".".join(labels)


def normalise_host(text: str) -> str:
    """The host of a server: a domain name, a name inside a network (`mail_relay`) or an IP address."""
    host = text.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    if not host.isascii():
        return normalise_domain(host)
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if not all(map(_HOST_LABEL.fullmatch, labels)) or labels[-1].isdigit() or len(host) > 253:
        raise InvalidAddress(_("This is not the name of a server."))
    return host


def _to_a_label(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode().lower().removesuffix(".")
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidAddress(_("This is not a domain name.")) from error


@lru_cache(maxsize=4096)  # one address is compared with every server's filter
def _split(address: str) -> tuple[str, str]:
    refuse_control_characters(address)
    text = address.strip()
    local, at, domain = text.rpartition("@")
    _refuse_what_is_no_address(text, bool(at and local and domain))
    if local.startswith('"') and _QUOTED_STRING.fullmatch(local):
        # Quotes that are not needed are dropped: "ana"@x.example and ana@x.example are one mailbox.
        bare = _unquote(local)
        local = bare if _DOT_ATOM.fullmatch(bare) else _quote(bare)
    elif not _DOT_ATOM.fullmatch(local):
        raise InvalidAddress(_("What stands before the @ is not valid."))
    if domain.startswith("["):
        raise InvalidAddress(_("Write a domain name after the @, not an IP address."))
    domain = normalise_domain(domain)
    if len(local.encode()) > MAX_LOCAL_OCTETS:
        raise InvalidAddress(_("What stands before the @ is too long: 64 characters at most."))
    if len(local.encode()) + 1 + len(domain) > MAX_ADDRESS_OCTETS:
        raise InvalidAddress(_("The address is too long: 254 characters at most."))
    return local, domain


def _refuse_what_is_no_address(text: str, has_both_sides: bool) -> None:
    bare = _QUOTED_STRING.sub("", text)
    if any(mark in bare for mark in ",;") or bare.count("@") > 1:
        raise InvalidAddress(_("One address is expected here, not a list."))
    if ":" in bare:
        raise InvalidAddress(_("One address is expected here, not a group."))
    if not has_both_sides:
        raise InvalidAddress(_("An address has a name, an @ and a domain, like ana@miempresa.com."))
    if not text.isprintable():
        raise InvalidAddress(_("The address holds invisible characters."))


def _phrase(text: str) -> str:
    return " ".join(_QUOTED_STRING.sub(lambda quoted: _unquote(quoted[0]), text).split())


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquote(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


@dataclass(frozen=True, slots=True)
class FromFilter:
    """Which senders a server takes. Empty: everybody."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.domains)

    def lists_address(self, address: str) -> bool:
        return key(address) in self.addresses

    def lists_domain(self, domain: str) -> bool:
        return normalise_domain(domain) in self.domains

    def covers(self, address: str) -> bool:
        """Whether the server takes this sender: no filter, or one that lists the address or its domain."""
        return not self or self.lists_address(address) or domain_of(address) in self.domains


def parse_filter(text: str) -> FromFilter:
    """The filter that a comma-separated list means; InvalidFilter names every part that is wrong."""
    parts = _filter_parts(text)
    return FromFilter(
        addresses=frozenset(key(part) for part in parts if "@" in part),
        domains=frozenset(part for part in parts if "@" not in part),
    )


def normalise_filter(text: str) -> str:
    """The filter as it is kept: "ventas@b.example, c.example", each part once."""
    return ", ".join(_filter_parts(text))


def readable(part: str) -> str:
    """An address or a domain of a filter as people write it: España.example, and not xn--espaa-rta.example."""
    before, at, domain = part.rpartition("@")
    if "xn--" not in domain:
        return part
    try:
        shown = idna.decode(domain)
        return f"{before}{at}{shown}" if normalise_domain(shown) == domain else part
    except (InvalidAddress, UnicodeError):
        return part


def _filter_parts(text: str) -> list[str]:
    good: dict[str, str] = {}
    bad: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            normal = _filter_part(part)
        except InvalidAddress as error:
            bad.append((part, str(error)))
        else:
            good.setdefault(key(normal) if "@" in normal else normal, normal)
    if bad:
        raise InvalidFilter(bad)
    return list(good.values())


def _filter_part(part: str) -> str:
    refuse_control_characters(part)
    domain = part.removeprefix("@")
    if "@" not in domain:
        return normalise_domain(domain)
    if part.startswith("*@"):
        raise InvalidAddress(_("For everybody at a domain, write the domain alone."))
    # Only ASCII letters are folded: the lower case of some others is longer than they are.
    return normalise(part).encode().lower().decode()
