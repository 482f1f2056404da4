"""Deleting a record: asked first, refused in words when something depends on it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chatter.models import Message
from daeris.documents.models import Opportunity, SaleOrder
from daeris.models import User
from mail.models import Contact

pytestmark = pytest.mark.django_db


def test_a_document_is_deleted_after_a_question(as_alice: Client, alice: User, document: Any) -> None:
    document.post(author=alice, body="<p>Hola</p>")
    url = f"{document.get_absolute_url()}delete/"
    question = as_alice.get(url)
    assert question.status_code == 200
    assert str(document).encode() in question.content
    response = as_alice.post(url)
    assert response.status_code == 303
    assert not type(document).objects.filter(pk=document.pk).exists()
    assert not Message.objects.exists()


def test_the_question_comes_in_a_dialog_too(as_alice: Client, document: Any) -> None:
    part = as_alice.get(f"{document.get_absolute_url()}delete/", headers={"HX-Request": "true"})
    assert b"<html" not in part.content
    assert b'method="post"' in part.content


def test_bob_may_not_delete_and_sees_no_button(as_bob: Client, document: Any) -> None:
    url = f"{document.get_absolute_url()}delete/"
    assert [as_bob.get(url).status_code, as_bob.post(url).status_code] == [403, 403]
    assert url.encode() not in as_bob.get(document.get_absolute_url()).content
    assert as_bob.put(url).status_code == 405


def test_a_customer_is_kept_and_told_why(as_alice: Client, customer: Contact, opportunity: Opportunity) -> None:
    SaleOrder.objects.create(customer=customer)
    SaleOrder.objects.create(customer=customer)
    url = reverse("documents:contact_delete", args=[customer.pk])
    for response in (as_alice.get(url), as_alice.post(url)):
        words = response.content.decode()
        assert "Julia Ferrer" in words
        assert "btn--danger-solid" not in words
    english = as_alice.get(url, headers={"Accept-Language": "en"}).content.decode()
    assert "is the customer of 1 opportunity and 2 sale orders" in english
    assert as_alice.post(url).status_code == 422
    assert Contact.objects.filter(pk=customer.pk).exists()


def test_who_took_part_in_a_conversation_is_kept(as_alice: Client, alice: User, opportunity: Opportunity) -> None:
    heard = Contact.objects.create(name="Oyente", email="oyente@acme.example")
    wrote = Contact.objects.create(name="Autora", email="autora@acme.example")
    opportunity.post(author=wrote, body="<p>Hola</p>")
    opportunity.post(author=alice, body="<p>Hola</p>", to=[heard])
    for contact in (heard, wrote):
        url = reverse("documents:contact_delete", args=[contact.pk])
        assert as_alice.post(url).status_code == 422
        assert Contact.objects.filter(pk=contact.pk).exists()


def test_the_contact_of_a_user_goes_with_the_user_only(as_alice: Client, bob: User) -> None:
    url = reverse("documents:contact_delete", args=[bob.contact.pk])
    assert [as_alice.get(url).status_code, as_alice.post(url).status_code] == [403, 403]


def test_a_contact_nobody_needs_is_deleted(as_alice: Client) -> None:
    contact = Contact.objects.create(name="Nadie")
    assert as_alice.post(reverse("documents:contact_delete", args=[contact.pk])).status_code == 303
    assert not Contact.objects.filter(pk=contact.pk).exists()
