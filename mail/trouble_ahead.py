"""Users whose address will cause trouble before anything is sent: told on the options page, with what to do."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from mail import planning
from mail.addresses import InvalidAddress, domain_of, normalise
from mail.models import Contact
from mail.routing import Rules

MOST_USERS = 50
# Providers whose DMARC policy is "reject" for all the world: mail under their names from elsewhere never arrives.
REJECTING = frozenset({"yahoo.com", "yahoo.es", "ymail.com", "aol.com"})


@dataclass(frozen=True, slots=True)
class Troubled:
    """A user, the address, why it is a problem, and what may be done."""

    name: str
    address: str
    problem: str
    advice: str
    is_red: bool


def troubled_users() -> list[Troubled]:
    """Internal users whose own From cannot be relied on; the gravest first."""
    rules = planning.snapshot().rules
    contacts = Contact.objects.internal().order_by("name", "pk").only("name", "email")
    found = sorted(_troubled(contacts.iterator(), rules), key=lambda one: not one.is_red)
    return found[:MOST_USERS]


def _troubled(contacts: Iterator[Contact], rules: Rules) -> Iterator[Troubled]:
    for contact in contacts:
        verdict = _verdict(contact.email, rules)
        if verdict:
            problem, advice, is_red = verdict
            yield Troubled(contact.name, contact.email, problem, advice, is_red)


def _verdict(address: str, rules: Rules) -> tuple[str, str, bool] | None:
    if not address.strip():
        return (
            _("This user has no e-mail address."),
            _("Write one in the user's contact: until then messages leave under the default address."),
            True,
        )
    try:
        domain = domain_of(normalise(address))
    except InvalidAddress as error:
        return str(error), _("Correct the address in the user's contact."), True
    if domain in rules.own_domains and domain not in rules.providers:
        return None
    if domain in REJECTING:
        return (
            _("%(domain)s tells every receiver to refuse mail under its name that leaves elsewhere.")
            % {"domain": domain},
            _("Give the user an address of an alias domain, or switch DMARC protection on (automatic or always)."),
            rules.protection == "never",
        )
    if domain in rules.providers:
        return (
            _("%(domain)s is a public provider: only its own servers may send under its name.") % {"domain": domain},
            _("Give the user an address of an alias domain, or add a server with that account and its From filter."),
            False,
        )
    return (
        _("%(domain)s is none of the alias domains.") % {"domain": domain},
        _("Add it as an alias domain if it is yours; otherwise mail under it may be taken for a forgery."),
        False,
    )
