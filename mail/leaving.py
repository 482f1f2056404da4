"""What happens to waiting mail when a server is archived or deleted: said before it is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from daeris.ui.asking import HowMany, answers
from daeris.ui.paging import LIMIT, Count
from mail.models import Lane, Mail, Options, Server


@dataclass(frozen=True, slots=True)
class Farewell:
    """Who counts on a server."""

    is_mass: bool
    # The only active one: without it nothing leaves.
    is_last: bool
    # Waiting mail that asked for it by name, or is mass mail and it is the server of that.
    asked: Count
    # Other mail that waits to leave through it.
    planned: Count

    @property
    def matters(self) -> bool:
        """Whether somebody should be told first."""
        return self.is_mass or self.is_last or bool(self.asked) or bool(self.planned)

    @property
    def on_archiving(self) -> list[str]:
        """What will happen, in sentences."""
        return [*self._as_mass(_ARCHIVED), *self._asked_of_archived(), *self._planned(), *self._last()]

    @property
    def on_deleting(self) -> list[str]:
        """What will happen, in sentences. Nobody can ask for a server that is gone: that mail goes like any other."""
        both = Count(self.asked.number + self.planned.number, self.asked.more or self.planned.more)
        return [*self._as_mass(_DELETED), *_take_another_way(both), *self._last()]

    def _as_mass(self, words: Promise) -> list[str]:
        return [str(words)] if self.is_mass else []

    def _asked_of_archived(self) -> list[str]:
        if not self.asked:
            return []
        words = ngettext(
            "%(count)s waiting e-mail asks for this very server: it will fail, because the server is archived, and "
            "can be retried once it is active again.",
            "%(count)s waiting e-mails ask for this very server: they will fail, because the server is archived, and "
            "can be retried once it is active again.",
            int(self.asked),
        )
        return [words % {"count": self.asked}]

    def _planned(self) -> list[str]:
        return _take_another_way(self.planned)

    def _last(self) -> list[str]:
        return [_("It is the only active server: until there is another, no e-mail leaves.")] if self.is_last else []


_ARCHIVED = gettext_lazy("It is the server of mass mail: while it is archived, all mass mail fails.")
_DELETED = gettext_lazy("It is the server of mass mail, which will leave through the other servers like any other.")


def _take_another_way(count: Count) -> list[str]:
    if not count:
        return []
    words = ngettext(
        "%(count)s waiting e-mail will take another way, or fail when there is none.",
        "%(count)s waiting e-mails will take another way, or fail when there is none.",
        int(count),
    )
    return [words % {"count": count}]


def farewell_of(server: Server) -> Farewell:
    """Who counts on this server now."""
    return farewells([server])[server.pk]


def farewells(servers: Collection[Server]) -> dict[int, Farewell]:
    """Who counts on each of these servers, by two questions however many they are."""
    options = Options.load()
    active = set(Server.objects.custom().filter(active=True).values_list("pk", flat=True)[:2])
    return farewells_under(servers, options, active)


def farewells_under(servers: Collection[Server], options: Options, active: Collection[int]) -> dict[int, Farewell]:
    """The same, by one question, for who knows the options and the active servers (two of them are enough)."""
    counts = _counts(servers, options)
    return {
        one.pk: Farewell(
            is_mass=_is_mass(one, options),
            is_last=options.custom_servers and one.active and set(active) == {one.pk},
            asked=counts[one.pk, "asked"],
            planned=counts[one.pk, "planned"],
        )
        for one in servers
    }


def _is_mass(server: Server, options: Options) -> bool:
    return options.custom_servers and options.mass_server_id == server.pk


def _counts(servers: Collection[Server], options: Options) -> Mapping[tuple[int, str], Count]:
    questions = {}
    for one in servers:
        asks = Q(asked_server=one)
        if _is_mass(one, options):
            asks |= Q(asked_server=None, lane=Lane.MASS, server=one)
        waiting: QuerySet[Mail] = Mail.objects.filter(state=Mail.State.QUEUED)
        questions[f"{one.pk} asked"] = HowMany(waiting.filter(asks), LIMIT + 1)
        questions[f"{one.pk} planned"] = HowMany(waiting.filter(server=one).exclude(asks), LIMIT + 1)
    found = answers(questions) if questions else {}
    return {_key(name): Count.bounded(number) for name, number in found.items()}


def _key(name: str) -> tuple[int, str]:
    pk, _space, kind = name.partition(" ")
    return int(pk), kind
