"""The sentences of `routing`, said in the reader's language."""

from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mail.routing import Decision, Sentence, Step

_UNKNOWN = gettext_lazy("The reason was not kept.")

# What automatic protection found, said after the way to the server that takes every From.
_LEADS = {
    "asked": gettext_lazy("«%(server)s» was asked for and takes every From."),
    "no_filter": gettext_lazy("No server lists the author or the default From; «%(server)s» has no From filter."),
    "environment": gettext_lazy("Custom servers are off: everything leaves through the server of the environment."),
}
_FINDINGS = {
    "policy": gettext_lazy(
        "The DMARC policy of %(author_domain)s is %(policy)s, so the mail goes out under the default From "
        "%(default_from)s."
    ),
    "provider": gettext_lazy(
        "%(author_domain)s is a public mail provider, so the mail goes out under the default From %(default_from)s."
    ),
    "policy_unknown": gettext_lazy(
        "What the DMARC policy of %(author_domain)s is could not be found out, so the mail goes out under the default "
        "From %(default_from)s."
    ),
    "policy_none": gettext_lazy("The DMARC policy of %(author_domain)s is %(policy)s, so the mail keeps its own From."),
    "policy_absent": gettext_lazy("%(author_domain)s has no DMARC policy, so the mail keeps its own From."),
}
WHY: dict[str, Any] = {
    **{
        f"{way}_{found}": format_lazy("{} {}", lead, finding)
        for way, lead in _LEADS.items()
        for found, finding in _FINDINGS.items()
    },
    "asked_kept": gettext_lazy("«%(server)s» was asked for and takes %(author)s, so the mail keeps its own From."),
    "asked_rewritten": gettext_lazy(
        "«%(server)s» was asked for; it takes %(default_from)s but not %(author)s, so the mail goes out under the "
        "default From."
    ),
    "asked_protected": gettext_lazy(
        "«%(server)s» was asked for; %(author_domain)s is not a domain of ours, so DMARC protection sends the mail "
        "under the default From %(default_from)s."
    ),
    "asked_uncovered": gettext_lazy("«%(server)s» was asked for, and no other server is tried."),
    "asked_default": gettext_lazy(
        "«%(server)s» was asked for; the mail has no author's address, so its From is the default one, "
        "%(default_from)s."
    ),
    "author_address_kept": gettext_lazy(
        "«%(server)s» lists the author's address %(author)s, so the mail keeps its own From."
    ),
    "author_domain_kept": gettext_lazy(
        "«%(server)s» lists the author's domain %(author_domain)s, so the mail keeps its own From."
    ),
    "default_address_rewritten": gettext_lazy(
        "No server lists %(author)s or its domain; «%(server)s» lists the default From %(default_from)s, so the mail "
        "goes out under it."
    ),
    "default_address_default": gettext_lazy(
        "The mail has no author's address; «%(server)s» lists the default From %(default_from)s."
    ),
    "default_domain_rewritten": gettext_lazy(
        "No server lists %(author)s or its domain; «%(server)s» lists the domain of the default From "
        "%(default_from)s, so the mail goes out under it."
    ),
    "default_domain_default": gettext_lazy(
        "The mail has no author's address; «%(server)s» lists the domain of the default From %(default_from)s."
    ),
    "no_filter_kept": gettext_lazy(
        "No server lists the author or the default From; «%(server)s» has no From filter, so the mail keeps its own "
        "From."
    ),
    "no_filter_protected": gettext_lazy(
        "«%(server)s» has no From filter, but %(author_domain)s is not a domain of ours, so DMARC protection sends "
        "the mail under the default From %(default_from)s."
    ),
    "no_filter_default": gettext_lazy(
        "The mail has no author's address; «%(server)s» has no From filter and sends it under the default From "
        "%(default_from)s."
    ),
    "environment_kept": gettext_lazy(
        "Custom servers are off: everything leaves through the server of the environment, and the mail keeps its own "
        "From."
    ),
    "environment_protected": gettext_lazy(
        "Custom servers are off: everything leaves through the server of the environment. %(author_domain)s is not a "
        "domain of ours, so DMARC protection sends the mail under the default From %(default_from)s."
    ),
    "environment_default": gettext_lazy(
        "Custom servers are off: everything leaves through the server of the environment. The mail has no author's "
        "address, so its From is the default one, %(default_from)s."
    ),
    "fallback_rewritten": gettext_lazy(
        "No server takes %(author)s or the default From; «%(server)s» is the first active one and sends the mail "
        "under the default From %(default_from)s."
    ),
    "fallback_kept": gettext_lazy(
        "No server takes %(author)s, and there is no other From to use; «%(server)s» is the first active one, and "
        "the mail keeps its own From."
    ),
    "fallback_default": gettext_lazy(
        "The mail has no author's address and no server takes the default From %(default_from)s; «%(server)s» is the "
        "first active one."
    ),
}
WARNINGS = {
    "uncovered": gettext_lazy("The From filter of «%(server)s» does not list this From: it may refuse the mail."),
    "fallback": gettext_lazy(
        "No server lists this From and every server has a From filter: «%(server)s» may refuse the mail."
    ),
    "unprotected": gettext_lazy(
        "%(author_domain)s is not a domain of ours and there is no default From to use instead: recipients may reject "
        "the mail or file it as spam."
    ),
    "policy_stale": gettext_lazy(
        "The DMARC policy of %(author_domain)s could not be looked up again: the one known from before counts."
    ),
    "policy_unknown": gettext_lazy(
        "The DMARC policy of %(author_domain)s could not be looked up: the name server did not answer."
    ),
    "asked_ignored": gettext_lazy("«%(server)s» was asked for, but custom servers are off."),
}
ERRORS = {
    "no_server": gettext_lazy("No outgoing server is active."),
    "no_environment": gettext_lazy(
        "Custom servers are off and the environment names no server: set EMAIL_URL, or switch custom servers on and "
        "add one."
    ),
    "server_unknown": gettext_lazy("There is no outgoing server named «%(server)s»."),
    "server_archived": gettext_lazy("«%(server)s», the server asked for, is archived."),
    "from_missing": gettext_lazy("The mail has no author's address, and there is no default From to send it under."),
    "from_invalid": gettext_lazy("The author's address cannot be used. %(reason)s"),
}
PASSED_OVER = {
    "passed_archived": gettext_lazy("It is archived."),
    "passed_switched_off": gettext_lazy("Custom servers are off."),
    "passed_asked": gettext_lazy("«%(chosen)s» was asked for, so no other server is tried."),
    "passed_filter": gettext_lazy("Its From filter does not let %(senders)s through."),
    "passed_fallback": gettext_lazy("Its From filter does not list the sender either, and «%(chosen)s» comes first."),
    "passed_author_domain": gettext_lazy(
        "It lists the author's domain; «%(chosen)s» lists the author's very address and comes first."
    ),
    "passed_default_address": gettext_lazy(
        "It lists the default From; «%(chosen)s» takes the author's own address and comes first."
    ),
    "passed_default_domain": gettext_lazy(
        "It lists the domain of the default From; «%(chosen)s» fits better and comes first."
    ),
    "passed_no_filter": gettext_lazy("It has no From filter; a server that lists the sender comes first."),
    "passed_priority": gettext_lazy(
        "It fits as well, but its priority is %(priority)s and that of «%(chosen)s» is %(chosen_priority)s: the "
        "smaller number comes first."
    ),
    "passed_older": gettext_lazy("It fits as well, but «%(chosen)s» has the same priority and is older."),
}
_SENTENCES: dict[str, Any] = {**WHY, **WARNINGS, **ERRORS, **PASSED_OVER}


