"""People at their browsers: a page for a user, at a width, in a theme, in a language."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import APIRequestContext, Browser, BrowserContext, ConsoleMessage, Page, Response

from tests.browser.installation import Installation

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
WIDE, NARROW = 1440, 390
HEIGHTS = {WIDE: 900, NARROW: 844}
# In milliseconds. Behind many screens somebody works: a worker, a mail server, a clock that ticks each quarter of a
# minute. And the machine may be busy.
PATIENCE = 45_000
Theme = Literal["light", "dark"]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Off unless asked for by name, though WCAG 2.2 AA has it.
RULES = {"target-size": {"enabled": True}}


class Visitors:
    """Opens pages, hears what their consoles say, and closes everything at the end of a test."""

    def __init__(self, browser: Browser, daeris: Installation, sessions: dict[str, Any]) -> None:
        self._browser, self._daeris, self._sessions = browser, daeris, sessions
        self._contexts: list[BrowserContext] = []
        self._said: list[str] = []
        self._expected: list[str] = []

    def open(
        self,
        user: str | None = "marta",
        *,
        width: int = WIDE,
        theme: Theme = "light",
        language: str | None = "es",
        script: bool = True,
        **options: Any,
    ) -> Page:
        """An empty page of somebody who is logged in; of a stranger without a user.

        With no language, in a Spanish browser and in whatever the user chose last.
        """
        context = self._browser.new_context(
            base_url=self._daeris.url,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            has_touch=width < 500,
            locale={"es": "es-ES", "en": "en-GB"}[language or "es"],
            timezone_id="Europe/Madrid",
            color_scheme=theme,
            java_script_enabled=script,
            **{"reduced_motion": "reduce", **options},
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE)
        if user:
            context.add_cookies(self._session(user))
            if language:
                self._speak(context.request, user, language)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._said.append(f"{page.url}: {error}"))
        return page

    @contextmanager
    def expecting(self, words: str) -> Iterator[None]:
        """What is asked for here may be spoken of in the console: Chromium reports every answer from 400 on."""
        self._expected.append(words)
        yield
        self._expected.remove(words)

    def close(self) -> None:
        """Close what is open; fails when a console said anything."""
        for context in self._contexts:
            context.close()
        assert not self._said, "\n".join(self._said)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in self._expected):
            where = message.location.get("url", "")
            self._said.append(f"{message.type}: {message.text} ({where})")

    def _speak(self, request: APIRequestContext, user: str, language: str) -> None:
        """A user's own choice holds in whichever browser; another test may have made one."""
        chosen = request.get("/contacts/").text().partition(' lang="')[2][:2]
        if chosen != language:
            post(request, "/language/", {"language": language})

    def _session(self, user: str) -> Any:
        if user not in self._sessions:
            context = self._browser.new_context(base_url=self._daeris.url)
            log_in(context.request, user, self._daeris.passwords[user])
            self._sessions[user] = [one for one in context.cookies() if one["name"] == "sessionid"]
            context.close()
        return self._sessions[user]


def log_in(request: APIRequestContext, user: str, password: str) -> None:
    """The session of a user without a page: tests of the log-in itself fill the form in."""
    request.get("/login/")
    post(request, "/login/", {"username": user, "password": password})


def post(request: APIRequestContext, path: str, form: dict[str, str]) -> None:
    """Send a form whose answer leads elsewhere, with the token of a page seen before."""
    token = next(one["value"] for one in request.storage_state()["cookies"] if one["name"] == "csrftoken")
    fields: dict[str, str | float | bool] = {**form, "csrfmiddlewaretoken": token}
    answer = request.post(path, form=fields, headers={"Referer": path}, max_redirects=0)
    assert answer.status in {302, 303}, answer.text()


def go(page: Page, path: str, status: int = 200) -> Response:
    """Go there and be answered so; returns once the page stands still."""
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == status, f"{path}: {answer.status}"
    page.evaluate("document.fonts.ready.then(() => 0)")
    return answer


def complaints(page: Page, *rules: str) -> list[str]:
    """What axe has against the page: every rule, or these alone."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    else:
        options |= {"runOnly": {"type": "tag", "values": TAGS}, "rules": RULES}
    # Half a megabyte: once for a page is enough.
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("options => axe.run(options).then((answer) => answer.violations)", options)
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary']})"
        for one in found
        for node in one["nodes"]
        # What lies half under the sticky bar is a matter of scrolling.
        if "partially obscured" not in node["failureSummary"]
    ]


def overflows(page: Page) -> bool:
    """Whether one would have to scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
