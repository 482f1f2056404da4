"""Sending on hold by a person's decision: one server, a lane, or everything. Mail waits, and nothing fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists

from mail import bell
from mail.models import Lane, Options, Server

# Asked for by every page; what the workers obey is the table itself.
CACHE_KEY, CACHE_SECONDS = "mail.pauses", 15


@dataclass(frozen=True, slots=True)
class Pauses:
    """Which lanes are on hold."""

    transactional: bool = False
    mass: bool = False
    # The servers on hold, as far as they count: key and name. Only where they are to be shown.
    servers: tuple[tuple[int, str], ...] = ()

    @property
    def everything(self) -> bool:
        return self.transactional and self.mass

    @property
    def anything(self) -> bool:
        return self.transactional or self.mass

    def holds(self, lane: str) -> bool:
        """Whether mail of this lane waits."""
        return self.mass if lane == Lane.MASS else self.transactional


def current() -> Pauses:
    """What is on hold now."""
    row = Options.objects.filter(pk=1).values_list("transactional_paused", "mass_paused").first()
    return Pauses(*row) if row else Pauses()


def shown() -> Pauses:
    """The same and the paused servers, for a banner: at most a quarter of a minute old, and cheap."""
    kept = cache.get(CACHE_KEY)
    if kept is None:
        found = replace(current(), servers=_servers())
        cache.set(CACHE_KEY, (found.transactional, found.mass, found.servers), CACHE_SECONDS)
        return found
    return Pauses(*kept)


def forget() -> None:
    """Look again for the banner."""
    cache.delete(CACHE_KEY)


def _servers() -> tuple[tuple[int, str], ...]:
    count = Exists(Options.objects.filter(pk=1, custom_servers=True))
    paused = Server.objects.custom().filter(count, active=True, is_paused=True)
    return tuple(paused.values_list("pk", "name"))


def pause(lanes: Sequence[str], *, paused: bool) -> None:
    """Hold these lanes, or let them go on: then what waited goes at once."""
    Options.load()
    with transaction.atomic():
        Options.objects.filter(pk=1).update(**{f"{Lane(lane).value}_paused": paused for lane in lanes})
        transaction.on_commit(forget)
    if not paused:
        _ring(lanes)


def pause_server(server: Server, *, paused: bool) -> None:
    """Hold what waits for this server, or let it go on."""
    Server.objects.filter(pk=server.pk).update(is_paused=paused)
    server.is_paused = paused
    transaction.on_commit(forget)
    if not paused:
        _ring(Lane.values)


def _ring(lanes: Sequence[str]) -> None:
    for lane in lanes:
        bell.ring(lane)
