"""What the alert above the list says: mail that does not leave, grouped by what would help, and where to mend it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractUser
from django.db.models import BooleanField, F, Func, Q
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from daeris.ui.paging import Count
from mail import causes
from mail.models import Mail, Server
from mail.models.mail import MailQuerySet
from mail.views.documents import documents_of

RECENTLY = timedelta(hours=1)
# So many mails that failed, and so many that wait, are looked at and counted; beyond them stands a "+".
MOST_MAILS = 500
MOST_LINES = 3
# Where a remedy is found: pages that only those who manage servers may open.
_FORM = {"fix_server", "connect", "settle_account", "verify_sender", "check_network"}
_OPTIONS = {"set_from", "change_from", "fix_oauth"}
# These speak of what lies behind the server, not of the server.
_BEYOND = {"recipient", "message", "policy", "sender"}


class Reason(NamedTuple):
    """What mails have in common that do not leave for the same reason."""

    cause: str
    server_id: int | None


class _Fact(NamedTuple):
    pk: int
    state: str
    cause: str
    server_id: int | None
    user_id: int | None
    document_type_id: int | None
    document_id: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One reason: how many mails, in words, the page that helps, and what the button that retries them sends."""

    count: Count
    words: str
    server: str
    is_beyond: bool
    url: str
    link: str
    cause: str
    server_key: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Mail that needs someone: how many, and the reasons that most of them share."""

    count: Count
    lines: tuple[Line, ...]
    more: Count  # reasons beyond those
    waits: bool  # some of it waits behind a server that only a person can mend
    failed: bool
    url: str


def blocked_ids(servers: Mapping[int, Server]) -> list[int]:
    return sorted(pk for pk, server in servers.items() if server.blocked_cause)


def in_trouble(mails: MailQuerySet, servers: Mapping[int, Server], reason: Reason | None = None) -> MailQuerySet:
    """Those of these mails that failed within the hour, or wait behind a server that only a person can mend.

    With a reason, those that do so for this reason.
    """
    failed, waiting = _failed(), _waiting(servers)
    if reason is not None:
        server = servers.get(reason.server_id or 0)
        failed &= Q(cause=reason.cause, server_id=reason.server_id)
        is_waiting = server is not None and server.blocked_cause == reason.cause
        waiting = Q(state="queued", server_id=reason.server_id) if is_waiting else None
    return mails.filter(failed if waiting is None else failed | waiting)


def reason_of(cause: str, server: str) -> Reason:
    """The reason that a button of the alert sends; what is no number is no server."""
    return Reason(
        cause.replace("\0", "")[:40],
        int(server) if server.isascii() and server.isdigit() and len(server) < 19 else None,
    )


def trouble_of(mails: MailQuerySet, servers: Mapping[int, Server], user: AbstractUser) -> Trouble | None:
    """The alert for these mails; None when nothing needs anybody.

    One query, and a second one while a server is blocked; each reads the newest mails only.
    """
    failed = mails.filter(_WentWrong(F("state")), settled_at__gte=now() - RECENTLY).order_by("-settled_at")
    facts, is_cut = _facts(failed)
    cut = {"failed", "bounced"} if is_cut else set()
    if blocked := blocked_ids(servers):
        # In this order the index by state serves it, however many mails the server has sent before.
        waiting, is_cut = _facts(mails.filter(state="queued", server_id__in=blocked).order_by("-pk"))
        facts += waiting
        cut |= {"queued"} if is_cut else set()
    if not facts:
        return None
    groups = _grouped(facts, servers)
    lines = _lines(groups[:MOST_LINES], servers, user, cut=cut)
    return Trouble(
        count=Count(len(facts), more=bool(cut)),
        lines=tuple(lines),
        more=Count(max(0, len(groups) - MOST_LINES), more=bool(cut)),
        waits=any(fact.state == Mail.State.QUEUED for fact in facts),
        failed=any(fact.state != Mail.State.QUEUED for fact in facts),
        url=_list_of_failed(),
    )


class _WentWrong(Func):
    """Whether a mail failed or bounced, in the words of the index of those that did so lately.

    SQLite asks a partial index only where its condition stands in the question itself, without parameters; and unless
    it is told that it gains nothing by it, it would rather read whatever failed at any time.
    """

    template = "%(expressions)s IN ('failed', 'bounced')"
    output_field = BooleanField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"likely({self.template})", **context)


def _facts(mails: MailQuerySet) -> tuple[list[_Fact], bool]:
    """The first of these mails, and whether there are more."""
    rows = [_Fact(*row) for row in mails.values_list(*_Fact._fields)[: MOST_MAILS + 1]]
    return rows[:MOST_MAILS], len(rows) > MOST_MAILS


def _failed() -> Q:
    return Q(state__in=["failed", "bounced"], settled_at__gte=now() - RECENTLY)


def _waiting(servers: Mapping[int, Server]) -> Q | None:
    blocked = blocked_ids(servers)
    return Q(state="queued", server_id__in=blocked) if blocked else None


def _grouped(facts: Iterable[_Fact], servers: Mapping[int, Server]) -> list[tuple[Reason, list[_Fact]]]:
    """The reasons: stopped servers first, then by how many mails they hold up."""
    groups: dict[Reason, list[_Fact]] = defaultdict(list)
    for fact in facts:
        waits = fact.state == Mail.State.QUEUED and fact.server_id in servers
        cause = servers[fact.server_id].blocked_cause if waits else fact.cause  # type: ignore[index]
        groups[Reason(cause, fact.server_id)].append(fact)
    return sorted(groups.items(), key=lambda group: (not _is_stopped(group[0], servers), -len(group[1]), str(group[0])))


def _is_stopped(reason: Reason, servers: Mapping[int, Server]) -> bool:
    server = servers.get(reason.server_id or 0)
    return server is not None and bool(reason.cause) and server.blocked_cause == reason.cause


def _lines(
    groups: list[tuple[Reason, list[_Fact]]], servers: Mapping[int, Server], user: AbstractUser, *, cut: Collection[str]
) -> list[Line]:
    """A line for each; of the states in `cut` there are more mails than are known."""
    records = _records(groups, user)
    lines = []
    for reason, facts in groups:
        cause = causes.describe(reason.cause)
        server = servers.get(reason.server_id or 0)
        url, link = _help(cause, reason, server, user, records.get(reason, ""))
        lines.append(
            Line(
                count=Count(len(facts), more=any(fact.state in cut for fact in facts)),
                words=str(cause.title),
                server=server.name if server else "",
                is_beyond=cause.blame in _BEYOND,
                url=url,
                link=link,
                cause=reason.cause,
                server_key="" if reason.server_id is None else str(reason.server_id),
            )
        )
    return lines


def _help(
    cause: causes.Cause, reason: Reason, server: Server | None, user: AbstractUser, record: str
) -> tuple[str, str]:
    """The page that helps, for whoever may open it; else the list of these mails."""
    if cause.remedy == "correct_address" and record:
        return record, _("Correct the address")
    if user.has_perm("mail.manage_servers"):
        if server and not server.is_environment and (cause.remedy in _FORM or server.blocked_cause == reason.cause):
            return reverse("mail:server", args=[server.pk]), _("Fix the server")
        if cause.remedy in _OPTIONS:
            return reverse("mail:options"), _("General options")
        if cause.remedy == "add_server":
            return reverse("mail:servers"), _("Outgoing servers")
    return _list_of_failed(reason.server_id), _("See them")


def _records(groups: list[tuple[Reason, list[_Fact]]], user: AbstractUser) -> dict[Reason, str]:
    """Where the address is corrected: the record, when all mails of a group are about the same one."""
    firsts: dict[int, Reason] = {}
    mails = []
    for reason, facts in groups:
        about = {(fact.document_type_id, fact.document_id) for fact in facts}
        if len(about) == 1 and causes.describe(reason.cause).remedy == "correct_address":
            first = facts[0]
            firsts[first.pk] = reason
            mails.append(
                Mail(
                    pk=first.pk,
                    user_id=first.user_id,
                    document_type_id=first.document_type_id,
                    document_id=first.document_id,
                )
            )
    found = documents_of(mails, user)
    return {reason: found[pk].url for pk, reason in firsts.items() if pk in found}


def _list_of_failed(server_id: int | None = None) -> str:
    narrowed = f"&server={server_id}" if server_id else ""
    return f"{reverse('mail:mails')}?state=failed{narrowed}"
