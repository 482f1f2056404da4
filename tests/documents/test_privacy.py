"""What a record must not tell of contacts and records that its reader may not see."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.models import User
from mail.models import Contact
from tests.conftest import give
from tests.documents.conftest import filled

pytestmark = pytest.mark.django_db
HIDDEN = "Hidden Person"


@pytest.fixture
def stranger_to_us(db: None) -> Contact:
    return Contact.objects.create(name=HIDDEN, email="hidden@elsewhere.example", phone="+34 600 000 000")


@pytest.fixture
def seller(charlie: User, client: Client) -> Client:
    """Writes opportunities and orders, and may not look into the contacts."""
    verbs = [
        f"documents.{verb}_{model}" for verb in ("view", "add", "change") for model in ("opportunity", "saleorder")
    ]
    client.force_login(give(charlie, *verbs))
    return client


def test_a_customer_is_chosen_among_the_contacts_one_may_see(
    seller: Client, stranger_to_us: Contact, opportunity: Opportunity
) -> None:
    url = reverse("documents:opportunity_new")
    assert HIDDEN not in seller.get(url).content.decode()

    answer = seller.post(url, filled(seller, url, name="Trato", customer=stranger_to_us.pk))

    assert answer.status_code == 422
    assert HIDDEN not in answer.content.decode()
    assert not Opportunity.objects.filter(name="Trato").exists()

    own = opportunity.get_absolute_url()
    assert seller.post(own, filled(seller, own, customer=stranger_to_us.pk)).status_code == 422


def test_the_customers_of_records_one_sees_may_be_chosen(
    seller: Client, opportunity: Opportunity, customer: Contact
) -> None:
    own = opportunity.get_absolute_url()
    assert seller.post(own, filled(seller, own, name="Otro nombre")).status_code == 303

    url = f"{reverse('documents:order_new')}?opportunity={opportunity.pk}"
    assert seller.post(url, filled(seller, url)).status_code == 303
    assert SaleOrder.objects.get().customer == customer


def test_the_order_of_an_invoice_is_shown_to_whoever_sees_it(client: Client, charlie: User, invoice: Invoice) -> None:
    client.force_login(charlie)
    Invoice.objects.update(responsible=charlie)
    SaleOrder.objects.filter(pk=invoice.order_id).update(number="S-SECRET")

    for url in (invoice.get_absolute_url(), reverse("documents:invoices"), f"{reverse('documents:invoices')}?q=SECRET"):
        assert "S-SECRET" not in client.get(url).content.decode()
    assert client.get(f"{reverse('documents:invoices')}?order={invoice.order_id}").status_code == 200

    give(charlie, "documents.view_saleorder")
    assert "S-SECRET" in client.get(invoice.get_absolute_url()).content.decode()


def test_fields_that_no_form_shows_are_not_written(as_alice: Client, opportunity: Opportunity) -> None:
    url = opportunity.get_absolute_url()
    forged: dict[str, Any] = {"number": "OP/9999", "created_at": "2001-01-01", "id": 77, "pk": 77, "probability": 20}

    assert as_alice.post(url, filled(as_alice, url, **forged)).status_code == 303

    opportunity.refresh_from_db()
    assert (opportunity.number, opportunity.created_at.year > 2001, opportunity.probability) == ("OP/0001", True, 20)


def test_nobody_renames_a_user_or_takes_over_an_account_by_its_contact(
    as_alice: Client, bob: User, alice: User
) -> None:
    url = reverse("documents:contact", args=[bob.contact.pk])
    forged = {"name": "Alice", "email": "alice@evil.example", "user": alice.pk, "company": "ACME"}

    as_alice.post(url, filled(as_alice, url, **forged))

    contact = Contact.objects.get(user=bob)
    assert (contact.name, contact.email, contact.company) == ("Bob", bob.email, "ACME")


@pytest.mark.parametrize("words", ["é " * 60, "%", "_", "\\", "\0", "a" * 5000, "' OR 1=1 --", "ß" * 90])
def test_no_words_break_a_search(as_bob: Client, opportunity: Opportunity, words: str) -> None:
    for url in ("/crm/opportunities/", "/contacts/", "/search/", "/contacts/options/", "/settings/mail/mails/"):
        assert as_bob.get(url, {"q": words}).status_code == 200


def test_the_palette_finds_nothing_for_who_sees_nothing(
    as_charlie: Client, opportunity: Opportunity, customer: Contact
) -> None:
    for words in ("Levante", "Julia", "OP/0001"):
        page = as_charlie.get("/search/", {"q": words}).content.decode()
        assert "Renovación" not in page
        assert "Julia Ferrer" not in page
