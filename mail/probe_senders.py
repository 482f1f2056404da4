"""Whom a test of a server tries as sender: the addresses that we write under and that its filter lets through."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from mail.addresses import FromFilter, InvalidAddress, InvalidFilter, key, normalise, parse_filter
from mail.models import Contact, Domain, IdentityRule, Server
from mail.planning import default_from_of

# Each costs a few exchanges with the server, and a line of the report.
MOST = 50
# Enough to say how many more there are.
MOST_USERS = 1000


@dataclass(frozen=True, slots=True)
class Sender:
    """An address to try, and in words whose it is."""

    address: str
    whose: str = ""


def senders_of(server: Server) -> tuple[tuple[Sender, ...], int]:
    """The senders to try at this server, saved or not, and how many more there would be.

    An unreadable filter lets nobody through.
    """
    try:
        listed = parse_filter(server.from_filter)
    except InvalidFilter:
        return (), 0
    found: dict[str, Sender] = {}
    for sender in _candidates(listed):
        try:
            known = Sender(normalise(sender.address), sender.whose)
            if not listed or listed.covers(known.address):
                found.setdefault(key(known.address), known)
        except InvalidAddress:
            continue
    if not found and "@" in server.username and (not listed or listed.covers(server.username)):
        found[server.username] = Sender(server.username, _("the account itself"))
    every = tuple(found.values())
    return every[:MOST], len(every[MOST:])


def _candidates(listed: FromFilter) -> Iterator[Sender]:
    domains = list(Domain.objects.all())
    for domain in domains:
        yield Sender(default_from_of(domain.name, domain.default_from), _("default From"))
    default = domains[0].name if domains else ""
    for rule in IdentityRule.objects.all():
        yield Sender(default_from_of(default, rule.default_from), _("identity rule"))
    for address in sorted(listed.addresses):
        yield Sender(address, _("From filter"))
    for domain in domains:
        if domain.bounce:
            yield Sender(f"{domain.bounce}@{domain.name}", _("returned mail"))
    yield from _users(listed)


def _users(listed: FromFilter) -> Iterator[Sender]:
    users = Contact.objects.internal().exclude(email="")
    if listed:
        covered = Q(pk=None)
        for domain in listed.domains:
            covered |= Q(email__iendswith=f"@{domain}")
        for address in listed.addresses:
            covered |= Q(email__iexact=address)
        users = users.filter(covered)
    for name, email in users.order_by("pk").values_list("name", "email")[:MOST_USERS]:
        yield Sender(email, name)
