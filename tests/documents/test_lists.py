"""The lists: who sees what, what narrows them, and what they cost."""

from datetime import timedelta
from time import process_time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localdate

from daeris.documents import listing
from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.models import User
from mail.models import Contact
from tests.documents.conftest import opportunities

LISTS = ["opportunities", "orders", "invoices", "contacts"]
pytestmark = pytest.mark.django_db


def names(response: Any) -> list[str]:
    return [str(row.record) for row in response.context["rows"]]


@pytest.mark.parametrize("name", LISTS)
def test_who_is_not_known_logs_in_first(client: Client, name: str) -> None:
    response = client.get(reverse(f"documents:{name}"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_only_read(as_alice: Client, name: str) -> None:
    assert as_alice.post(reverse(f"documents:{name}")).status_code == 405


@pytest.mark.parametrize("name", LISTS)
def test_alice_may_add_and_bob_may_not(client: Client, alice: User, bob: User, name: str) -> None:
    for user, may_add in ((alice, True), (bob, False)):
        client.force_login(user)
        response = client.get(reverse(f"documents:{name}"))
        assert response.status_code == 200
        assert response.context["may_add"] is may_add


def test_charlie_sees_what_is_in_his_charge_and_nothing_else(
    as_charlie: Client, charlie: User, opportunity: Opportunity
) -> None:
    url = reverse("documents:opportunities")
    assert names(as_charlie.get(url)) == []
    mine = Opportunity.objects.create(name="La mía", responsible=charlie)
    assert names(as_charlie.get(url)) == [mine.name]


def test_charlie_sees_no_contact_but_his_own(as_charlie: Client, customer: Contact) -> None:
    assert names(as_charlie.get(reverse("documents:contacts"))) == ["Charlie"]


@pytest.mark.parametrize("words", ["levante", "LEVANTE flota", "julia", "OP/0"])
def test_a_search_finds_every_word_wherever_it_stands(as_bob: Client, opportunity: Opportunity, words: str) -> None:
    Opportunity.objects.create(name="Otra cosa")
    found = as_bob.get(reverse("documents:opportunities"), {"q": words})
    assert opportunity.name in names(found)
    assert as_bob.get(reverse("documents:opportunities"), {"q": f"{words} nada"}).context["rows"] == []


def test_a_search_takes_no_notice_of_the_case_of_accented_letters(as_bob: Client) -> None:
    Contact.objects.create(name="Óscar Lema")
    assert names(as_bob.get(reverse("documents:contacts"), {"q": "óscar"})) == ["Óscar Lema"]


def test_the_tabs_count_the_stages_of_what_was_searched(as_bob: Client, opportunity: Opportunity) -> None:
    Opportunity.objects.create(name="Ganada", stage="won")
    Opportunity.objects.create(name="Perdida", stage="lost")
    response = as_bob.get(reverse("documents:opportunities"), {"state": "won"})
    assert names(response) == ["Ganada"]
    counts = {tab.value: int(tab.count) for tab in response.context["panel"].tabs}
    assert counts == {"": 3, "new": 1, "qualified": 0, "proposal": 0, "won": 1, "lost": 1}


def test_mine_and_nobodys(as_alice: Client, opportunity: Opportunity) -> None:
    Opportunity.objects.create(name="De nadie")
    url = reverse("documents:opportunities")
    assert names(as_alice.get(url, {"whose": "mine"})) == [opportunity.name]
    assert names(as_alice.get(url, {"whose": "nobody"})) == ["De nadie"]


def test_overdue_is_what_is_late_and_still_open(as_bob: Client) -> None:
    yesterday = localdate() - timedelta(days=1)
    late = Invoice.objects.create(stage="posted", due_on=yesterday)
    Invoice.objects.create(stage="paid", due_on=yesterday)
    Invoice.objects.create(stage="posted", due_on=localdate())
    Invoice.objects.create(stage="posted")
    response = as_bob.get(reverse("documents:invoices"), {"date": "overdue"})
    assert names(response) == [late.number]
    assert b'class="late"' in response.content


def test_the_buttons_of_other_records_lead_to_a_narrowed_list(
    as_bob: Client, order: SaleOrder, invoice: Invoice, customer: Contact
) -> None:
    Invoice.objects.create()
    url = reverse("documents:invoices")
    assert names(as_bob.get(url, {"order": order.pk})) == [invoice.number]
    assert names(as_bob.get(url, {"customer": customer.pk})) == [invoice.number]
    # A key of nothing is as if it were not there.
    for wrong in ("0", "999999", "x", "9" * 40, "-1"):
        assert len(as_bob.get(url, {"order": wrong}).context["rows"]) == 2


def test_contacts_are_narrowed_to_users_and_to_those_without_address(as_bob: Client, customer: Contact) -> None:
    Contact.objects.create(name="Sin correo")
    url = reverse("documents:contacts")
    assert names(as_bob.get(url, {"who": "users"})) == ["Bob"]
    assert names(as_bob.get(url, {"who": "others"})) == ["Julia Ferrer", "Sin correo"]
    assert names(as_bob.get(url, {"address": "none"})) == ["Sin correo"]


@pytest.mark.parametrize("sort", ["", "name", "-name", "customer", "due", "-due", "expected_revenue", "wrong"])
def test_the_pages_hold_every_row_once_in_any_order(
    as_bob: Client, bob: User, customer: Contact, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 14)
    opportunities(50, bob, customer)
    Opportunity.objects.filter(name__endswith="7").update(customer=None, closes_on=localdate())
    url: str | None = reverse("documents:opportunities") + f"?sort={sort}"
    seen: list[str] = []
    while url:
        response = as_bob.get(url)
        seen += names(response)
        url = response.context["panel"].next_url
    assert len(seen) == len(set(seen)) == 50


def test_orders_are_sorted_by_their_amount_over_pages(as_bob: Client) -> None:
    orders = SaleOrder.objects.bulk_create(SaleOrder(number=f"T{number}") for number in range(100))
    line = SaleOrder.lines.rel.related_model
    line.objects.bulk_create(line(document=one, product="x", quantity=1, price=one.pk * 7 % 101) for one in orders)
    url: str | None = reverse("documents:orders") + "?sort=-amount"
    amounts: list[Any] = []
    while url:
        response = as_bob.get(url)
        amounts += [row.record.amount for row in response.context["rows"]]
        url = response.context["panel"].next_url
    assert len(amounts) == 100
    assert amounts == sorted(amounts, reverse=True)


def test_a_list_costs_the_same_with_one_row_and_with_eighty(
    as_bob: Client, bob: User, customer: Contact, django_assert_max_num_queries: Any
) -> None:
    as_bob.get(reverse("documents:opportunities"))  # what every page asks now and then is known
    costs = []
    for count in (1, 79):
        opportunities(count, bob, customer) if count == 1 else _more(bob, customer)
        with django_assert_max_num_queries(12) as asked:
            response = as_bob.get(reverse("documents:opportunities"))
        costs.append(len(asked))
    assert len(response.context["rows"]) == 80
    assert costs[0] == costs[1]


def _more(responsible: User, customer: Contact) -> None:
    Opportunity.objects.bulk_create(
        Opportunity(number=f"OP/M{number}", name=f"Más {number}", customer=customer, responsible=responsible)
        for number in range(79)
    )


def test_eighty_rows_are_drawn_quickly(as_bob: Client, bob: User, customer: Contact) -> None:
    opportunities(80, bob, customer)
    url = reverse("documents:opportunities")
    as_bob.get(url)  # icons and templates are read once
    times = []
    for _ in range(5):
        begun = process_time()
        as_bob.get(url)
        times.append(process_time() - begun)
    assert min(times) < 0.06


def test_htmx_gets_the_list_and_not_the_page(as_bob: Client, opportunity: Opportunity) -> None:
    response = as_bob.get(reverse("documents:opportunities"), headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b'id="list"' in response.content
    assert "HX-Request" in response["Vary"]


def test_the_palette_finds_records_the_user_may_see(
    client: Client, bob: User, charlie: User, opportunity: Opportunity
) -> None:
    for user, is_found in ((bob, True), (charlie, False)):
        client.force_login(user)
        response = client.get(reverse("search"), {"q": "levante"})
        assert (opportunity.get_absolute_url().encode() in response.content) is is_found
