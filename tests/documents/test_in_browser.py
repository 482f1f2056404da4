"""The business records in Chromium: accessible in every width and theme, usable with script and without."""

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from daeris.documents.models import Invoice, Opportunity, SaleOrder
from mail.models import Contact
from tests.ui.looking import problems_of
from tests.ui.test_in_browser import Visit, browser, person, visit

__all__ = ["browser", "person", "visit"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_every_screen_is_accessible_in_every_variant(
    visit: Visit, opportunity: Opportunity, order: SaleOrder, invoice: Invoice, customer: Contact
) -> None:
    Opportunity.objects.create(name="Perdida", stage="lost")
    paths = ["/crm/opportunities/", opportunity.get_absolute_url(), "/sales/orders/", order.get_absolute_url()]
    paths += ["/invoicing/invoices/", invoice.get_absolute_url(), "/contacts/", f"/contacts/{customer.pk}/"]
    paths += ["/crm/opportunities/?q=nada", f"/invoicing/invoices/new/?order={order.pk}", "/contacts/new/"]
    paths += [f"{order.get_absolute_url()}delete/"]
    problems = [problem for path in paths for problem in problems_of(visit.go(path), path)]
    assert problems == []
    assert visit.said == []


def test_lines_are_added_and_reckoned_as_one_types(visit: Visit, order: SaleOrder) -> None:
    page = visit.go(order.get_absolute_url())
    expect(page.locator("[data-total]")).to_have_text("35,600.00 €")
    page.get_by_role("button", name="Add a line").click()
    expect(page.locator("input[name=lines-5-product]")).to_be_focused()
    page.keyboard.type("Formación")
    page.locator("input[name=lines-5-quantity]").fill("3")
    page.locator("input[name=lines-5-price]").fill("1,390.50")
    expect(page.locator("[data-total]")).to_have_text("39,771.50 €")
    page.locator("tr.line").nth(1).get_by_text("Delete this line").locator("..").click()
    expect(page.locator("[data-total]")).to_have_text("33,771.50 €")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert [line.product for line in order.lines.all()] == ["Furgón eléctrico L2", "Formación"]
    assert visit.said == []


def test_a_stage_and_a_deletion_with_script(visit: Visit, order: SaleOrder, live_server: LiveServer) -> None:
    page = visit.go(order.get_absolute_url())
    page.get_by_role("button", name="Quotation sent").click()
    expect(page.locator(".steps [aria-current]")).to_have_text("Quotation sent")
    page.get_by_role("button", name="More actions").first.click()
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"“{order}” will be deleted")
    dialog.get_by_role("button", name="Delete").click()
    page.wait_for_url(f"{live_server.url}/sales/orders/")
    assert not SaleOrder.objects.exists()
    assert visit.said == []


@pytest.mark.parametrize("visit", [(390, "light", False)], indirect=True, ids=["no script"])
def test_everything_goes_without_script(visit: Visit, order: SaleOrder, live_server: LiveServer) -> None:
    page = visit.go(order.get_absolute_url())
    expect(page.get_by_role("button", name="Add a line")).to_be_hidden()
    page.locator("input[name=lines-2-product]").fill("Formación")
    page.locator("input[name=lines-2-price]").fill("390")
    page.locator("input[name=lines-0-DELETE]").check(force=True)
    page.get_by_role("button", name="Sale order").click()
    expect(page.locator(".steps [aria-current]")).to_have_text("Sale order")
    order.refresh_from_db()
    assert (order.stage, [line.product for line in order.lines.all()]) == (
        "confirmed",
        ["Mantenimiento anual", "Formación"],
    )
    page.goto(f"{live_server.url}{order.get_absolute_url()}delete/")
    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{live_server.url}/sales/orders/")
    assert not SaleOrder.objects.exists()
