"""What axe has against a page of a live site, in every width and both themes."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# A folder to keep pictures in, to be looked at.
SHOTS = os.environ.get("SCREENSHOTS")
WIDTHS = (320, 390, 768, 1440)
# What a theme can change: the other rules have been asked in the first one.
OF_COLOUR = ("color-contrast", "link-in-text-block")


def violations(page: Page, *rules: str) -> list[tuple[str, list[str]]]:
    """Every rule that is broken, or of these alone, and where."""
    # Half a megabyte: once for a page is enough.
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = page.evaluate("options => axe.run(options).then((answer) => answer.violations)", options)
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


def problems_of(page: Page, path: str, widths: Sequence[int] = WIDTHS) -> Iterator[tuple[str, Any]]:
    """What is wrong with an open page that is shown in these widths and in both themes, one after the other."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        for theme, rules in (("light", ()), ("dark", OF_COLOUR)):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            if SHOTS:
                name = path.split("?")[0].strip("/").replace("/", "-")
                page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png", full_page=True)
            for broken in violations(page, *rules):
                yield f"{path} {width}-{theme}", broken
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            yield f"{path} {width}", "scrolls sideways"
