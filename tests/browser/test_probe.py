"""Probar conexión: the steps appear as they come, and what was found can be taken along."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.visiting import NARROW, Visitors, go
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.browser
PASSWORD = "Una-Clave-Muy-Secreta"


def test_the_steps_of_a_test_appear_as_they_come(visitors: Visitors, smtp_double: SmtpDouble) -> None:
    smtp_double.users["marta@miempresa.example"] = PASSWORD
    answer = smtp_double.hold("AUTH")
    smtp_double.answer("MAIL", "553 5.7.1 Sender address rejected: not owned by user", address="ivan@miempresa.example")
    page = visitors.open("marta", permissions=["clipboard-read", "clipboard-write"])
    go(page, "/settings/mail/servers/new/")
    page.get_by_label("Servidor SMTP").fill(smtp_double.host)
    page.get_by_label("Puerto SMTP").fill(str(smtp_double.port))
    page.get_by_label("Autenticar con").select_option("password")
    page.get_by_label("Nombre de usuario").fill("marta@miempresa.example")
    page.get_by_label("Contraseña", exact=True).fill(PASSWORD)
    expect(page.get_by_label("Destinatario de la prueba")).to_have_value("marta@miempresa.example")

    page.get_by_role("button", name="Probar conexión").click()

    report = page.locator("#server-test")
    steps = report.locator(".timeline > li")
    expect(steps.last).to_have_text(re.compile(r"5\. Iniciar sesión.*En curso"))
    expect(steps).to_have_count(5)
    answer.set()
    expect(report.locator(".alert--danger")).to_contain_text("Remitente: Sin permiso para enviar como esta dirección")
    expect(page.locator("#server-test-status")).to_contain_text("Remitente:")
    expect(steps.last).to_contain_text("Destinatario marta@miempresa.example")
    expect(steps.filter(has_text="ivan@miempresa.example")).to_contain_text("Fallido")
    expect(report.get_by_role("button", name="Usar esta cuenta como De predeterminado")).to_be_visible()
    assert smtp_double.mails == []

    report.get_by_role("button", name="Copiar informe").click()
    expect(report.get_by_role("button", name="Copiado")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "553 5.7.1 Sender address rejected: not owned by user" in copied
    assert PASSWORD not in copied
    report.scroll_into_view_if_needed()
    wrong = look(page, "server-probe")
    page.set_viewport_size({"width": NARROW, "height": 844})
    assert wrong + look(page, "server-probe") == []
