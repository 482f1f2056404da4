"""What a person chooses stays chosen: theme, language, shortcuts."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.screens import Conversation
from tests.browser.visiting import NARROW, Visitors, complaints, go, overflows

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visitors: Visitors) -> Page:
    return visitors.open("marta")


def test_the_theme_follows_the_system_until_it_is_chosen(visitors: Visitors) -> None:
    page = visitors.open("marta", theme="dark")
    go(page, "/crm/opportunities/")
    html = page.locator("html")
    assert html.get_attribute("data-theme") is None
    assert _background(page) == "dark"
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Tema claro").click()
    expect(html).to_have_attribute("data-theme", "light")
    go(page, "/contacts/")
    expect(html).to_have_attribute("data-theme", "light")
    assert _background(page) == "light"
    page.get_by_role("button", name="Marta Solano", exact=True).click()
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Como el sistema").click()
    go(page, "/contacts/")
    assert _background(page) == "dark"


def _background(page: Page) -> str:
    lightness = page.evaluate(
        """() => {
            const context = document.createElement("canvas").getContext("2d");
            context.fillStyle = getComputedStyle(document.body).backgroundColor;
            context.fillRect(0, 0, 1, 1);
            return context.getImageData(0, 0, 1, 1).data[1];
        }"""
    )
    return "light" if lightness > 128 else "dark"


ENGLISH = [
    ("/crm/opportunities/", "Opportunities"),
    ("/crm/opportunities/28/", "Renovación flota Levante"),
    ("/sales/orders/", "Sale orders"),
    ("/invoicing/invoices/", "Invoices"),
    ("/contacts/", "Contacts"),
    ("/settings/mail/mails/", "E-mails"),
    ("/settings/mail/servers/new/", "New outgoing server"),
    ("/settings/general/", "General options"),
    ("/settings/mail/aliases/", "Mail aliases"),
    ("/demo/mailbox/", "Demo mailbox"),
]
# Letters and words that would betray a text nobody put into English; what people wrote themselves is left out.
SPANISH = re.compile(
    r"[¿¡]|\b(Guardar|Enviar|Correo|Ajustes|Buscar|Estado|Fecha|Cliente|Nuevo|Nueva|Todos|Hoy|de la)\b"
)


def test_the_language_is_chosen_and_stays(page: Page, visitors: Visitors) -> None:
    go(page, "/crm/opportunities/")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.get_by_role("button", name="Marta Solano", exact=True).click()
    page.get_by_role("button", name=re.compile("English|Inglés")).click()
    page.set_viewport_size({"width": NARROW, "height": 844})
    for path, heading in ENGLISH:
        go(page, path)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert not overflows(page), path
        for part in ("header.topbar", "nav.sidenav", ".panel", "thead", "label", "legend", ".btn", ".save-bar"):
            for text in page.locator(part).all_inner_texts():
                assert not SPANISH.search(text), f"{path}: {text}"
    assert complaints(page) == []

    # It is the user's choice, in whichever browser; and the next test reads Spanish again.
    other = visitors.open("marta", language=None)
    go(other, "/crm/opportunities/")
    expect(other.locator("html")).to_have_attribute("lang", "en")
    other.get_by_role("button", name="Marta Solano", exact=True).click()
    other.get_by_role("button", name="Español").click()
    expect(other.locator("html")).to_have_attribute("lang", "es")


def test_a_stranger_is_answered_in_the_language_of_the_browser(visitors: Visitors) -> None:
    page = visitors.open(None, language="en")
    go(page, "/login/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    page.get_by_role("button", name="Español").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Iniciar sesión")


def test_keys_of_a_list(page: Page) -> None:
    go(page, "/settings/mail/mails/")
    first, second = (page.locator("tbody tr").nth(number).get_attribute("id") for number in (0, 1))
    at = page.locator("tr.is-at")
    page.keyboard.press("j")
    expect(at).to_have_id(str(first))
    page.keyboard.press("j")
    expect(at).to_have_id(str(second))
    page.keyboard.press("k")
    expect(at).to_have_id(str(first))
    page.keyboard.press("x")
    expect(at.get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("x")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.insert_text("g o")
    expect(search).to_have_value("g o")
    page.wait_for_url(re.compile(r"q=g(\+|%20)o"))
    page.keyboard.press("Tab")
    # However long this machine takes between the two.
    page.clock.set_fixed_time(datetime.now(UTC))
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/crm/opportunities/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/crm/opportunities/\d+/"))
    go(page, "/crm/opportunities/")
    page.keyboard.press("c")
    page.wait_for_url("**/crm/opportunities/new/")


def test_keys_of_a_record(page: Page) -> None:
    go(page, "/crm/opportunities/27/")
    conversation = Conversation(page)
    page.keyboard.press("n")
    expect(conversation.composer.get_by_text("Solo la verán los usuarios internos")).to_be_visible()
    expect(conversation.composer.locator("[contenteditable]")).to_be_focused()
    page.keyboard.insert_text("Con el teclado.")
    page.keyboard.press("Control+Enter")
    expect(conversation.message("Con el teclado.")).to_contain_text("Nota interna")
    page.get_by_label("Origen", exact=True).fill("Licitación 2")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status").filter(has_text="guardad")).to_be_visible()
    expect(page.get_by_label("Origen", exact=True)).to_have_value("Licitación 2")
    page.wait_for_load_state()  # what listens to keys comes after the words
    page.keyboard.press("]")
    page.wait_for_url(re.compile(r"/crm/opportunities/(?!27/)\d+/"))
    page.keyboard.press("[")
    page.wait_for_url("**/crm/opportunities/27/**")


def test_single_letters_can_be_switched_off(page: Page) -> None:
    go(page, "/crm/opportunities/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Atajos de teclado")
    dialog.get_by_role("switch", name="Atajos de una sola letra").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Buscar o ir a")).to_be_visible()
    expect(page.locator("tr.is-at")).to_have_count(0)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_pages_change_without_an_animation_where_motion_is_unwelcome(visitors: Visitors, motion: str) -> None:
    """One that is only shortened can still be cut off, and then complains in the console."""
    page = visitors.open("marta", reduced_motion=motion)
    page.add_init_script(
        "addEventListener('pagereveal', (event) => { window.animated = event.viewTransition !== null; });"
    )
    # Seen before: where a page takes seconds to come, Chromium leaves the animation out.
    for path in ("/contacts/", "/crm/opportunities/"):
        go(page, path)
    page.evaluate("location.assign('/contacts/')")
    page.wait_for_url("**/contacts/")
    assert page.evaluate("window.animated") is (motion == "no-preference")
