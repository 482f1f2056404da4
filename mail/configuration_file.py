"""The file of `mail_config`, read and checked by itself: every mistake at once, each with its place."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from django.utils.translation import gettext as _

from mail.addresses import (
    InvalidAddress,
    normalise_domain,
    normalise_filter,
    normalise_host,
    refuse_control_characters,
)
from mail.default_from import clean_default_from
from mail.endpoint import normalise_ehlo_name
from mail.extra_headers import normalise_headers
from mail.models import Provider, Server
from mail.tokens import MAX_TOKEN_PART, clean_part


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong, and where: `servers[2].port`."""

    place: str
    words: str

    def __str__(self) -> str:
        return f"{self.place}: {self.words}" if self.place else self.words


class ConfigurationInvalid(Exception):
    """The file cannot be imported; nothing was written."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


class WrongValue(ValueError):
    """Says what a field would take."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of the file: the fields that were given and understood, and those that were not."""

    place: str
    values: Mapping[str, Any]
    broken: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return str(self.values.get("name", ""))

    def understands(self, *names: str) -> bool:
        """Whether none of these fields is among those that were given and not understood."""
        return self.broken.isdisjoint(names)


@dataclass(slots=True)
class ConfigurationFile:
    """What a file says; `problems` is empty when all of it was understood."""

    options: Entry = field(default_factory=lambda: Entry("options", {}))
    domains: list[Entry] = field(default_factory=list)
    servers: list[Entry] = field(default_factory=list)
    # None: the file does not speak of them.
    identities: list[Entry] | None = None
    oauth_clients: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


SECTIONS = ("options", "domains", "servers", "identities", "oauth_clients", "aliases")


def read_file(text: str) -> ConfigurationFile:
    """The file as far as it could be understood, with everything that is wrong in it."""
    file = ConfigurationFile()
    try:
        data = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        place = _("line %(line)s, column %(column)s") % {"line": error.lineno, "column": error.colno}
        file.problems.append(Problem(place, _("This is not JSON: %(reason)s.") % {"reason": error.msg}))
        return file
    except (ValueError, RecursionError) as error:
        file.problems.append(Problem("", str(error)))
        return file
    if not isinstance(data, dict):
        file.problems.append(Problem("", _("The file must hold one object: {…}.")))
        return file
    _check_keys(data, "", SECTIONS, file.problems)
    file.options = _entry(data.get("options", {}), "options", OPTION_FIELDS, file.problems)
    file.domains = _entries(data.get("domains", []), "domains", DOMAIN_FIELDS, file.problems)
    file.servers = _entries(data.get("servers", []), "servers", SERVER_FIELDS, file.problems)
    if "identities" in data:
        file.identities = _entries(data["identities"], "identities", IDENTITY_FIELDS, file.problems, "default_from")
    file.oauth_clients = _entries(data.get("oauth_clients", []), "oauth_clients", OAUTH_FIELDS, file.problems)
    _check_domains(file)
    if data.get("aliases", []) != []:
        words = _("Aliases for incoming mail are not available in this version; leave the list empty.")
        file.problems.append(Problem("aliases", words))
    return file


