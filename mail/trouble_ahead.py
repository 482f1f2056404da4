"""Users whose address will cause trouble before anything is sent: told on the options page, with what to do."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from mail import planning
from mail.addresses import InvalidAddress, Mailbox, domain_of, normalise
from mail.domains.policies import policies_known
from mail.models import Contact
from mail.planning import Snapshot
from mail.routing import Decision, Step

MOST_USERS = 50
# Providers whose DMARC policy is "reject" for all the world, whichever country their names end in: mail under these
# names from elsewhere never arrives.
REJECTING = frozenset({"yahoo", "ymail", "rocketmail", "aol"})
# What becomes of such mail, the gravest first.
REFUSED, AT_RISK, OTHER_ADDRESS = "refused", "at_risk", "other_address"
_GRAVITY = (REFUSED, AT_RISK, OTHER_ADDRESS)


@dataclass(frozen=True, slots=True)
class Troubled:
    """A user, the address, why it is a problem, what may be done, and what becomes of the mail meanwhile."""

    name: str
    address: str
    problem: str
    advice: str
    fate: str


def troubled_users() -> tuple[list[Troubled], int]:
    """Internal users whose own From cannot be relied on, the gravest first; and how many more there are."""
    snapshot = planning.snapshot()
    contacts = Contact.objects.internal().order_by("name", "pk").only("name", "email")
    found = [one for contact in contacts.iterator() if (one := _trouble_of(contact, snapshot))]
    found.sort(key=lambda one: _GRAVITY.index(one.fate))
    return found[:MOST_USERS], max(0, len(found) - MOST_USERS)


def _trouble_of(contact: Contact, snapshot: Snapshot) -> Troubled | None:
    rules, who = snapshot.rules, (contact.name, contact.email)
    # Who has no valid address writes under the default one.
    without = OTHER_ADDRESS if snapshot.domain_for(None).default_from else REFUSED
    if not contact.email.strip():
        return Troubled(
            *who,
            _("This user has no e-mail address."),
            _("Write one in the user's contact: until then messages leave under the default address."),
            without,
        )
    try:
        domain = domain_of(normalise(contact.email))
    except InvalidAddress as error:
        return Troubled(*who, str(error), _("Correct the address in the user's contact."), without)
    is_provider = domain in rules.providers or _rejects(domain)
    if domain in rules.own_domains and not is_provider:
        return None
    decision = _decision(contact, snapshot)
    # Whoever wrote this very sender down for a server knows that the server may send for it.
    if decision.step is Step.AUTHOR_ADDRESS or (decision.step is Step.AUTHOR_DOMAIN and not is_provider):
        return None
    told = {"domain": domain}
    if _rejects(domain):
        problem = _("%(domain)s tells every receiver to refuse mail under its name that leaves elsewhere.") % told
    elif is_provider:
        problem = _("%(domain)s is a public provider: only its own servers may send under its name.") % told
    else:
        problem = _("%(domain)s is none of the alias domains.") % told
    # A policy that nobody has asked for yet may be none: nothing is promised then.
    is_rewritten = decision.rewritten and (is_provider or not decision.awaits)
    if is_rewritten and decision.header_from:
        advice = _meanwhile(decision.header_from.address, is_provider=is_provider)
        return Troubled(*who, problem, advice, OTHER_ADDRESS)
    fate = REFUSED if _rejects(domain) else AT_RISK
    return Troubled(*who, problem, _advice(snapshot, is_provider=is_provider), fate)


def _rejects(domain: str) -> bool:
    return domain.partition(".")[0] in REJECTING


def _decision(contact: Contact, snapshot: Snapshot) -> Decision:
    """How this user's mail leaves, as far as is known: no name server is asked for a page."""
    question = planning.question(author=Mailbox(contact.name, contact.email), snapshot=snapshot)
    return question.knowing(policies_known([question.awaits] if question.awaits else [])).choice()


def _meanwhile(address: str, *, is_provider: bool) -> str:
    if is_provider:
        words = _(
            "Meanwhile the messages leave as %(address)s. Give the user an address of an alias domain, or add a "
            "server with that account and its From filter."
        )
    else:
        words = _("Meanwhile the messages leave as %(address)s. Add the domain as an alias domain if it is yours.")
    return words % {"address": address}


def _advice(snapshot: Snapshot, *, is_provider: bool) -> str:
    if not is_provider:
        return _("Add it as an alias domain if it is yours; otherwise mail under it may be taken for a forgery.")
    if not snapshot.domain_for(None).default_from:
        return _("Give the user an address of an alias domain, or set a default address and switch protection on.")
    if snapshot.rules.protection == "never":
        return _("Give the user an address of an alias domain, or switch DMARC protection on (automatic or always).")
    return _("Give the user an address of an alias domain, or add a server with that account and its From filter.")
