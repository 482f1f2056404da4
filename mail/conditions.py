"""How a server is doing, in a word and a sentence."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils import formats
from django.utils.functional import Promise
from django.utils.timezone import localdate, localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mail import causes
from mail.certificates import authority_warning, expiry_warning
from mail.fields import decrypt
from mail.holds import clock
from mail.models import Attempt, Provider, Server

# What puts a server in trouble: nothing about a single mail, and nothing that happened on our side.
OURS = {"no_server", "server_archived", "files_unreadable", "expired", "worker_lost", "worker_stopped", "internal"}
OF_SERVERS = [code for code, one in causes.CAUSES.items() if one.blame in {"server", "network"} and code not in OURS]


@dataclass(frozen=True, slots=True)
class Condition:
    """How a server is doing: a pill, and the reason when there is one."""

    label: str | Promise
    tone: str
    icon: str
    reason: str = ""
    # Its mail waits for this, by nobody's decision.
    holds: bool = False


def condition_of(server: Server) -> Condition:
    """How this one is doing; see `conditions_of`."""
    return conditions_of([server])[server.pk]


def conditions_of(servers: Iterable[Server]) -> dict[int, Condition]:
    """The worst that is to be said of each; ready when there is nothing.

    Asks nothing while none is in trouble, else one question. Reads their grants: fetch them with the servers.
    """
    rows = list(servers)
    failures = _failures_of(rows)
    return {one.pk: _condition(one, failures.get(one.pk) or "") for one in rows}


def _condition(server: Server, failure: str) -> Condition:
    if server.blocked_cause:
        return _stopped(server)
    if not server.active:
        return Condition(gettext_lazy("Archived"), "neutral", "archive")
    if server.is_paused:
        words = _("Nothing leaves through it until somebody lets it go on.")
        return Condition(gettext_lazy("Paused"), "warning", "circle-pause", words)
    return _in_trouble(server, failure) or _slowed(server) or _to_renew(server) or READY


READY = Condition(gettext_lazy("Ready"), "success", "check")


def _stopped(server: Server) -> Condition:
    why = str(causes.describe(server.blocked_cause).title)
    if server.blocked_at:
        why = _("%(why)s (since %(time)s)") % {"why": why, "time": since(server.blocked_at)}
    return Condition(gettext_lazy("Stopped"), "danger", "octagon-alert", why)


def _in_trouble(server: Server, failure: str) -> Condition | None:
    if not server.trouble_since:
        return None
    words = {"since": since(server.trouble_since), "why": causes.describe(failure).title}
    if server.is_resting and server.resting_until:
        words["until"] = clock(server.resting_until)
        known = _("%(why)s (since %(since)s); it is tried again at about %(until)s.")
        unknown = _("It could not be reached since %(since)s; it is tried again at about %(until)s.")
    else:
        known = _("%(why)s (since %(since)s); it is being tried again.")
        unknown = _("It could not be reached since %(since)s; it is being tried again.")
    reason = (known if failure else unknown) % words
    return Condition(gettext_lazy("In trouble"), "warning", "clock-alert", reason, holds=True)


def _failures_of(servers: Collection[Server]) -> dict[int, str]:
    """Of those in trouble, the cause of what failed last and speaks against the server."""
    troubled = [one.pk for one in servers if one.trouble_since]
    if not troubled:
        return {}
    failed = Attempt.objects.filter(server=OuterRef("pk"), outcome="temporary", cause__in=OF_SERVERS)
    latest = Subquery(failed.order_by("-pk").values("cause")[:1])
    return dict(Server.objects.filter(pk__in=troubled).values_list("pk", latest))


def _slowed(server: Server) -> Condition | None:
    if not server.slowed_until or server.slowed_until <= now():
        return None
    words = _("The provider asked to slow down; it goes on at about %(until)s.") % {"until": clock(server.slowed_until)}
    return Condition(gettext_lazy("Slowed down"), "info", "hourglass", words, holds=True)


def _to_renew(server: Server) -> Condition | None:
    """What will stop it soon, or has and nobody tried yet."""
    grant = getattr(server, "grant", None) if server.authentication in Provider.values else None
    if grant and (grant.failure or decrypt(grant.refresh_token) is None):
        words = _("The account has to be connected anew.")
        return Condition(gettext_lazy("Reconnect"), "danger", "unplug", words)
    if words := _unreadable(server):
        return Condition(gettext_lazy("Secret unreadable"), "danger", "key-round", words)
    stage, words = min(_endings(server), default=(None, ""))
    if stage is None:
        return None
    if stage == 0:
        return Condition(gettext_lazy("Certificate expired"), "danger", "badge-alert", words)
    return Condition(gettext_lazy("Renew soon"), "warning", "badge-alert", words)


def _unreadable(server: Server) -> str:
    """That no key of ours opens the secret by which it logs in; "" when one does."""
    way = server.authentication
    if way == Server.Authentication.PASSWORD and decrypt(server.password) is None:
        return _("The stored password cannot be read.")
    if way == Server.Authentication.CERTIFICATE and decrypt(server.client_key) is None:
        return _("The stored private key cannot be read.")
    return ""


def _endings(server: Server) -> Iterator[tuple[int, str]]:
    """Of the certificates that it needs, those that end soon: the stage, and a sentence."""
    own = expiry_warning(server.client_certificate)
    if own and server.authentication == Server.Authentication.CERTIFICATE:
        yield own
    is_checked = server.verify_certificate and server.security != Server.Security.NONE
    if is_checked and (authority := authority_warning(server.ca_certificate)):
        yield authority


def since(moment: datetime) -> str:
    """The time of a moment of today, else the day and the time."""
    local = localtime(moment)
    if local.date() == localdate():
        return formats.time_format(local, "TIME_FORMAT")
    return formats.date_format(local, "SHORT_DATETIME_FORMAT")
