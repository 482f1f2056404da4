"""What the alert above the list says: mail that does not leave, why, and where to mend it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from daeris.ui.paging import LIMIT, Count
from mail import causes
from mail.models import Mail, Server
from mail.models.mail import AnyUser, MailQuerySet

RECENTLY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Mail that needs someone: how many, the reason most of them share, and the page that helps."""

    count: Count
    reason: str
    url: str
    link: str
    is_blocked: bool


def in_trouble(mails: MailQuerySet, servers: Mapping[int, Server]) -> MailQuerySet:
    """Those of these mails that failed within the hour, or wait behind a server that only a person can mend."""
    recent = Q(state__in=["failed", "bounced"], settled_at__gte=now() - RECENTLY)
    if blocked := blocked_ids(servers):
        return mails.filter(recent | Q(state="queued", server_id__in=blocked))
    return mails.filter(recent)


def blocked_ids(servers: Mapping[int, Server]) -> list[int]:
    return sorted(pk for pk, server in servers.items() if server.blocked_cause)


def trouble_of(mails: MailQuerySet, servers: Mapping[int, Server], user: AnyUser) -> Trouble | None:
    """The alert for these mails; None when nothing needs anybody. One query, which never reads more than it tells."""
    found = list(in_trouble(mails, servers).order_by().values_list("state", "cause", "server_id")[: LIMIT + 1])
    if not found:
        return None
    count = Count(min(len(found), LIMIT), more=len(found) > LIMIT)
    behind = Counter(server_id for state, _cause, server_id in found if state == Mail.State.QUEUED)
    if behind:
        return _blocked(servers[behind.most_common(1)[0][0]], count, user)
    cause = Counter(cause for _state, cause, _server in found).most_common(1)[0][0]
    reason = str(causes.describe(cause).title)
    return Trouble(count, reason, f"{reverse('mail:mails')}?state=failed", _("See them"), is_blocked=False)


def _blocked(server: Server, count: Count, user: AnyUser) -> Trouble:
    title = causes.describe(server.blocked_cause).title
    reason = _("The server “%(server)s” is stopped: %(reason)s") % {"server": server.name, "reason": title}
    if user.has_perm("mail.manage_servers") and not server.is_environment:  # type: ignore[union-attr]
        return Trouble(count, reason, reverse("mail:server", args=[server.pk]), _("Check the server"), is_blocked=True)
    return Trouble(count, reason, f"{reverse('mail:mails')}?state=failed", _("See them"), is_blocked=True)
