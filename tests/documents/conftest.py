"""The business records that these tests are about, and what a browser would send."""

from typing import Any

import pytest
from django.forms.boundfield import BoundField
from django.test import Client

from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.models import User
from mail.models import Contact
from tests.conftest import log_in


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    return log_in(client, alice)


@pytest.fixture
def as_bob(client: Client, bob: User) -> Client:
    return log_in(client, bob)


@pytest.fixture
def as_charlie(client: Client, charlie: User) -> Client:
    return log_in(client, charlie)


@pytest.fixture
def order(alice: User, customer: Contact) -> SaleOrder:
    order = SaleOrder.objects.create(customer=customer, responsible=alice)
    order.lines.create(product="Furgón eléctrico L2", quantity=16, price="1850")
    order.lines.create(product="Mantenimiento anual", description="Con sustitución", quantity=24, price="250")
    return order


@pytest.fixture
def invoice(alice: User, order: SaleOrder) -> Invoice:
    return Invoice.objects.create(customer=order.customer, responsible=alice, order=order)


@pytest.fixture(params=["opportunity", "order", "invoice"])
def document(request: pytest.FixtureRequest) -> Any:
    """Each kind of document in turn."""
    return request.getfixturevalue(request.param)


def filled(client: Client, url: str, **changes: Any) -> dict[str, Any]:
    """What the form at this address would send when nothing but `changes` is typed into it."""
    context = client.get(url).context
    sheet = context["sheet"]
    sent: dict[str, Any] = {"form_token": str(sheet.token or "")}
    for form in (sheet.form, *([sheet.lines.management_form, *sheet.lines.forms] if sheet.lines else [])):
        for field in form:
            sent |= _sent_by(field)
    return sent | changes


def _sent_by(field: BoundField) -> dict[str, Any]:
    value = field.field.widget.format_value(field.value())
    if isinstance(value, list):
        value = value[0] if value else ""
    if field.name == "DELETE":
        return {}
    sent = {field.html_name: "" if value is None else value}
    if field.field.show_hidden_initial:
        sent[field.html_initial_name] = sent[field.html_name]
    return sent


def opportunities(count: int, responsible: User, customer: Contact) -> list[Opportunity]:
    """Many opportunities, quickly."""
    return Opportunity.objects.bulk_create(
        Opportunity(number=f"OP/T{number:04d}", name=f"Trato {number:03d}", customer=customer, responsible=responsible)
        for number in range(count)
    )
