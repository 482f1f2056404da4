"""What can be opened: apps and their entries, registered by each app in `AppConfig.ready()`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise

from daeris.ui.paging import Count

Text = str | Promise
AnyUser = AbstractBaseUser | AnonymousUser
Permission = str | Sequence[str] | Callable[[AnyUser], bool] | None


@dataclass(frozen=True, slots=True)
class Badge:
    """The number beside an entry; red only for failures. `label` says in words what is counted."""

    count: Count | int
    tone: str = ""
    label: Text = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something a search found."""

    label: Text
    url: str
    icon: str = "file"
    detail: Text = ""
    group: Text = ""


@dataclass(frozen=True, slots=True)
class Bell:
    """What the user has not read yet, and where it is."""

    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something everybody should know as long as it lasts: a bar on every page."""

    text: Text
    icon: str = "circle-alert"
    # Where whoever may do something about it goes.
    url: str = ""
    action: Text = ""


@dataclass(frozen=True, slots=True)
class App:
    name: str
    label: Text
    icon: str
    order: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that can be reached from the menus."""

    app: str
    label: Text
    url: str
    icon: str
    group: Text = ""
    order: int = 50
    permission: Permission = None
    count: Callable[[HttpRequest], Badge | None] | None = None
    shortcut: str = ""

    def path(self) -> str | None:
        """Its address; None where the project does not include that page."""
        try:
            return reverse(self.url)
        except NoReverseMatch:
            return None

    def open_to(self, user: AnyUser) -> bool:
        """Whether the user may open it."""
        if self.permission is None:
            return True
        if callable(self.permission):
            return self.permission(user)
        wanted = [self.permission] if isinstance(self.permission, str) else self.permission
        return any(user.has_perm(permission) for permission in wanted)  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one request sees it."""

    entry: Entry
    path: str
    current: bool
    badge: Badge | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that stand together in the side navigation."""

    label: Text
    links: tuple[Link, ...]

    @property
    def current(self) -> bool:
        return any(link.current for link in self.links)


@dataclass(frozen=True, slots=True)
class AppLink:
    """An app as one request sees it; it opens its first entry."""

    app: App
    path: str
    current: bool


@dataclass(slots=True)
class Registry:
    """Everything the apps have registered."""

    apps: dict[str, App] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    search_providers: list[Callable[[HttpRequest, str], Iterable[Hit]]] = field(default_factory=list)
    bell: Callable[[HttpRequest], Bell | None] | None = None
    notices: list[Callable[[HttpRequest], Notice | None]] = field(default_factory=list)


registry = Registry()


def app(name: str, *, label: Text, icon: str, order: int) -> None:
    """Register an app of the switcher. The first to name it decides; later ones change nothing."""
    registry.apps.setdefault(name, App(name, label, icon, order))


def entry(
    app: str,
    *,
    label: Text,
    url: str,
    icon: str,
    group: Text = "",
    order: int = 50,
    permission: Permission = None,
    count: Callable[[HttpRequest], Badge | None] | None = None,
    shortcut: str = "",
) -> None:
    """Register a page under an app; a second registration of the same page replaces the first."""
    registry.entries = [known for known in registry.entries if (known.app, known.url) != (app, url)]
    registry.entries.append(Entry(app, label, url, icon, group, order, permission, count, shortcut))


def search_provider(find: Callable[[HttpRequest, str], Iterable[Hit]]) -> None:
    """Register a search of the palette: at most five hits, all of them open to the user who asks."""
    if find not in registry.search_providers:
        registry.search_providers.append(find)


def bell(unread: Callable[[HttpRequest], Bell | None]) -> None:
    """Register what the bell counts."""
    registry.bell = unread


def notice(tell: Callable[[HttpRequest], Notice | None]) -> None:
    """Register something that may have to be told on every page; it is asked for by each of them, so it is quick."""
    if tell not in registry.notices:
        registry.notices.append(tell)


def open_entries(user: AnyUser) -> list[tuple[App, Entry, str]]:
    """Every page the user may open, in the order of the menus."""
    if not user.is_authenticated:
        return []
    found = [
        (registry.apps[entry.app], entry, path)
        for entry in registry.entries
        if entry.app in registry.apps and entry.open_to(user) and (path := entry.path())
    ]
    return sorted(found, key=lambda row: (row[0].order, row[1].order))


def current_entry(path: str, entries: Iterable[tuple[App, Entry, str]]) -> tuple[App, Entry] | None:
    """The page that `path` lies under: the longest address that begins it."""
    under = [(app, entry, prefix) for app, entry, prefix in entries if path.startswith(prefix)]
    if not under:
        return None
    app, entry, _ = max(under, key=lambda row: len(row[2]))
    return app, entry


def app_links(entries: Sequence[tuple[App, Entry, str]], current: App | None) -> list[AppLink]:
    """The switcher: one link an app, to the first page the user may open there."""
    return [
        AppLink(app, next(rows)[2], current=app == current) for app, rows in groupby(entries, key=lambda row: row[0])
    ]


def app_groups(
    request: HttpRequest, entries: Iterable[tuple[App, Entry, str]], app: App, current: Entry | None
) -> list[Group]:
    """The side navigation of one app."""
    groups: dict[Text, list[Link]] = {}
    for of, entry, path in entries:
        if of == app:
            badge = entry.count(request) if entry.count else None
            groups.setdefault(entry.group or app.label, []).append(Link(entry, path, entry == current, badge))
    return [Group(label, tuple(links)) for label, links in groups.items()]
