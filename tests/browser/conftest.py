"""One installation for the whole tier, and a browser that is gone before the next tier needs its own loop."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.installation import Installation
from tests.browser.visiting import CHROMIUM, FLAGS, PATIENCE, Visitors


@pytest.fixture(scope="package")
def daeris() -> Iterator[Installation]:
    """The real stack: broker, web, workers, schedule, demo mail server. Ending it must end all of it."""
    # A short path: the broker's socket has to fit into a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="daeris-browser-") as folder:
        installation = Installation(Path(folder))
        yield installation
        installation.end()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Playwright's loop runs in this thread for as long as this stands: of the package, so that asynchronous
    # tests of other folders come before or after it.
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def sessions() -> dict[str, Any]:
    """Who is logged in already, and by which cookies."""
    return {}


@pytest.fixture
def visitors(browser: Browser, daeris: Installation, sessions: dict[str, Any]) -> Iterator[Visitors]:
    """Pages for people; a word in any console fails the test."""
    visitors = Visitors(browser, daeris, sessions)
    yield visitors
    visitors.close()
