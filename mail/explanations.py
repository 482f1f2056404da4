"""The sentences of `routing`, said in the reader's language."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mail.routing import Decision, Sentence

_UNKNOWN = gettext_lazy("The reason was not kept.")

WHY = {
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
_SENTENCES = {**WHY, **WARNINGS, **ERRORS}


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


def sent_as(decision: Decision) -> str:
    """The line under an editor: how the mail goes out, and where answers arrive."""
    if decision.error or not decision.server or not decision.header_from:
        return summary(decision)
    line = _("Leaves as %(from)s through %(server)s.") % {
        "from": decision.header_from,
        "server": decision.server.name,
    }
    if decision.reply_to:
        line += " " + _("Answers arrive at %(address)s.") % {"address": decision.reply_to.address}
    return line
