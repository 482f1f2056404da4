"""The gallery in Chromium: nothing for axe to say, nothing in the console, and every behaviour does its work."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from daeris.models import User
from tests.ui.looking import SHOTS, WIDTHS, problems_of, violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("gallery")]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MAILS, RECORD, SETTINGS = "/gallery/mails/?day=today", "/gallery/record/", "/gallery/settings/"
PAGES = [MAILS, RECORD, SETTINGS, "/search/", "/forbidden/", "/login/"]


# The corner of the toasts and the bar that saves a form do not touch.
APART = """() => {
  const toasts = document.querySelector("d-toasts").getBoundingClientRect();
  const bar = document.querySelector(".save-bar").getBoundingClientRect();
  return toasts.height && bar.height && toasts.top >= 0 && (toasts.bottom <= bar.top || toasts.top >= bar.bottom);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's own loop runs in this thread; the database is used beside it, never inside it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        # A busy machine is not a slow page.
        expect.set_options(timeout=30_000)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield chromium
            chromium.close()


@pytest.fixture
def person(db: None) -> User:
    names = {"first_name": "Marta", "last_name": "Solano"}
    return User.objects.create_superuser("marta", "marta@miempresa.example", "clave", **names)


class Visit:
    """A page of the live site, and what its console said."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.said: list[str] = []
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def hear(self, message: ConsoleMessage) -> None:
        # "verbose" is advice that nobody sees who did not ask for it.
        if message.type not in ("verbose", "debug") and "403" not in message.text:
            self.said.append(f"{message.type}: {message.text}")

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path, wait_until="networkidle")
        return self.page


@pytest.fixture
def visit(browser: Browser, live_server: Any, client: Any, person: User, request: Any) -> Iterator[Visit]:
    width, theme, script = (*getattr(request, "param", (1440, "light")), True)[:3]
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale="en-GB",
        has_touch=width < 500,
        reduced_motion="reduce",
        java_script_enabled=script,
    )
    client.force_login(person)
    cookies = {"sessionid": client.cookies["sessionid"].value, **({"theme": theme} if theme else {})}
    context.add_cookies([{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()])
    yield Visit(context.new_page(), live_server.url)
    context.close()


SILENT = pytest.mark.parametrize("visit", [(1440, "light", False)], indirect=True, ids=["no script"])


# Narrow ones have a finger, wide ones a pointer.
@pytest.mark.parametrize(
    ("visit", "widths"), [((390, "light"), WIDTHS[:2]), ((1440, "light"), WIDTHS[2:])], indirect=["visit"]
)
def test_every_component_is_accessible(visit: Visit, widths: tuple[int, ...]) -> None:
    problems = []
    for path in PAGES:
        if path == "/login/":
            visit.page.context.clear_cookies(name="sessionid")
        problems += problems_of(visit.go(path), path, widths)
    assert problems == []
    assert visit.said == []


def axe(page: Page) -> list[str]:
    return [rule for rule, _where in violations(page)]


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def test_the_palette_finds_pages_and_goes_there(visit: Visit) -> None:
    page = visit.go(MAILS)
    page.keyboard.press("Control+k")
    palette = page.locator("#palette")
    expect(palette.get_by_role("option")).to_have_count(4)
    page.keyboard.type("opciones")
    expect(palette.get_by_role("option")).to_have_count(1)
    shot(page, "palette")
    assert axe(page) == []
    expect(palette.get_by_role("option")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url("**/gallery/settings/")
    assert visit.said == []


def test_menus_open_beside_their_button_and_close_with_escape(visit: Visit) -> None:
    page = visit.go(MAILS)
    for button, menu in (("Apps", "#apps"), ("Marta Solano", "#user-menu"), ("Reintentar", "#act-3")):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator(menu)).to_be_visible()
        shot(page, f"menu-{menu[1:]}")
        assert axe(page) == []
        beside(page.get_by_role("button", name=button, exact=True), page.locator(menu))
        page.keyboard.press("Escape")
        expect(page.locator(menu)).to_be_hidden()


def beside(button: Locator, menu: Locator) -> None:
    one, other = button.bounding_box(), menu.bounding_box()
    assert one
    assert other
    assert 0 <= other["y"] - (one["y"] + one["height"]) < 12
    assert other["x"] >= 0
    assert other["x"] < one["x"] + one["width"]
    assert other["x"] + other["width"] > one["x"]


@pytest.mark.parametrize("visit", [(390, "dark")], indirect=True)
def test_the_side_navigation_is_a_drawer_when_narrow(visit: Visit) -> None:
    page = visit.go(MAILS)
    expect(page.locator("#sidenav")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#sidenav")).to_be_visible()
    shot(page, "drawer")
    assert axe(page) == []
    page.locator("#sidenav").get_by_role("button", name="Close").click()
    expect(page.locator("#sidenav")).to_be_hidden()


def test_tabs_by_click_by_arrow_and_by_hash(visit: Visit) -> None:
    page = visit.go(RECORD)
    page.get_by_role("tab", name="Notas").click()
    expect(page.get_by_text("Segunda pestaña.")).to_be_visible()
    expect(page.locator("#lines")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#lines")).to_be_visible()
    expect(page).to_have_url(re.compile("#lines$"))
    visit.go("/gallery/mails/")
    page = visit.go(f"{RECORD}#notes")
    expect(page.get_by_text("Segunda pestaña.")).to_be_visible()


def test_a_dialog_opens_closes_and_gives_the_focus_back(visit: Visit) -> None:
    page = visit.go(RECORD)
    opener = page.locator("button.btn--danger[data-opens=ask]")
    opener.click()
    dialog = page.get_by_role("dialog", name="Eliminar la oportunidad")
    expect(dialog).to_be_visible()
    shot(page, "dialog")
    assert axe(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_role("button", name="Cancelar").click()
    expect(dialog).to_be_hidden()


def test_a_question_comes_before_what_cannot_be_undone(visit: Visit) -> None:
    page = visit.go(SETTINGS)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.locator("#asks").click()
    dialog = page.get_by_role("dialog", name="¿Eliminar para siempre?")
    shot(page, "question")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert "POST" not in sent
    page.locator("#asks").click()
    with page.expect_navigation():
        dialog.get_by_role("button", name="Eliminar").click()
    assert "POST" in sent


def test_the_save_bar_appears_when_something_changed(visit: Visit) -> None:
    page = visit.go(SETTINGS)
    save = page.get_by_role("button", name="Save")
    expect(save).to_be_hidden()
    page.get_by_label("Alias del dominio").fill("miempresa.example")
    expect(save).to_be_visible()
    shot(page, "save-bar")
    assert axe(page) == []


def test_the_combobox_searches_and_chooses(visit: Visit) -> None:
    page = visit.go(RECORD)
    box = page.get_by_role("combobox", name="Contacto")
    box.click()
    expect(box).to_have_value("Julia Ferrer")
    expect(page.locator(".options").get_by_role("option")).to_have_count(6)
    box.fill("nuria")
    expect(page.locator(".options").get_by_role("option").first).to_contain_text("Nuria Vidal")
    expect(page.locator(".options").get_by_role("option")).to_have_count(2)  # and "Create «nuria»"
    shot(page, "combobox")
    assert axe(page) == []
    page.keyboard.press("Enter")
    expect(box).to_have_value("Nuria Vidal")
    assert page.locator("select[name=contact]").input_value() == "6"
    expect(page.locator("form.sheet")).to_have_attribute("data-changed", "")
    box.fill("nobody at all")
    box.blur()
    expect(box).to_have_value("Nuria Vidal")


def test_the_combobox_takes_the_focus_from_its_select(visit: Visit) -> None:
    page = visit.go(RECORD)
    page.get_by_label("Empresa").focus()
    page.keyboard.press("Tab")
    box = page.locator("input#id_contact")
    expect(box).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".options").get_by_role("option")).to_have_count(6)
    page.keyboard.press("Escape")
    expect(page.locator(".options")).to_be_hidden()
    expect(box).to_have_value("Julia Ferrer")


@pytest.mark.parametrize("visit", [(390, "light")], indirect=True)
def test_the_combobox_opens_at_the_first_touch(visit: Visit) -> None:
    page = visit.go(RECORD)
    page.locator("select[name=contact]").tap()
    expect(page.locator(".options").get_by_role("option")).to_have_count(6)
    page.locator(".options").get_by_text("Ana Ruiz Gil").tap()
    expect(page.locator("input#id_contact")).to_have_value("Ana Ruiz Gil")


def test_the_theme_changes_at_once_and_is_remembered(visit: Visit) -> None:
    page = visit.go(MAILS)
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(visit.go(MAILS).locator("html")).to_have_attribute("data-theme", "dark")


def test_rows_are_selected_together_and_counted(visit: Visit) -> None:
    page = visit.go(MAILS)
    bar = page.locator(".bulk")
    expect(bar).to_be_hidden()
    page.get_by_label("Select all rows of this page").check()
    expect(bar).to_contain_text("6 selected")
    shot(page, "bulk")
    assert axe(page) == []
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def test_keys_walk_the_list_and_the_menus(visit: Visit) -> None:
    page = visit.go(MAILS)
    page.keyboard.press("j")
    expect(page.locator("tr.is-at")).to_have_attribute("id", "mail-1")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#mail-2 input")).to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    shot(page, "help")
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#list-search")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.locator("#list-search")).to_have_value("go")
    page.locator("#list-search").blur()
    # However long this machine takes between the two.
    page.clock.set_fixed_time(datetime.now(UTC))
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/gallery/record/")


def test_toasts_say_what_failed_and_when_the_line_is_cut(visit: Visit) -> None:
    page = visit.go(MAILS)
    page.evaluate("document.body.dispatchEvent(new CustomEvent('toast', {bubbles: true, detail: {text: 'Hecho'}}))")
    expect(page.locator(".toast")).to_contain_text("Hecho")
    shot(page, "toast")
    assert axe(page) == []
    page.context.set_offline(True)
    expect(page.locator(".toast--danger")).to_contain_text("No connection")
    page.context.set_offline(False)
    expect(page.locator(".toast--danger")).to_have_count(0)


def test_the_save_bar_covers_no_field_that_one_writes_in(visit: Visit) -> None:
    page = visit.go(SETTINGS)
    field, bar = page.get_by_label("Alias del dominio"), page.locator(".save-bar")
    covered = []
    for below in range(0, 100, 20):
        # The field stands just above the lower edge, where the bar will be.
        page.evaluate("document.querySelector('form[data-dirty]').reset(); scrollTo(0, 0)")
        page.set_viewport_size({"width": 390, "height": 900})
        box = field.bounding_box()
        assert box
        page.set_viewport_size({"width": 390, "height": int(box["y"] + box["height"] + below)})
        field.focus()
        page.keyboard.press("1")
        box, edge = field.bounding_box(), bar.bounding_box()
        assert box
        assert edge
        if box["y"] + box["height"] > edge["y"]:
            covered.append(below)
    assert covered == []


@pytest.mark.parametrize("width", [1440, 390])
def test_a_toast_leaves_the_save_bar_free(visit: Visit, width: int) -> None:
    page = visit.go(SETTINGS)
    page.set_viewport_size({"width": width, "height": 480})
    detail = "{text: 'Hecho', tone: 'danger'}"
    said = f"document.body.dispatchEvent(new CustomEvent('toast', {{bubbles: true, detail: {detail}}}))"
    page.evaluate(said)
    at_first = page.locator(".toast").bounding_box()
    page.get_by_label("Alias del dominio").fill("miempresa.example")
    expect(page.locator(".save-bar")).to_be_visible()
    page.wait_for_function(APART)
    shot(page, f"toast-save-bar-{width}")
    # The bar moves up with the end of the form.
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(APART)
    page.evaluate(said)
    expect(page.locator(".toast")).to_have_count(2)
    page.wait_for_function(APART)
    page.locator(".toast__close").first.click()
    page.evaluate("document.querySelector('form[data-changed]').reset()")
    expect(page.locator(".save-bar")).to_be_hidden()
    assert page.locator(".toast").bounding_box() == at_first


def test_searching_swaps_the_list_and_keeps_the_letters(visit: Visit) -> None:
    page = visit.go(MAILS)
    page.locator("#list-search").press_sequentially("factura", delay=60)
    page.wait_for_url("**q=factura**")
    expect(page.locator("#list-search")).to_have_value("factura")
    expect(page.locator("#list-search")).to_be_focused()


@SILENT
def test_without_script_nothing_is_out_of_reach(visit: Visit) -> None:
    page = visit.go(RECORD)
    expect(page.get_by_text("Segunda pestaña.")).to_be_visible()
    expect(page.locator("select[name=contact]")).to_be_visible()
    expect(page.get_by_role("button", name="Marta Solano")).to_be_visible()
    shot(page, "no-script")
    page.get_by_role("link", name=re.compile("Search or go to")).click()
    page.wait_for_url("**/search/")
    page.get_by_role("searchbox", name="Search or go to").fill("opciones")
    page.keyboard.press("Enter")
    page.get_by_role("main").get_by_role("link", name="Opciones generales").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_first_load_is_small(visit: Visit) -> None:
    loaded: list[str] = []
    visit.page.on("requestfinished", lambda request: loaded.append(request.url))
    visit.go(MAILS)
    assert len(loaded) <= 12, loaded