STEPS = {
    Step.ASKED: gettext_lazy("Server asked for"),
    Step.AUTHOR_ADDRESS: gettext_lazy("Lists the author's address"),
    Step.AUTHOR_DOMAIN: gettext_lazy("Lists the author's domain"),
    Step.DEFAULT_ADDRESS: gettext_lazy("Lists the default From"),
    Step.DEFAULT_DOMAIN: gettext_lazy("Lists the domain of the default From"),
    Step.NO_FILTER: gettext_lazy("Has no From filter"),
    Step.FALLBACK: gettext_lazy("First active server"),
}
# With these the server or the recipients may well refuse the mail.
_GRAVE = {"uncovered", "fallback", "unprotected"}


def step_name(step: Step) -> str:
    """What the rung of the ladder is called."""
    return str(STEPS[step])


def tone_of(decision: Decision) -> str:
    """How a decision looks: danger when it would be refused, warning when the From is another, else success."""
    if decision.error or (not decision.rewritten and _GRAVE.intersection(told.code for told in decision.warnings)):
        return "danger"
    return "warning" if decision.rewritten or decision.warnings else "success"


def render(sentence: Sentence) -> str:
    """The sentence in the active language; a code of another version says that the reason was not kept."""
    template = _SENTENCES.get(sentence.code, _UNKNOWN)
    try:
        return str(template) % sentence.params
    except KeyError:
        return str(_UNKNOWN)


def summary(decision: Decision) -> str:
    """Why, and every warning after it, as one text."""
    return " ".join(render(sentence) for sentence in (decision.why, *decision.warnings) if sentence)


def sent_as(decision: Decision, *, answers_return: bool = False) -> str:
    """The line under an editor: how the mail goes out, and where answers arrive (here, once mail comes in)."""
    if decision.error or not decision.server or not decision.header_from:
        return summary(decision)
    values = {
        "from": decision.header_from,
        "server": decision.server.name,
        "address": (decision.reply_to or decision.header_from).address,
    }
    if answers_return:
        return _("Leaves as %(from)s through %(server)s; answers come back here.") % values
    return _("Leaves as %(from)s through %(server)s; answers go to %(address)s.") % values
