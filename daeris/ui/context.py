"""What base.html draws around every page."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise

from daeris.ui import navigation
from daeris.ui.theme import theme_of


class Shell:
    """The frame of one page: where the user is, and where the user may go. Everything is asked only when shown."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def theme(self) -> str:
        """ "light", "dark", or "" to follow the system."""
        return theme_of(self.request)

    @property
    def languages(self) -> list[tuple[str, str]]:
        names = {"es": "Español", "en": "English"}  # each in its own language, so that its readers find it
        return [(code, names.get(code, str(name))) for code, name in settings.LANGUAGES]

    @cached_property
    def user(self) -> Any:
        user = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @property
    def user_name(self) -> str:
        return (self.user.get_full_name() or self.user.get_username()) if self.user else ""

    @cached_property
    def entries(self) -> list[tuple[navigation.App, navigation.Entry, str]]:
        return navigation.open_entries(self.user) if self.user else []

    @cached_property
    def _here(self) -> tuple[navigation.App, navigation.Entry] | None:
        return navigation.current_entry(self.request.path, self.entries)

    @property
    def app(self) -> navigation.App | None:
        """The app whose menus are shown; None outside of all of them."""
        return self._here[0] if self._here else None

    @property
    def app_label(self) -> str | Promise:
        return self.app.label if self.app else ""

    @cached_property
    def apps(self) -> list[navigation.AppLink]:
        return navigation.app_links(self.entries, self.app)

    @cached_property
    def groups(self) -> list[navigation.Group]:
        if not self._here:
            return []
        app, entry = self._here
        return navigation.app_groups(self.request, self.entries, app, entry)

    @cached_property
    def shortcuts(self) -> list[tuple[str, navigation.Entry, str]]:
        """The "g m" kind: keys, page, address."""
        return [(entry.shortcut, entry, path) for _, entry, path in self.entries if entry.shortcut]

    @cached_property
    def bell(self) -> navigation.Bell | None:
        provider = navigation.registry.bell
        return provider(self.request) if provider and self.user else None

    @cached_property
    def notices(self) -> list[navigation.Notice]:
        if not self.user:
            return []
        return [notice for tell in navigation.registry.notices if (notice := tell(self.request))]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell`."""
    return {"shell": Shell(request)}
