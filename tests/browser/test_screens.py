"""Every screen, wide and narrow, light and dark: as it should look, and for everybody."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.browser.screens import Conversation, row_of
from tests.browser.visiting import NARROW, WIDE, Visitors, go

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [WIDE, NARROW])
# The demo company is founded in one order: its records keep their keys.
LEVANTE, CLIMATE = "/crm/opportunities/28/", "/crm/opportunities/22/"


@dataclass(frozen=True)
class Screen:
    """A page that is only looked at."""

    name: str
    path: str
    heading: str
    user: str | None = "marta"
    status: int = 200


SCREENS = [
    Screen("opportunities", "/crm/opportunities/", "Oportunidades"),
    Screen("opportunities-none", "/crm/opportunities/?q=nada+de+nada", "Oportunidades"),
    Screen("opportunity", LEVANTE, "Renovación flota Levante"),
    Screen("opportunity-failed", CLIMATE, "Climatización de la planta 3", user="ivan"),
    Screen("opportunity-read-only", LEVANTE, "Renovación flota Levante", user="lucia"),
    Screen("orders", "/sales/orders/", "Pedidos de venta"),
    Screen("order", "/sales/orders/18/", "S00018"),
    Screen("order-new", "/sales/orders/new/", "Nuevo presupuesto"),
    Screen("invoices", "/invoicing/invoices/", "Facturas"),
    Screen("invoice", "/invoicing/invoices/4/", "FAC/"),
    Screen("invoice-new", "/invoicing/invoices/new/", "Nueva factura"),
    Screen("contacts", "/contacts/", "Contactos"),
    Screen("contact", "/contacts/4/", ""),
    Screen("contact-new", "/contacts/new/", "Nuevo contacto"),
    Screen("mails", "/settings/mail/mails/", "Correos electrónicos"),
    Screen("mails-queued", "/settings/mail/mails/?state=queued", "Correos electrónicos"),
    Screen("mails-sent", "/settings/mail/mails/?state=sent&day=today", "Correos electrónicos"),
    Screen("mails-failed", "/settings/mail/mails/?state=failed", "Correos electrónicos", user="ivan"),
    Screen("mails-cancelled", "/settings/mail/mails/?state=cancelled", "Correos electrónicos"),
    Screen("servers", "/settings/mail/servers/", "Servidores de correo saliente"),
    Screen("servers-pauses", "/settings/mail/servers/pauses/", "Pausar envíos"),
    Screen("servers-changes", "/settings/mail/servers/changes/", "Cambios"),
    Screen("server-archive", "/settings/mail/servers/1/active/", "¿Archivar el servidor"),
    Screen("aliases", "/settings/mail/aliases/", "Alias de correo"),
    Screen("domain", "/settings/mail/aliases/domains/1/", "miempresa.example"),
    Screen("mailbox", "/demo/mailbox/", "Buzón de demostración"),
    Screen("notifications", "/chatter/notifications/", "Notificaciones", user="lucia"),
    Screen("search", "/search/?q=levante", "Buscar"),
    Screen("delete", "/crm/opportunities/3/delete/", "¿Eliminar?"),
    Screen("403", "/settings/general/", "", user="lucia", status=403),
    Screen("404", "/crm/opportunities/999999/", "", status=404),
    Screen("login", "/login/", "Iniciar sesión", user=None),
]


@WIDTHS
@pytest.mark.parametrize("user", ["marta", "ivan", "lucia", None])
def test_the_screens_of(visitors: Visitors, user: str | None, width: int) -> None:
    page = visitors.open(user, width=width)
    wrong = []
    for screen in (one for one in SCREENS if one.user == user):
        with visitors.expecting(f"status of {screen.status}"):
            go(page, screen.path, status=screen.status)
            expect(page.get_by_role("heading", level=1)).to_contain_text(screen.heading)
        wrong += look(page, screen.name)
    assert wrong == []


def the_composer(page: Page) -> list[str]:
    go(page, LEVANTE)
    conversation = Conversation(page)
    conversation.write("Hola, Julia: ")
    wrong = look(page, "composer")
    conversation.turn_to("Nota interna")
    wrong += look(page, "composer-note")
    conversation.turn_to("Enviar mensaje")
    conversation.composer.locator("[contenteditable]").clear()
    return wrong


def the_menus_of_a_conversation(page: Page) -> list[str]:
    go(page, LEVANTE)
    conversation = Conversation(page)
    conversation.followers()
    wrong = look(page, "followers")
    page.keyboard.press("Escape")
    conversation.column.get_by_role("button", name=re.compile("^Envío: ")).first.click()
    return wrong + look(page, "delivery")


def a_form_that_was_refused(page: Page) -> list[str]:
    go(page, "/crm/opportunities/new/")
    wrong = look(page, "opportunity-new")
    page.get_by_role("button", name="Crear", exact=True).click()
    expect(page.locator(".field-error").first).to_be_visible()
    return wrong + look(page, "opportunity-refused")


def deleting(page: Page) -> list[str]:
    go(page, "/crm/opportunities/3/")
    page.get_by_role("button", name="Más acciones").click()
    wrong = look(page, "actions")
    page.get_by_role("link", name="Eliminar").click()
    dialog = page.get_by_role("dialog", name="¿Eliminar?")
    expect(dialog.get_by_role("button", name="Eliminar")).to_be_visible()
    wrong += look(page, "delete-dialog")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    return wrong


def a_mail(page: Page) -> list[str]:
    go(page, "/settings/mail/mails/?q=flota&state=sent")
    page.locator(".row-link").first.click()
    expect(page.get_by_role("tab", name="Contenido")).to_be_visible()
    wrong = look(page, "mail-sent")
    page.get_by_role("tab", name="Cabeceras").click()
    return wrong + look(page, "mail-headers")


def filters_and_a_choice_of_rows(page: Page) -> list[str]:
    go(page, "/settings/mail/mails/")
    page.get_by_role("button", name="Filtros").click()
    wrong = look(page, "mails-filters")
    page.keyboard.press("Escape")
    page.locator("tbody input[type=checkbox]").first.check()
    expect(page.locator(".bulk")).to_be_visible()
    return wrong + look(page, "mails-chosen")


def the_menus_of_the_servers(page: Page) -> list[str]:
    go(page, "/settings/mail/servers/")
    page.get_by_role("button", name="Acciones de Buzón de demostración").click()
    wrong = look(page, "servers-actions")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pausar envíos").click()
    wrong += look(page, "servers-pause")
    page.keyboard.press("Escape")
    page.get_by_role("switch", name="Buzón de demostración está activo").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Archivar")).to_be_visible()
    return wrong + look(page, "server-archive-dialog")


def a_server_and_its_test(page: Page) -> list[str]:
    go(page, "/settings/mail/servers/")
    page.get_by_role("main").get_by_role("link", name="Buzón de demostración").click()
    page.get_by_role("button", name="Probar conexión").click()
    said = page.locator("#server-test")
    expect(said).to_contain_text("Conexión a servidor de correo saliente satisfactoria")
    wrong = look(page, "server-tested")
    go(page, "/settings/mail/servers/new/")
    wrong += look(page, "server-new")
    page.get_by_label("Servidor SMTP").fill("no.existe.invalid")
    page.get_by_role("button", name="Probar conexión").click()
    expect(said.locator(".alert--danger")).to_contain_text("Buscar el servidor")
    said.scroll_into_view_if_needed()
    return wrong + look(page, "server-failed")


def options(page: Page) -> list[str]:
    go(page, "/settings/general/")
    expect(page.get_by_role("switch", name="Servidores de correo electrónico personalizados")).to_be_checked()
    wrong = look(page, "options")
    page.get_by_label("Alias del dominio").fill("otra.example")
    expect(page.get_by_text("Cambios sin guardar")).to_be_visible()
    wrong += look(page, "options-changed")
    page.get_by_role("link", name="Descartar").click()
    return wrong


def a_captured_mail(page: Page) -> list[str]:
    go(page, "/demo/mailbox/?q=j.ferrer")
    page.locator(".row-link").last.click()
    expect(page.get_by_role("tab", name="Contenido")).to_be_visible()
    wrong = look(page, "captured")
    page.get_by_role("tab", name="Código fuente").click()
    return wrong + look(page, "captured-source")


def what_every_page_offers(page: Page) -> list[str]:
    go(page, "/crm/opportunities/")
    wrong = []
    for button, name in (("Aplicaciones", "apps"), ("Marta Solano", "user")):
        page.get_by_role("button", name=button, exact=True).click()
        wrong += look(page, f"menu-{name}")
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Atajos de teclado")).to_be_visible()
    wrong += look(page, "help")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Buscar o ir a").fill("correos")
    expect(page.get_by_role("option", name="Correos electrónicos")).to_be_visible()
    return wrong + look(page, "palette")


VISITS: list[Callable[[Page], list[str]]] = [
    the_composer,
    the_menus_of_a_conversation,
    a_form_that_was_refused,
    deleting,
    a_mail,
    filters_and_a_choice_of_rows,
    the_menus_of_the_servers,
    a_server_and_its_test,
    options,
    a_captured_mail,
    what_every_page_offers,
]


@WIDTHS
@pytest.mark.parametrize("visit", VISITS, ids=[visit.__name__ for visit in VISITS])
def test_what_opens_on_a_screen(visitors: Visitors, visit: Callable[[Page], list[str]], width: int) -> None:
    page = visitors.open("marta", width=width)
    with visitors.expecting("status of 422"):
        assert visit(page) == []


@WIDTHS
def test_a_failed_mail(visitors: Visitors, width: int) -> None:
    page = visitors.open("ivan", width=width)
    go(page, "/settings/mail/mails/?state=failed")
    row_of(page, "Climatización").get_by_role("button", name="Reintentar…").click()
    wrong = look(page, "mails-retry")
    page.keyboard.press("Escape")
    page.locator(".row-link").first.click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Fallido")
    wrong += look(page, "mail-failed")
    page.get_by_role("tab", name=re.compile("^Intentos")).click()
    assert wrong + look(page, "mail-attempts") == []


def test_the_drawer(visitors: Visitors) -> None:
    page = visitors.open("marta", width=NARROW)
    go(page, "/settings/mail/mails/")
    drawer = page.get_by_role("navigation", name="Secciones")
    expect(drawer).to_be_hidden()
    page.get_by_role("button", name="Menú", exact=True).click()
    expect(drawer).to_be_visible()
    assert look(page, "drawer") == []
    drawer.get_by_role("link", name="Alias de correo").click()
    page.wait_for_url("**/settings/mail/aliases/")


@WIDTHS
def test_a_login_that_failed(visitors: Visitors, width: int) -> None:
    page = visitors.open(None, width=width)
    go(page, "/login/")
    page.get_by_label("Nombre de usuario").fill("marta")
    page.get_by_label("Contraseña").fill("no es esta")
    page.get_by_role("button", name="Iniciar sesión").click()
    expect(page.get_by_role("alert").or_(page.locator(".alert"))).to_contain_text("no coinciden")
    assert look(page, "login-refused") == []
