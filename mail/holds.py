"""What keeps a waiting mail with which nothing is wrong: a pause, a limit, a server that rests.

*Send now* skips the waiting after a failure and a resting server, never these (design §6); so whoever presses it is
told which one it is, and until when.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import formats
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from mail import limits, pauses
from mail.models import Mail, Server

# Further back in the queue nobody is told an hour, only that it is long.
MOST_AHEAD = 10_000


@dataclass(frozen=True, slots=True)
class Hold:
    """Why it waits, in a sentence of the active language; until when, where that is known."""

    code: str
    words: str
    until: datetime | None = None


def hold_of(mail: Mail) -> Hold | None:
    """What holds this mail; None when it is about to go, or does not wait at all. Its server is fetched."""
    if mail.state != Mail.State.QUEUED or mail.due_at > now():
        return None
    held = pauses.current()
    if held.everything:
        return Hold("everything_paused", _("All sending is paused. It goes when somebody lets it go on."))
    if held.holds(mail.lane):
        return Hold("lane_paused", _("Sending of this kind of e-mail is paused. It goes when somebody lets it go on."))
    return _of_server(mail, mail.server) if mail.server else None


def _of_server(mail: Mail, server: Server) -> Hold | None:
    name = {"server": server.name}
    if server.is_paused:
        words = _("The server “%(server)s” is paused. The e-mail goes when somebody lets it go on.")
        return Hold("server_paused", words % name)
    if server.slowed_until and server.slowed_until > now():
        words = _("The provider of “%(server)s” asks to slow down. The e-mail goes at about %(time)s.")
        return Hold("slowed", words % {**name, "time": clock(server.slowed_until)}, server.slowed_until)
    if opens := limits.opens_at(server, _ahead(mail)):
        words = _("The limit of “%(server)s” is reached, which is no failure. The e-mail goes at about %(time)s.")
        return Hold("limit", words % {**name, "time": clock(opens)}, opens)
    if server.is_resting and server.resting_until and not mail.urgent:
        words = _("“%(server)s” could not be reached. It is tried again at about %(time)s.")
        return Hold("resting", words % {**name, "time": clock(server.resting_until)}, server.resting_until)
    return None


def _ahead(mail: Mail) -> int:
    """How many go before it through the same server."""
    earlier = Q(due_at__lt=mail.due_at) | Q(due_at=mail.due_at, pk__lt=mail.pk)
    waiting = Mail.objects.filter(earlier, server=mail.server, lane=mail.lane, state=Mail.State.QUEUED)
    return waiting.order_by()[:MOST_AHEAD].count()


def clock(moment: datetime) -> str:
    """The time of day; with the date when that is not today."""
    local = localtime(moment)
    if local.date() == localtime().date() or moment - now() < timedelta(hours=6):
        return formats.time_format(local, "TIME_FORMAT")
    return formats.date_format(local, "SHORT_DATETIME_FORMAT")
