"""Questions to the DNS: asynchronous, each with a time limit, through the name server of the settings."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from django.conf import settings
from dns.rdtypes.ANY.TXT import TXT

# One name server may be down: there is time left to ask another, or again.
TRY_SECONDS = 1.0
DNS_PORT = 53


class LookupFailed(Exception):
    """Nobody answered, or nobody could: what stands there is not known."""


class NameserverInvalid(ValueError):
    """MAIL_NAMESERVER is not a list of `address:port`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands at a name: texts (each joined from its strings), whether anything does, and for how many seconds."""

    texts: tuple[str, ...] = ()
    exists: bool = False
    seconds: float = 0


def nameservers(text: str) -> list[dns.nameserver.Nameserver]:
    """The name servers that a text lists, as `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53`."""
    servers: list[dns.nameserver.Nameserver] = []
    for part in text.replace(",", " ").split():
        host, colon, port = part.rpartition(":")
        if not colon or (part.count(":") > 1 and not part.startswith("[")) or part.endswith("]"):
            host, port = part, str(DNS_PORT)
        try:
            address = str(ip_address(host.removeprefix("[").removesuffix("]")))
        except ValueError:
            raise NameserverInvalid(f"{part!r} does not begin with an IP address.") from None
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise NameserverInvalid(f"{part!r} does not end in a port.")
        servers.append(dns.nameserver.Do53Nameserver(address, int(port)))
    return servers


class Resolver:
    """Asks the name servers of the settings, or those of the system; one for each errand."""

    def __init__(self, *, seconds: float) -> None:
        named = nameservers(settings.MAIL_NAMESERVER)
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not named)
        except dns.resolver.NoResolverConfiguration as error:
            raise LookupFailed("The system names no name server.") from error
        if named:
            self._resolver.nameservers = cast(list[str], named)
        self._resolver.timeout = min(TRY_SECONDS, seconds)
        self._resolver.lifetime = seconds

    async def ask(self, name: str, kind: str = "TXT") -> Answer:
        """What stands at this name. LookupFailed when that cannot be known; that nothing does is an answer."""
        try:
            # From the root: what the system would append is no business of mail.
            absolute = dns.name.from_text(name, dns.name.root)
        except dns.exception.DNSException:
            return Answer()  # longer than a name may be: nothing can stand there
        try:
            found = await self._resolver.resolve(absolute, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as nothing:
            return Answer(seconds=_seconds_of_nothing(nothing))
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise LookupFailed(f"{name} {kind}: {type(error).__name__}") from error
        seconds = found.chaining_result.minimum_ttl
        if found.rrset is None:
            return Answer(seconds=seconds)
        texts = tuple(_joined(data) for data in found.rrset if isinstance(data, TXT))
        return Answer(texts, exists=True, seconds=seconds)


def _joined(data: TXT) -> str:
    return b"".join(data.strings).decode("utf-8", errors="replace")


def _seconds_of_nothing(nothing: dns.resolver.NXDOMAIN) -> float:
    """How long the zone lets it be remembered that the name is not there (RFC 2308)."""
    responses = nothing.kwargs["responses"].values()
    soas = [rrset for one in responses for rrset in one.authority if rrset.rdtype == dns.rdatatype.SOA]
    return float(min((min(rrset.ttl, soa.minimum) for rrset in soas for soa in rrset), default=0))
