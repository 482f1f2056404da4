"""The list of outgoing servers as it is shown: asked for with a few questions, however many servers there are."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from daeris.ui.lists import ControlPanel, Tab
from daeris.ui.paging import Count
from mail import limits, tallies
from mail.addresses import readable
from mail.conditions import Condition, conditions_of
from mail.leaving import Farewell, farewells_under
from mail.limits import Gauge
from mail.models import Options, Server
from mail.tallies import LastDay

# The tags of a filter that a row has room for.
TAGS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Tag:
    """One part of a From filter."""

    text: str

    @property
    def is_address(self) -> bool:
        return "@" in self.text


@dataclass(frozen=True, slots=True)
class Row:
    """One server of the list."""

    server: Server
    condition: Condition
    tags: Sequence[Tag]
    day: LastDay
    gauges: Sequence[Gauge]
    farewell: Farewell
    # Which of the active ones it is; 0 where the order cannot be changed: an archived one, or a search.
    place: int

    @property
    def first_tags(self) -> Sequence[Tag]:
        return self.tags[:TAGS_SHOWN]

    @property
    def other_tags(self) -> Sequence[Tag]:
        return self.tags[TAGS_SHOWN:]

    @property
    def waiting(self) -> Count:
        """What waits to leave through it."""
        asked, planned = self.farewell.asked, self.farewell.planned
        return Count(asked.number + planned.number, asked.more or planned.more)

    @property
    def failed_share(self) -> int:
        """Of a hundred tries, those that failed; one when it was any."""
        if not self.day.failed:
            return 0
        return max(2, round(100 * self.day.failed / (self.day.failed + self.day.sent)))

    @property
    def sent_share(self) -> int:
        return 100 - self.failed_share

    @property
    def face(self) -> tuple[object, ...]:
        """All that one sees of it."""
        server = self.server
        shown = (server.pk, server.name, server.host, server.port, server.priority, server.active, server.is_paused)
        told = (str(self.condition.label), self.condition.reason, self.day, self.farewell)
        return (*shown, *told, *self.tags, *self.gauges, self.place)


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of the tab and the search that are looked at."""

    panel: ControlPanel
    rows: Sequence[Row]
    options: Options
    # How many can be put in order.
    places: int
    address: str

    @property
    def version(self) -> str:
        """Another one whenever something on the screen is."""
        faces = repr([row.face for row in self.rows]) + repr(self.panel.state_options)
        return hashlib.blake2b(faces.encode(), digest_size=12).hexdigest()


def listing_of(request: HttpRequest) -> Listing:
    """What the query string asks for."""
    panel = ControlPanel(request, placeholder=_("Description, server or filter…"), target="#servers")
    options = Options.load()
    every = list(Server.objects.custom().select_related("grant"))
    active = [server.pk for server in every if server.active]
    panel.tabs = [
        Tab("", pgettext("servers", "Active"), len(active)),
        Tab("archived", pgettext("servers", "Archived"), len(every) - len(active)),
    ]
    shown = [server for server in every if server.active != (panel.state == "archived")]
    shown = [server for server in shown if _matches(server, panel.words)]
    is_whole = not panel.words and panel.state == ""
    rows = _rows(shown, options, active, is_whole=is_whole)
    return Listing(panel, rows, options, len(active) if is_whole else 0, request.get_full_path())


def _rows(shown: Sequence[Server], options: Options, active: Sequence[int], *, is_whole: bool) -> list[Row]:
    days = tallies.last_day([server.pk for server in shown])
    gauges = limits.gauges_of(shown)
    farewells = farewells_under(shown, options, active)
    conditions = conditions_of(shown)
    return [
        Row(
            server=server,
            condition=conditions[server.pk],
            tags=tags_of(server.from_filter),
            day=days.get(server.pk, LastDay()),
            gauges=gauges.get(server.pk, []),
            farewell=farewells[server.pk],
            place=place if is_whole else 0,
        )
        for place, server in enumerate(shown, 1)
    ]


def tags_of(from_filter: str) -> list[Tag]:
    """The parts of a stored filter."""
    return [Tag(readable(part)) for part in (one.strip() for one in from_filter.split(",")) if part]


def _matches(server: Server, words: str) -> bool:
    shown = " ".join(tag.text for tag in tags_of(server.from_filter))
    text = f"{server.name} {server.host} {server.from_filter} {shown} {server.username}".lower()
    return all(word in text for word in words.lower().split())
