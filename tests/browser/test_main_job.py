"""The main job, from the log-in to the recipient's mailbox, on the real stack."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from daeris.demo_founding import one_page_pdf
from tests.browser.installation import Installation
from tests.browser.screens import Conversation, Mailbox, log_in_by_hand, new_opportunity, row_of
from tests.browser.visiting import Visitors, go

pytestmark = pytest.mark.browser
# The demo tries again after 15 s, give or take a fifth.
RETRY_SECONDS = 60
REFUSED, DEFERRED = "buzon.inexistente@clinicavega.example", "buzon.ocupado@hotelmirador.example"


@pytest.fixture
def page(visitors: Visitors) -> Page:
    return visitors.open("marta")


@pytest.fixture
def mailbox(visitors: Visitors) -> Mailbox:
    return Mailbox(visitors.open("marta"))


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "Condiciones año 2.pdf"
    path.write_bytes(one_page_pdf("Condiciones"))
    return path


def unique(words: str) -> str:
    """A name that nothing else in the installation has."""
    return f"{words} {uuid4().hex[:8]}"


def test_from_the_login_to_the_mailbox_of_every_other_follower(
    visitors: Visitors, daeris: Installation, mailbox: Mailbox, pdf: Path
) -> None:
    page = visitors.open(None)
    log_in_by_hand(page, "marta", daeris.passwords["marta"])
    page.get_by_role("searchbox").fill("Levante")
    page.get_by_role("link", name="Renovación flota Levante").click()
    conversation = Conversation(page)
    expect(conversation.recipients()).to_contain_text("Julia Ferrer")
    expect(conversation.recipients()).to_contain_text("y 1 seguidor")
    mailbox.wait_until_quiet("Levante")
    addresses = ("j.ferrer@grupolevante.example", "ivan@miempresa.example")
    before = {address: len(mailbox.paths(address, "Levante")) for address in ("", *addresses)}

    what = unique("A las")
    conversation.write(f"{what} ")
    conversation.press("Negrita")
    page.keyboard.insert_text("doce")
    conversation.attach(pdf)
    conversation.press("Enviar")

    arrived = [mailbox.wait_for(one, "Levante", count=before[one] + 1) for one in addresses]
    message = conversation.message(f"{what} doce")
    expect(message.get_by_role("link", name=pdf.name)).to_be_visible()
    expect(message.get_by_text("Envío: Enviado: 2.")).to_be_attached()
    assert len(mailbox.paths("Levante")) == before[""] + 2, "the author gets no copy"

    headers = mailbox.read(arrived[0])
    assert headers["From"] == "Marta Solano <marta@miempresa.example>"
    assert headers["To"] == "Julia Ferrer <j.ferrer@grupolevante.example>"
    assert "Reply-To" not in headers, "answers go to the author, who is the sender already"
    assert headers["Subject"] == "Renovación flota Levante"
    expect(mailbox.body.locator("strong")).to_have_text("doce")
    with mailbox.page.expect_download() as download:
        mailbox.page.get_by_role("link", name=pdf.name).click()
    assert download.value.suggested_filename == pdf.name
    assert download.value.path().read_bytes() == pdf.read_bytes()


def test_without_script(visitors: Visitors, mailbox: Mailbox, pdf: Path) -> None:
    name = unique("Sin guion")
    record = new_opportunity(visitors.open("marta"), name, "Julia Ferrer", ["Julia Ferrer"]).page.url
    page = visitors.open("marta", script=False)
    go(page, record)
    conversation = Conversation(page)
    conversation.composer.get_by_label("Mensaje", exact=True).fill("Con un navegador muy callado.\n\nMarta")
    conversation.composer.get_by_label(re.compile("^Adjuntar archivos")).set_input_files(pdf)
    conversation.press("Enviar")

    path = mailbox.wait_for("j.ferrer@grupolevante.example", name)
    expect(conversation.message("Con un navegador muy callado.")).to_be_visible()
    mailbox.read(path)
    expect(mailbox.body).to_contain_text("Con un navegador muy callado.")
    expect(mailbox.page.get_by_role("link", name=pdf.name)).to_be_visible()


def test_a_refused_address_is_red_and_in_plain_words(page: Page, visitors: Visitors) -> None:
    name = unique("Rechazada")
    conversation = new_opportunity(page, name, "Clara Vega", ["Clara Vega"])
    message = conversation.post("¿Le viene bien el martes?")
    failure = message.locator(".failure")
    expect(failure).to_contain_text("No enviado a Clara Vega: la dirección no existe (550).")
    expect(failure).to_contain_text("El proveedor del destinatario no conoce ese buzón.")
    message.get_by_role("button", name=re.compile("^Envío: Fallido: 1")).click()
    expect(message.get_by_role("heading", name="Destinatarios")).to_be_visible()
    expect(message.get_by_role("listitem").filter(has_text=REFUSED)).to_contain_text("Fallido")

    listed = visitors.open("marta")
    go(listed, f"/settings/mail/mails/?state=failed&q={name}")
    row = row_of(listed, name)
    expect(row).to_have_class(re.compile("row--failed"))
    expect(row).to_contain_text("550 — La dirección no existe")
    expect(row).to_contain_text("Fallido")
    row.get_by_role("link", name=name).first.click()
    problem = listed.get_by_role("article").locator(".alert")
    expect(problem).to_contain_text("La dirección no existe")
    expect(problem).to_contain_text("Corregir la dirección y volver a enviar.")
    expect(problem.locator("code")).to_contain_text("550 5.1.1")
    expect(listed.get_by_role("list", name="Estado").locator("[aria-current=step]")).to_contain_text("Fallido")


def test_send_now_and_cancel_from_the_list(page: Page) -> None:
    name = unique("Desde la lista")
    new_opportunity(page, name, "Clara Vega", ["Clara Vega"]).post("Primera.")
    go(page, f"/settings/mail/mails/?q={name}")
    row = row_of(page, name)
    expect(row).to_contain_text("Fallido")
    row.get_by_role("button", name="Reintentar…").click()
    expect(row.locator("[popover]").get_by_role("button")).to_have_text(["Enviar ahora", "Cancelar envío"])
    row.get_by_role("button", name="Enviar ahora").click()
    expect(page.get_by_role("status").filter(has_text="cola")).to_be_visible()
    # Refused once more; the list has noticed by itself.
    expect(row).to_contain_text("Fallido")
    tried_again(page, name)
    row.get_by_role("button", name="Reintentar…").click()
    row.get_by_role("button", name="Cancelar envío").click()
    expect(row).to_contain_text("Cancelado")
    expect(row).to_have_class(re.compile("row--cancelled"))


def tried_again(page: Page, name: str) -> None:
    """Two attempts are on record; looked at in another tab."""
    other = page.context.new_page()
    go(other, page.url)
    row_of(other, name).get_by_role("link", name=name).first.click()
    expect(other.get_by_role("tab", name=re.compile("^Intentos"))).to_contain_text("2")
    other.close()


def test_send_now_and_cancel_from_the_detail(page: Page) -> None:
    name = unique("Desde el detalle")
    new_opportunity(page, name, "Clara Vega", ["Clara Vega"]).post("Segunda.")
    go(page, f"/settings/mail/mails/?q={name}")
    row_of(page, name).get_by_role("link", name=name).first.click()
    detail = page.get_by_role("article")
    expect(detail.locator("[aria-current=step]")).to_have_text("Fallido")
    detail.get_by_role("button", name="Reintentar").click()
    expect(detail.get_by_role("tab", name=re.compile("^Intentos"))).to_contain_text("2")
    expect(detail.locator("[aria-current=step]")).to_have_text("Fallido")
    detail.get_by_role("tab", name=re.compile("^Intentos")).click()
    expect(detail.locator(".moment").filter(has_text="550")).to_have_count(2)
    detail.get_by_role("button", name="Cancelar envío").click()
    expect(detail.locator("[aria-current=step]")).to_have_text("Cancelado")


def test_send_now_and_cancel_from_the_chatter(page: Page) -> None:
    name = unique("Desde la conversación")
    conversation = new_opportunity(page, name, "Clara Vega", ["Clara Vega"])
    message = conversation.post("Tercera.")
    failure = message.locator(".failure")
    expect(failure).to_be_visible()
    failure.get_by_role("button", name="Reintentar").click()
    # Refused once more; the thread has noticed by itself.
    expect(failure).to_be_visible()
    go_to_mail = page.context.new_page()
    go(go_to_mail, f"/settings/mail/mails/?q={name}")
    tried_again(go_to_mail, name)
    failure.get_by_role("button", name="Cancelar").click()
    expect(failure).to_be_hidden()
    expect(message.get_by_text("Envío: Cancelado: 1.")).to_be_attached()


def test_a_deferred_address_fails_first_and_is_tried_again_by_itself(page: Page, mailbox: Mailbox) -> None:
    name = unique("Aplazada")
    message = new_opportunity(page, name, "Elena Prats", ["Elena Prats"]).post("Seguimos en contacto.")
    expect(message.locator(".failure")).to_contain_text("Aún no enviado a Elena Prats")
    expect(message.locator(".failure")).to_contain_text("(451)")
    assert mailbox.paths(DEFERRED, name) == []
    mailbox.wait_for(DEFERRED, name, within=RETRY_SECONDS)
    # The page asks for news every quarter of a minute, and when somebody comes back to it.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(message.locator(".failure")).to_be_hidden()
    expect(message.get_by_text("Envío: Enviado: 1.")).to_be_attached()


def test_two_clicks_are_one_message(page: Page, mailbox: Mailbox) -> None:
    name = unique("Dos veces")
    conversation = new_opportunity(page, name, "Julia Ferrer", ["Julia Ferrer"])
    conversation.write("Una sola vez.")
    conversation.composer.get_by_role("button", name="Enviar", exact=True).dblclick()
    expect(conversation.message("Una sola vez.")).to_have_count(1)
    # The same form twice over the wire, at the same moment.
    conversation.write("Y otra sola vez.")
    statuses = page.evaluate(
        """async () => {
            const form = document.querySelector("form.composer");
            const send = () => fetch(form.action, {method: "POST", body: new FormData(form), redirect: "manual"});
            return (await Promise.all([send(), send(), send()])).map((answer) => answer.type);
        }"""
    )
    assert statuses == ["opaqueredirect"] * 3
    mailbox.wait_for("j.ferrer@grupolevante.example", name, count=2)
    page.on("dialog", lambda dialog: dialog.accept())  # what was written is still in the box
    page.reload()
    expect(conversation.column.get_by_role("article").filter(has_text="sola vez")).to_have_count(2)
    assert len(mailbox.paths(name)) == 2


def test_a_note_leaves_to_nobody_outside(page: Page, mailbox: Mailbox) -> None:
    name = unique("Nota")
    conversation = new_opportunity(page, name, "Julia Ferrer", ["Julia Ferrer"])
    conversation.turn_to("Nota interna")
    expect(conversation.composer.get_by_text("Solo la verán los usuarios internos")).to_be_visible()
    expect(conversation.recipients()).to_contain_text("No se avisa a nadie")
    conversation.write("El margen es del 18 %.")
    conversation.press("Guardar nota")
    expect(conversation.message("El margen es del 18 %.")).to_contain_text("Nota interna")
    conversation.turn_to("Enviar mensaje")
    conversation.post("Buenos días.")
    mailbox.read(mailbox.wait_for(name))
    expect(mailbox.body).to_contain_text("Buenos días.")
    expect(mailbox.body).not_to_contain_text("margen")


def test_following_and_no_longer(page: Page, mailbox: Mailbox) -> None:
    name = unique("Seguidores")
    conversation = new_opportunity(page, name, "Julia Ferrer")
    follow = conversation.column.get_by_role("button", name="Seguir", exact=True)
    expect(follow).to_have_attribute("aria-pressed", "true")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "false")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "true")
    for person in ("Iván Pardo", "Andrés Molina"):
        conversation.add_follower(person)
    expect(conversation.recipients()).to_contain_text("Andrés Molina")
    conversation.followers().get_by_role("button", name="Quitar a Andrés Molina de los seguidores").click()
    expect(conversation.recipients()).not_to_contain_text("Andrés Molina")
    page.keyboard.press("Escape")
    # A recipient for this once: offered, because it is the customer's record.
    conversation.composer.get_by_role("button", name="Julia Ferrer", exact=True).click()
    expect(conversation.recipients()).to_contain_text("Julia Ferrer")
    conversation.post("A quien corresponda.")
    mailbox.wait_for(name, count=2)
    assert len(mailbox.paths(name, "ivan@miempresa.example")) == 1
    assert len(mailbox.paths(name, "j.ferrer@grupolevante.example")) == 1


def test_a_file_that_is_too_large_is_refused_in_words(visitors: Visitors, tmp_path: Path) -> None:
    large = tmp_path / "Vídeo de la visita.mov"
    with large.open("wb") as file:
        file.truncate(30 * 1024 * 1024)
    page = visitors.open("marta")
    conversation = new_opportunity(page, unique("Grande"), "Julia Ferrer")
    expect(conversation.composer.get_by_text(re.compile("^Adjuntar archivos, de hasta 20,0"))).to_be_attached()
    conversation.composer.get_by_label(re.compile("^Adjuntar archivos")).set_input_files(large)
    error = conversation.composer.get_by_role("alert")
    expect(error).to_contain_text(large.name)
    expect(error).to_contain_text("20,0 MB como máximo")

    silent = visitors.open("marta", script=False)
    go(silent, page.url)
    form = Conversation(silent).composer
    form.get_by_label("Mensaje", exact=True).fill("Con el vídeo.")
    form.get_by_label(re.compile("^Adjuntar archivos")).set_input_files(large)
    with visitors.expecting("422"):
        form.get_by_role("button", name="Enviar", exact=True).click()
        expect(silent.get_by_role("alert")).to_contain_text("20,0 MB como máximo")
    # What was written is not lost.
    expect(silent.get_by_label("Mensaje", exact=True)).to_have_value("Con el vídeo.")
