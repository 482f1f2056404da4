"""Setting up a server as a newcomer does: choose the provider, write who one is, save."""

from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import PICTURES, look
from tests.browser.visiting import NARROW, WIDE, Visitors, go

pytestmark = pytest.mark.browser
NEW = "/settings/mail/servers/new/"
Language = Literal["es", "en"]


@dataclass(frozen=True)
class Provider:
    """What choosing it fills in; `account` is what a newcomer writes besides, "" where nobody logs in by name."""

    code: str
    label: str
    host: str
    port: str = "587"
    security: str = "starttls"
    way: str = "password"
    account: str = "ana@miempresa.example"
    english: str = ""

    def named(self, language: Language) -> str:
        return (self.english if language == "en" else "") or self.label


PROVIDERS = [
    Provider("own", "Dominio propio", "", english="Own domain"),
    Provider("gmail", "Gmail", "smtp.gmail.com", "465", "tls", account="ventas@gmail.com"),
    Provider("outlook", "Outlook", "smtp-mail.outlook.com", way="microsoft", account="ana@outlook.com"),
    Provider("microsoft365", "Microsoft 365", "smtp.office365.com", way="microsoft"),
    Provider("ses", "Amazon SES", "email-smtp.eu-west-1.amazonaws.com", account="AKIAEXAMPLE"),
    Provider("sendgrid", "SendGrid", "smtp.sendgrid.net", account="apikey"),
    Provider("mailgun", "Mailgun", "smtp.mailgun.org", account="postmaster@miempresa.example"),
    Provider("brevo", "Brevo", "smtp-relay.brevo.com"),
    Provider("postmark", "Postmark", "smtp.postmarkapp.com", account="un-token"),
    Provider("other", "Otro", "", "25", "none", "none", account="", english="Other"),
]
WORDS: dict[Language, dict[str, str]] = {
    "es": {
        "name": "Descripción",
        "host": "Servidor SMTP",
        "port": "Puerto SMTP",
        "security": "Seguridad de la conexión",
        "way": "Autenticar con",
        "user": "Nombre de usuario",
        "password": "Contraseña",
        "active": "Activo",
        "filter": "Filtro Desde",
        "save": "Guardar",
        "default": "Usar esta cuenta como De predeterminado",
        "ask": "¿Usar {} como De predeterminado?",
        "yes": "Usar como De predeterminado",
        "no": "Cancelar",
        "region": "Región",
        "replace": "Sustituir",
        "keep": "Conservar lo escrito",
    },
    "en": {
        "name": "Description",
        "host": "SMTP server",
        "port": "SMTP port",
        "security": "Connection security",
        "way": "Authenticate with",
        "user": "User name",
        "password": "Password",
        "active": "Active",
        "filter": "From filter",
        "save": "Save",
        "default": "Use this account as default From",
        "ask": "Use {} as default From?",
        "yes": "Use as default From",
        "no": "Cancel",
        "region": "Region",
        "replace": "Replace",
        "keep": "Keep what was typed",
    },
}


class Form:
    """The form of a server, in the words of a language."""

    def __init__(self, page: Page, language: Language) -> None:
        self.page, self.language, self.words = page, language, WORDS[language]

    def field(self, name: str) -> Locator:
        # A required field has a star at the end of its label.
        form = self.page.locator("#server-form")
        return form.get_by_label(self.words[name], exact=True).or_(
            form.get_by_label(f"{self.words[name]}*", exact=True)
        )

    def choose(self, provider: Provider) -> None:
        self.page.get_by_role("radio", name=provider.named(self.language), exact=True).check()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=self.words[name], exact=True)

    def expect(self, provider: Provider) -> None:
        expect(self.field("host")).to_have_value(provider.host)
        expect(self.field("port")).to_have_value(provider.port)
        expect(self.field("security")).to_have_value(provider.security)
        expect(self.field("way")).to_have_value(provider.way)
        expect(self.page.locator(".advice:visible li")).to_have_count(3)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("language", ["es", "en"])
def test_every_provider(visitors: Visitors, language: Language, width: int) -> None:
    page = visitors.open("marta", width=width, language=language)
    form = Form(page, language)
    go(page, NEW)
    PICTURES.mkdir(exist_ok=True)
    for provider in PROVIDERS:
        # One after the other on the same page: each takes back what the one before had filled in.
        form.choose(provider)
        form.expect(provider)
        page.screenshot(path=PICTURES / f"preset-{provider.code}-{language}-{width}.png", animations="disabled")
    form.choose(PROVIDERS[2])
    if language == "es":
        assert look(page, "presets") == []


def test_from_the_provider_to_a_saved_server(visitors: Visitors) -> None:
    halves: list[tuple[Language, list[Provider]]] = [("es", PROVIDERS[::2]), ("en", PROVIDERS[1::2])]
    for language, providers in halves:
        _set_up(visitors.open("marta", language=language), language, providers)