class _Object(dict[str, Any]):
    """An object of the file, and the keys that it has twice: JSON keeps the last value and says nothing."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counted = Counter(name for name, _value in pairs)
        self.repeated = [name for name, times in counted.items() if times > 1]


# -- Objects and lists -------------------------------------------------------------------------------

Fields = Mapping[str, Callable[[Any], Any]]


def _entries(value: Any, place: str, fields: Fields, problems: list[Problem], required: str = "name") -> list[Entry]:
    if not isinstance(value, list):
        problems.append(Problem(place, _("A list is expected here: […].")))
        return []
    entries = [_entry(item, f"{place}[{index}]", fields, problems, required) for index, item in enumerate(value)]
    seen: dict[str, str] = {}
    for entry in entries:
        first = seen.setdefault(entry.name, entry.place)
        if entry.name and first != entry.place:
            words = _("This name is already in %(place)s; names must differ.") % {"place": first}
            problems.append(Problem(f"{entry.place}.name", words))
    return entries


def _entry(value: Any, place: str, fields: Fields, problems: list[Problem], required: str = "") -> Entry:
    if not isinstance(value, dict):
        problems.append(Problem(place, _("An object is expected here: {…}.")))
        return Entry(place, {}, broken=frozenset(fields))
    _check_keys(value, place, fields, problems)
    if required and required not in value:
        problems.append(Problem(f"{place}.{required}", _("This is missing.")))
    values: dict[str, Any] = {}
    broken = set()
    for name in filter(fields.__contains__, value):
        try:
            values[name] = fields[name](value[name])
        except ValueError as error:
            broken.add(name)
            problems.append(Problem(f"{place}.{name}", str(error)))
    return Entry(place, values, frozenset(broken))


def _check_keys(value: Mapping[str, Any], place: str, known: Iterable[str], problems: list[Problem]) -> None:
    for name in value.repeated if isinstance(value, _Object) else ():
        words = _("The key “%(key)s” appears twice in the same object.") % {"key": name}
        problems.append(Problem(f"{place}.{name}" if place else name, words))
    for name in value:
        if name not in known:
            words = _("Unknown; known here: %(names)s.") % {"names": ", ".join(known)}
            problems.append(Problem(f"{place}.{name}" if place else name, words))


# -- Values: each function gives the value as it is kept, or raises WrongValue with words --------------


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValue(_("true or false is expected here."))
    return value


def number(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            words = _("A whole number from %(least)s to %(most)s is expected here.")
            raise WrongValue(words % {"least": least, "most": most})
        return int(value)

    return read


def optional(read: Callable[[Any], int]) -> Callable[[Any], int | None]:
    """The same, or null for what the installation says by itself."""

    def read_or_none(value: Any) -> int | None:
        return None if value is None else read(value)

    return read_or_none


def text(longest: int, *, required: bool = False) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise WrongValue(_("A text is expected here."))
        refuse_control_characters(value)
        if len(value.strip()) > longest:
            raise WrongValue(_("Too long: %(most)s characters at most.") % {"most": longest})
        if required and not value.strip():
            raise WrongValue(_("This must not be empty."))
        return value.strip()

    return read


def sender(*, required: bool = False) -> Callable[[Any], str]:
    """A default From: a local part, or a whole address."""

    def read(value: Any) -> str:
        return clean_default_from(text(254, required=required)(value))

    return read


def one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise WrongValue(_("One of these is expected here: %(choices)s.") % {"choices": ", ".join(choices)})
        return str(value)

    return read


def domain(value: Any) -> str:
    return normalise_domain(text(253, required=True)(value))


def domains(value: Any) -> str:
    if not isinstance(value, list):
        raise WrongValue(_("A list is expected here: […]."))
    good: dict[str, None] = {}
    bad: list[str] = []
    for item in value:
        try:
            good[domain(item)] = None
        except ValueError as error:
            bad.append(f"«{item}»: {error}")
    if bad:
        raise WrongValue(" ".join(bad))
    return " ".join(good)


def host(value: Any) -> str:
    return normalise_host(text(253, required=True)(value))


def ehlo_name(value: Any) -> str:
    name = text(253)(value)
    return normalise_ehlo_name(name) if name else ""


def extra_headers(value: Any) -> str:
    """Lines of `Name: value`, in one text."""
    if not isinstance(value, str):
        raise WrongValue(_("A text is expected here."))
    return normalise_headers(value)


def from_filter(value: Any) -> str:
    return normalise_filter(text(10_000)(value))


def token_part(value: Any) -> str:
    """The local part of bounce or catchall: ASCII, and short enough for a token beside it."""
    return clean_part(text(MAX_TOKEN_PART)(value))


def secret(value: Any) -> str:
    """The secret; null, which clears the stored one, is kept as ""."""
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise WrongValue(_("A text is expected here, or null to clear the stored one."))
    return value


def word(longest: int) -> Callable[[Any], str]:
    """A text without blanks: an id."""

    def read(value: Any) -> str:
        found = text(longest)(value)
        if any(character.isspace() or not character.isprintable() for character in found):
            raise WrongValue(_("This has no blanks in it."))
        return found

    return read


def certificates(value: Any) -> str:
    """Certificates in PEM form, or ""."""
    if not isinstance(value, str):
        raise WrongValue(_("A text is expected here."))
    pem = value.strip()
    try:
        if pem:
            x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise WrongValue(_("This is not a certificate in PEM form.")) from None
    return pem


OPTION_FIELDS: Fields = {
    "custom_servers": boolean,
    "dmarc_protection": one_of("never", "always", "automatic"),
    "public_providers": domains,
    "mass_server": text(100),
}
DOMAIN_FIELDS: Fields = {
    "name": domain,
    "default_from": sender(),
    "bounce": token_part,
    "catchall": token_part,
    "default": boolean,
}
IDENTITY_FIELDS: Fields = {
    "document_type": text(200),
    "team": text(150),
    "default_from": sender(required=True),
}
OAUTH_FIELDS: Fields = {
    "name": one_of(*Provider.values),
    "client_id": word(300),
    "client_secret": secret,
    "tenant": word(200),
}
SERVER_FIELDS: Fields = {
    "name": text(100, required=True),
    "preset": one_of(*Server.Preset.values),
    "priority": number(-(2**31), 2**31 - 1),
    "from_filter": from_filter,
    "active": boolean,
    "host": host,
    "port": number(1, 65535),
    "security": one_of(*Server.Security.values),
    "authentication": one_of(*Server.Authentication.values),
    "username": text(254),
    "password": secret,
    "verify_certificate": boolean,
    "ca_certificate": certificates,
    "client_certificate": certificates,
    "client_key": secret,
    "ehlo_name": ehlo_name,
    "connect_seconds": optional(number(1, 300)),
    "command_seconds": optional(number(1, 600)),
    "data_seconds": optional(number(10, 3600)),
    "max_connections": number(1, 500),
    "limit_connections": optional(number(1, 2**15 - 1)),
    "limit_minute": optional(number(1, 2**31 - 1)),
    "limit_hour": optional(number(1, 2**31 - 1)),
    "limit_day": optional(number(1, 2**31 - 1)),
    "extra_headers": extra_headers,
    "largest_mail": optional(number(1, 2**53)),
    "paused": boolean,
}


def _check_domains(file: ConfigurationFile) -> None:
    """What only shows when the fields of a domain are seen together."""
    defaults = [entry.place for entry in file.domains if entry.values.get("default")]
    for place in defaults[1:]:
        words = _("Only one domain can be the default one; %(place)s is it already.") % {"place": defaults[0]}
        file.problems.append(Problem(f"{place}.default", words))
    for entry in file.domains:
        if not entry.name:
            continue
        try:
            # Long enough a domain leaves no room for a local part that is right by itself.
            clean_default_from(entry.values.get("default_from", ""), entry.name)
        except InvalidAddress as error:
            file.problems.append(Problem(f"{entry.place}.default_from", str(error)))
