"""Contacts: one address each, and what belongs to the user stays the user's."""

import pytest
from django.test import Client
from django.urls import reverse

from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact
from tests.documents.conftest import filled

pytestmark = pytest.mark.django_db


def url_of(contact: Contact) -> str:
    return reverse("documents:contact", args=[contact.pk])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ana@acme.example", "ana@acme.example"),
        ("  ana@acme.example ", "ana@acme.example"),
        ("Ana Ruiz <ana@acme.example>", "ana@acme.example"),
        ("", ""),
    ],
)
def test_one_address_is_kept(as_alice: Client, customer: Contact, written: str, kept: str) -> None:
    url = url_of(customer)
    assert as_alice.post(url, filled(as_alice, url, email=written)).status_code == 303
    customer.refresh_from_db()
    assert customer.email == kept


@pytest.mark.parametrize(
    "written",
    [
        "ana",
        "ana@",
        "ana@acme.example, eva@acme.example",
        "a@b.example;c@d.example",
        "ana@acme.example\nBcc: x@y.example",
    ],
)
def test_anything_else_is_refused_in_words(as_alice: Client, customer: Contact, written: str) -> None:
    url = url_of(customer)
    response = as_alice.post(url, filled(as_alice, url, email=written))
    assert response.status_code == 422
    assert response.context["form"].errors["email"]
    customer.refresh_from_db()
    assert customer.email == "j.ferrer@grupolevante.example"


def test_who_reads_a_contact(client: Client, bob: User, charlie: User, customer: Contact) -> None:
    client.force_login(bob)
    assert client.get(url_of(customer)).status_code == 200
    assert client.post(url_of(customer), {"name": "x"}).status_code == 403
    client.force_login(charlie)
    assert client.get(url_of(customer)).status_code == 404
    assert client.post(url_of(customer), {"name": "x"}).status_code == 404


def test_anyone_chooses_how_to_be_told_of_news(as_charlie: Client, charlie: User) -> None:
    url = url_of(charlie.contact)
    sent = filled(
        as_charlie, url, notify="app", language="en", time_zone="Atlantic/Canary", name="Otro", email="o@x.es"
    )
    assert as_charlie.post(url, sent).status_code == 303
    contact = Contact.objects.get(user=charlie)
    assert (contact.notify, contact.language, contact.time_zone) == ("app", "en", "Atlantic/Canary")
    # Name and address are the user's own.
    assert (contact.name, contact.email) == ("Charlie", "charlie@miempresa.example")


def test_a_time_zone_that_is_none_is_refused(as_alice: Client, customer: Contact) -> None:
    url = url_of(customer)
    assert as_alice.post(url, filled(as_alice, url, time_zone="Mars/Olympus")).status_code == 422


def test_the_sheet_counts_what_the_user_may_see_of_a_customer(
    client: Client, alice: User, charlie: User, customer: Contact, opportunity: Opportunity
) -> None:
    client.force_login(alice)
    stats = client.get(url_of(customer)).context["stats"]
    assert [(int(stat.count), stat.url) for stat in stats] == [
        (1, f"{reverse('documents:opportunities')}?customer={customer.pk}")
    ]
    client.force_login(charlie)
    assert client.get(url_of(charlie.contact)).context["stats"] == []


def test_options_for_the_customer_box(client: Client, bob: User, charlie: User, customer: Contact) -> None:
    url = reverse("documents:contact_options")
    client.force_login(bob)
    assert b"Julia Ferrer" in client.get(url, {"q": "ferrer"}).content
    assert b"Julia Ferrer" not in client.get(url, {"q": "nadie"}).content
    assert client.post(url).status_code == 405
    client.force_login(charlie)
    assert b"Julia Ferrer" not in client.get(url, {"q": "ferrer"}).content


def test_the_language_chosen_in_ones_own_contact_is_that_of_the_screens_at_once(alice: User, customer: Contact) -> None:
    client = Client(headers={"accept-language": "es"})
    client.force_login(alice)

    for contact, language in ((alice.contact, "en"), (customer, "es"), (alice.contact, "")):
        client.post(url_of(contact), filled(client, url_of(contact), language=language))
        spoken = client.get("/contacts/").headers["Content-Language"]
        contact.refresh_from_db()
        assert (contact.language, spoken) == (language, "es" if contact == alice.contact and not language else "en")