def _set_up(page: Page, language: Language, providers: list[Provider]) -> None:
    form = Form(page, language)
    for provider in providers:
        go(page, NEW)
        form.choose(provider)
        form.expect(provider)
        name = f"{provider.label} {uuid4().hex[:6]}"
        form.field("name").fill(name)
        if not provider.host:
            form.field("host").fill("smtp.miempresa.example")
        if provider.account:
            form.field("user").fill(provider.account)
        if provider.way == "password":
            form.field("password").fill("una-clave")
        # Archived: it takes no part in what other tests send.
        form.field("active").uncheck()
        form.button("save").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(form.field("host")).to_have_value(provider.host or "smtp.miempresa.example")
        if provider.way == "microsoft":
            expect(page.locator("[name=from_filter]")).to_have_value(provider.account)
            _ask_for_default_from(page, form, name, provider.account)


def _ask_for_default_from(page: Page, form: Form, name: str, account: str) -> None:
    # What was saved is no news any more for who writes on, and covers nothing.
    page.wait_for_function("!!customElements.get('d-toasts')")
    form.field("name").press("End")
    form.field("name").press_sequentially(" ")
    expect(page.locator(".toast--success")).to_have_count(0, timeout=2500)
    expect(form.button("save")).to_be_visible()

    form.button("default").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(form.words["ask"].format(account))
    expect(page.locator(".impact")).to_contain_text(account)
    expect(form.button("yes")).to_be_visible()
    page.get_by_role("link", name=form.words["no"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_what_was_typed_is_replaced_only_after_asking(visitors: Visitors) -> None:
    page = visitors.open("marta")
    form = Form(page, "es")
    gmail, mailgun = PROVIDERS[1], PROVIDERS[6]
    dialog = page.get_by_role("dialog", name="¿Sustituir lo escrito?")
    go(page, NEW)
    form.field("host").fill("smtp.mio.example")

    form.choose(gmail)
    expect(dialog).to_contain_text("smtp.mio.example → smtp.gmail.com")
    form.button("keep").click()
    expect(form.field("host")).to_have_value("smtp.mio.example")
    expect(form.field("port")).to_have_value("465")

    form.choose(mailgun)
    form.button("replace").click()
    expect(dialog).to_be_hidden()
    form.expect(mailgun)
    # Nobody typed this one.
    form.field("region").select_option("mailgun/eu")
    expect(form.field("host")).to_have_value("smtp.eu.mailgun.org")
    form.choose(gmail)
    form.expect(gmail)
    expect(dialog).to_be_hidden()


def test_without_script_a_button_fills_it_in(visitors: Visitors) -> None:
    page = visitors.open("marta", script=False)
    form = Form(page, "es")
    go(page, NEW)
    form.field("host").fill("smtp.mio.example")
    form.choose(PROVIDERS[1])
    page.get_by_role("button", name="Rellenar con los datos del proveedor").click()
    expect(form.field("host")).to_have_value("smtp.mio.example")
    expect(form.field("port")).to_have_value("465")
    expect(page.get_by_text("Se ha conservado lo escrito.")).to_be_visible()


class TestTheFilter:
    """Written as tags, sent as text."""

    @pytest.fixture
    def page(self, visitors: Visitors) -> Page:
        page = visitors.open("marta")
        go(page, NEW)
        return page

    def tags(self, page: Page) -> Locator:
        return page.locator("d-tags li")

    def test_tags_come_and_go_by_keyboard(self, page: Page) -> None:
        box = page.get_by_label("Filtro Desde", exact=True)
        box.press_sequentially("Ventas@B.example,@c.example")
        box.press("Enter")
        expect(self.tags(page)).to_have_text([r"Dirección: ventas@b.example", r"Dominio: c.example"])
        expect(page.locator("[name=from_filter]")).to_have_value("ventas@b.example, c.example")
        box.press("Backspace")
        expect(self.tags(page)).to_have_count(1)
        page.get_by_role("button", name="Quitar ventas@b.example").click()
        expect(self.tags(page)).to_have_count(0)
        expect(box).to_be_focused()

    def test_what_is_pasted_is_taken_apart(self, page: Page) -> None:
        page.get_by_label("Filtro Desde", exact=True).fill("a@b.example; c.example, a@b.example")
        expect(self.tags(page)).to_have_count(2)

    def test_a_wrong_one_stays_and_says_why(self, page: Page, visitors: Visitors) -> None:
        page.get_by_label("Filtro Desde", exact=True).fill("ana@, b.example,")
        expect(self.tags(page).first).to_have_class("chip chip--danger")
        expect(page.get_by_text("«ana@»: Una dirección tiene")).to_be_visible()
        with visitors.expecting("status of 422"):
            page.get_by_role("button", name="Guardar", exact=True).click()
            expect(page.locator("#id_from_filter_error")).to_contain_text("«ana@»")
        expect(self.tags(page)).to_have_count(2)
        expect(self.tags(page).first).to_have_class("chip chip--danger")
