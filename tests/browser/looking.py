"""A look at a screen as it stands: pictures in both themes, nothing to scroll sideways, nothing for axe to say."""

import os
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.visiting import complaints, overflows
from tests.lab.stack import PROJECT

PICTURES = Path(os.environ.get("SCREENSHOTS", PROJECT / "screenshots"))
SMALLEST = 320
# What a theme can change: the other rules have been asked in the first one.
OF_COLOUR = ("color-contrast", "link-in-text-block")


def look(page: Page, name: str) -> list[str]:
    """Everything that is wrong with what one sees, light and dark."""
    size = page.viewport_size
    assert size
    wrong = complaints(page) + _sideways(page, name, size["width"]) + _squeezed(page)
    _picture(page, f"{name}-{size['width']}-light")
    # As the button of the shell does it, without losing what is open or written.
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    wrong += [f"dark: {complaint}" for complaint in complaints(page, *OF_COLOUR)]
    _picture(page, f"{name}-{size['width']}-dark")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    if size["width"] < 500:
        page.set_viewport_size({**size, "width": SMALLEST})
        wrong += _sideways(page, name, SMALLEST)
        page.set_viewport_size(size)
    return [f"{name}: {one}" for one in wrong]


def _sideways(page: Page, name: str, width: int) -> list[str]:
    return [f"scrolls sideways at {width}"] if overflows(page) else []


def _squeezed(page: Page) -> list[str]:
    """Names of fields that have no room for a word: they break anywhere, so nothing overflows."""
    narrow = "(names) => names.filter((one) => one.checkVisibility() && one.offsetWidth < 48)"
    names = page.locator(".field__label").evaluate_all(f"{narrow}.map((one) => one.textContent.trim())")
    return [f"no room for “{name}”" for name in names]


def _picture(page: Page, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", caret="initial")
