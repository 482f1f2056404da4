"""The sheet of a record: who reads it, who writes in it, and what is written down."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localdate

from chatter.models import Follower, Message
from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.models import User
from mail.models import Contact, Mail
from tests.documents.conftest import filled, opportunities

pytestmark = pytest.mark.django_db


def changes(record: Any) -> list[tuple[str, str, str]]:
    """What the conversation was told of changed fields, newest first."""
    messages = Message.objects.filter(thread=record.thread, kind=Message.Kind.CHANGE)
    return [(one["field"], one["old"], one["new"]) for message in messages for one in message.changes]


# -- Who ------------------------------------------------------------------------------------------


def test_bob_reads_values_and_may_not_write(as_bob: Client, document: Any) -> None:
    page = as_bob.get(document.get_absolute_url())
    assert page.status_code == 200
    assert page.context["sheet"] is None
    assert b'name="customer"' not in page.content
    assert b"Julia Ferrer" in page.content
    assert as_bob.post(document.get_absolute_url(), {"notes": "x"}).status_code == 403
    assert as_bob.post(document.get_absolute_url(), {"stage": "won"}).status_code == 403


def test_other_peoples_records_do_not_exist_for_charlie(as_charlie: Client, document: Any) -> None:
    url = document.get_absolute_url()
    assert [as_charlie.get(url).status_code, as_charlie.post(url, {}).status_code] == [404, 404]
    assert [as_charlie.get(f"{url}delete/").status_code, as_charlie.post(f"{url}delete/").status_code] == [404, 404]


def test_charlie_reads_what_is_in_his_charge(as_charlie: Client, charlie: User) -> None:
    mine = Opportunity.objects.create(name="La mía", responsible=charlie)
    assert as_charlie.get(mine.get_absolute_url()).status_code == 200
    assert as_charlie.post(mine.get_absolute_url(), {}).status_code == 403


def test_nobody_is_sent_to_log_in(client: Client, document: Any) -> None:
    assert client.get(document.get_absolute_url()).status_code == 302


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_record_knows_two_methods(as_alice: Client, document: Any, method: str) -> None:
    assert getattr(as_alice, method)(document.get_absolute_url()).status_code == 405


@pytest.mark.parametrize("name", ["opportunity_new", "order_new", "invoice_new", "contact_new"])
def test_who_may_add(client: Client, alice: User, bob: User, charlie: User, name: str) -> None:
    url = reverse(f"documents:{name}")
    for user, status in ((alice, 200), (bob, 403), (charlie, 403)):
        client.force_login(user)
        assert client.get(url).status_code == status
    client.force_login(bob)
    assert client.post(url, {}).status_code == 403
    client.force_login(alice)
    assert client.put(url).status_code == 405


# -- Making one -----------------------------------------------------------------------------------


def test_a_new_opportunity_gets_a_number_and_its_followers(as_alice: Client, alice: User, bob: User) -> None:
    url = reverse("documents:opportunity_new")
    sent = filled(as_alice, url, name="Grúa", expected_revenue="64.000,50", responsible=bob.pk)
    response = as_alice.post(url, sent, headers={"Accept-Language": "es"})
    made = Opportunity.objects.get()
    assert response.status_code == 303
    assert response["Location"] == made.get_absolute_url()
    assert (made.number, made.expected_revenue) == ("OP/0001", Decimal("64000.50"))
    followers = Follower.objects.filter(thread=made.thread).values_list("contact__user", flat=True)
    assert set(followers) == {alice.pk, bob.pk}


def test_the_same_form_sent_twice_makes_one_record(as_alice: Client) -> None:
    for name in ("opportunity", "order", "invoice", "contact"):
        url = reverse(f"documents:{name}_new")
        sent = filled(as_alice, url, name="Una vez")
        first, second = as_alice.post(url, sent), as_alice.post(url, sent)
        assert (first.status_code, second["Location"]) == (303, first["Location"]), name
    assert (Opportunity.objects.count(), SaleOrder.objects.count(), Invoice.objects.count()) == (1, 1, 1)


def test_somebody_elses_token_tells_nothing(as_alice: Client, charlie: User) -> None:
    url = reverse("documents:opportunity_new")
    sent = filled(as_alice, url, name="De Alice")
    as_alice.post(url, sent)
    charlie.user_permissions.add(*_permissions("add_opportunity"))
    other = Client()
    other.force_login(User.objects.get(pk=charlie.pk))
    assert other.post(url, sent).status_code == 403


def _permissions(codename: str) -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename=codename)


def test_a_number_that_was_taken_meanwhile_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    SaleOrder.objects.create(number="S00001")
    monkeypatch.setattr(SaleOrder, "numbered", classmethod(lambda cls, position: f"S{max(position - 1, 1):05d}"))
    assert SaleOrder.objects.create().number == "S00002"


def test_what_is_wrong_is_said_and_nothing_is_made(as_alice: Client) -> None:
    url = reverse("documents:opportunity_new")
    sent = filled(as_alice, url, name="", probability="120", expected_revenue="mucho", closes_on="ayer")
    response = as_alice.post(url, sent)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"name", "probability", "expected_revenue", "closes_on"}
    assert response.content.count(b"field__errors") >= 4
    assert not Opportunity.objects.exists()


def test_a_quotation_begins_with_the_customer_and_the_lines_of_its_opportunity(
    as_alice: Client, opportunity: Opportunity
) -> None:
    opportunity.lines.create(product="Furgón", quantity=16, price="1850")
    url = f"{reverse('documents:order_new')}?opportunity={opportunity.pk}"
    assert "29,600.00\xa0€" in as_alice.get(url, headers={"Accept-Language": "en"}).content.decode()
    as_alice.post(url, filled(as_alice, url))
    made = SaleOrder.objects.get()
    assert made.customer == opportunity.customer
    assert [(line.product, line.quantity, line.price) for line in made.lines.all()] == [("Furgón", 16, 1850)]


def test_an_invoice_knows_its_order(as_alice: Client, order: SaleOrder) -> None:
    url = f"{reverse('documents:invoice_new')}?order={order.pk}"
    as_alice.post(url, filled(as_alice, url))
    made = Invoice.objects.get()
    assert (made.order, made.total) == (order, order.total)
    page = as_alice.get(order.get_absolute_url())
    assert f"?order={order.pk}".encode() in page.content


def test_nothing_is_begun_with_what_the_user_may_not_see(client: Client, charlie: User, order: SaleOrder) -> None:
    charlie.user_permissions.add(*_permissions("add_invoice"))
    client.force_login(User.objects.get(pk=charlie.pk))
    url = f"{reverse('documents:invoice_new')}?order={order.pk}"
    assert b"Furg" not in client.get(url).content
    assert client.post(url, filled(client, url, order=order.pk)).status_code == 422


# -- Changing it ----------------------------------------------------------------------------------


def test_only_what_was_changed_is_written(as_alice: Client, opportunity: Opportunity) -> None:
    url = opportunity.get_absolute_url()
    sent = filled(as_alice, url, team=Group.objects.create(name="Norte").pk)
    # Meanwhile someone else writes other fields of the same record.
    Opportunity.objects.filter(pk=opportunity.pk).update(source="Feria", priority="high", expected_revenue=5)
    assert as_alice.post(url, sent).status_code == 303
    opportunity.refresh_from_db()
    assert (str(opportunity.team), opportunity.source, opportunity.priority) == ("Norte", "Feria", "high")
    assert opportunity.expected_revenue == 5
    # Nor is the conversation told of what this person did not do.
    assert changes(opportunity) == []


def test_changed_fields_become_one_message(as_alice: Client, bob: User, opportunity: Opportunity) -> None:
    other = Contact.objects.create(name="Andrés Molina")
    url = opportunity.get_absolute_url()
    team = Group.objects.create(name="Sur")
    as_alice.post(url, filled(as_alice, url, customer=other.pk, responsible=bob.pk, team=team.pk))
    assert Message.objects.filter(thread=opportunity.thread).count() == 1
    assert set(changes(opportunity)) == {
        ("customer", "Julia Ferrer", "Andrés Molina"),
        ("responsible", "Alice", "Bob"),
    }
    assert Follower.objects.filter(thread=opportunity.thread, contact__user=bob).exists()


def test_who_stopped_following_is_not_subscribed_again_by_a_save(
    as_alice: Client, alice: User, opportunity: Opportunity
) -> None:
    url = opportunity.get_absolute_url()
    as_alice.post(url, filled(as_alice, url, team=Group.objects.create(name="Sur").pk))
    assert not Follower.objects.filter(thread=opportunity.thread).exists()


def test_a_stage_is_entered_with_what_was_typed(as_alice: Client, opportunity: Opportunity) -> None:
    url = opportunity.get_absolute_url()
    as_alice.post(url, filled(as_alice, url, team=Group.objects.create(name="Sur").pk, stage="qualified"))
    opportunity.refresh_from_db()
    assert (opportunity.stage, str(opportunity.team), opportunity.probability) == ("qualified", "Sur", 30)
    assert [field for field, *_ in changes(opportunity)] == ["stage"]


def test_a_judged_probability_stays_until_the_end(as_alice: Client, opportunity: Opportunity) -> None:
    url = opportunity.get_absolute_url()
    as_alice.post(url, filled(as_alice, url, probability="75", stage="proposal"))
    opportunity.refresh_from_db()
    assert opportunity.probability == 75
    as_alice.post(url, filled(as_alice, url, stage="won"))
    opportunity.refresh_from_db()
    assert (opportunity.stage, opportunity.probability) == ("won", 100)
    as_alice.post(url, filled(as_alice, url, stage="lost"))
    opportunity.refresh_from_db()
    assert (opportunity.stage, opportunity.probability) == ("lost", 0)


def test_a_stage_that_is_none_is_refused(as_alice: Client, document: Any) -> None:
    url = document.get_absolute_url()
    assert as_alice.post(url, filled(as_alice, url, stage="nonsense")).status_code == 404


def test_entering_the_stage_it_is_in_tells_nothing(as_alice: Client, document: Any) -> None:
    url = document.get_absolute_url()
    as_alice.post(url, filled(as_alice, url, stage=document.stage))
    assert changes(document) == []


def test_a_lost_record_shows_where_it_is(as_alice: Client, opportunity: Opportunity) -> None:
    Opportunity.objects.filter(pk=opportunity.pk).update(stage="lost")
    page = as_alice.get(opportunity.get_absolute_url(), headers={"Accept-Language": "en"})
    assert [(one.value, one.step.state) for one in page.context["stages"]][-1] == ("lost", "current")
    assert page.context["can_leave"] is False


def test_an_invoice_stays_with_its_order(as_alice: Client, invoice: Invoice, order: SaleOrder) -> None:
    other = SaleOrder.objects.create()
    url = invoice.get_absolute_url()
    as_alice.post(url, filled(as_alice, url, order=other.pk))
    invoice.refresh_from_db()
    assert invoice.order == order


# -- Lines ----------------------------------------------------------------------------------------


def test_lines_are_added_changed_and_deleted(as_alice: Client, order: SaleOrder) -> None:
    url = order.get_absolute_url()
    sent = filled(as_alice, url, **{"lines-0-quantity": "2", "lines-1-DELETE": "on"})
    sent |= {"lines-2-product": "Formación", "lines-2-quantity": "1", "lines-2-price": "1.234,50"}
    assert as_alice.post(url, sent, headers={"Accept-Language": "es"}).status_code == 303
    lines = [(line.product, line.quantity, line.price) for line in order.lines.all()]
    assert lines == [("Furgón eléctrico L2", 2, 1850), ("Formación", 1, Decimal("1234.50"))]


def test_a_line_without_a_price_is_asked_for_it(as_alice: Client, order: SaleOrder) -> None:
    url = order.get_absolute_url()
    response = as_alice.post(url, filled(as_alice, url, **{"lines-2-product": "Formación"}))
    assert response.status_code == 422
    assert "price" in response.context["sheet"].lines.forms[2].errors
    assert order.lines.count() == 2


def test_a_line_someone_else_deleted_is_told(as_alice: Client, order: SaleOrder) -> None:
    url = order.get_absolute_url()
    sent = filled(as_alice, url, **{"lines-0-quantity": "3"})
    first = order.lines.first()
    assert first is not None
    first.delete()
    response = as_alice.post(url, sent, headers={"Accept-Language": "en"})
    assert response.status_code == 422
    assert "Someone else has deleted this line" in response.content.decode()


def test_lines_of_another_order_are_out_of_reach(as_alice: Client, order: SaleOrder) -> None:
    other = SaleOrder.objects.create()
    line = other.lines.create(product="Ajena", quantity=1, price=1)
    url = order.get_absolute_url()
    response = as_alice.post(url, filled(as_alice, url, **{"lines-0-id": line.pk, "lines-0-product": "Mía"}))
    assert response.status_code == 422
    line.refresh_from_db()
    assert (line.product, line.document) == ("Ajena", other)


def test_without_script_there_are_blank_lines(as_alice: Client, order: SaleOrder) -> None:
    formset = as_alice.get(order.get_absolute_url()).context["sheet"].lines
    assert (len(formset.written), len(formset.blank)) == (2, 3)


# -- Around it ------------------------------------------------------------------------------------


def test_the_neighbours_are_those_of_the_list_it_was_opened_from(
    as_bob: Client, bob: User, alice: User, customer: Contact
) -> None:
    made = opportunities(6, bob, customer)
    Opportunity.objects.filter(pk__in=[made[0].pk, made[2].pk, made[4].pk]).update(responsible=alice)
    kept = [made[1], made[3], made[5]]
    page = as_bob.get(kept[1].get_absolute_url(), {"whose": "mine"})
    around = page.context["neighbours"]
    assert around.previous == f"{kept[2].get_absolute_url()}?whose=mine"
    assert around.next == f"{kept[0].get_absolute_url()}?whose=mine"
    assert (around.position, int(around.count)) == (2, 3)
    assert as_bob.get(kept[1].get_absolute_url()).context["neighbours"].position == 3


def test_neighbours_follow_the_order_of_the_list(as_bob: Client, bob: User, customer: Contact) -> None:
    made = opportunities(3, bob, customer)
    for days, record in zip((9, None, 3), made, strict=True):
        due = None if days is None else localdate() + timedelta(days=days)
        Opportunity.objects.filter(pk=record.pk).update(closes_on=due)
    around = as_bob.get(made[0].get_absolute_url(), {"sort": "due"}).context["neighbours"]
    assert around.previous.startswith(made[2].get_absolute_url())
    assert around.next.startswith(made[1].get_absolute_url())


def test_a_record_costs_the_same_with_few_lines_and_with_many(
    as_bob: Client, order: SaleOrder, django_assert_max_num_queries: Any
) -> None:
    as_bob.get(order.get_absolute_url())  # the conversation is made when it is first shown
    costs = []
    for count in (1, 60):
        for number in range(count):
            order.lines.create(product=f"Producto {number}", quantity=1, price=1)
        with django_assert_max_num_queries(40) as asked:
            as_bob.get(order.get_absolute_url())
        costs.append(len(asked))
    assert costs[0] == costs[1]


def test_a_wrong_token_is_no_token(as_alice: Client) -> None:
    url = reverse("documents:contact_new")
    for token in ("", "x", str(uuid4())):
        assert as_alice.post(url, filled(as_alice, url, name="Ana", form_token=token)).status_code == 303


def test_the_button_of_its_e_mails_leads_to_them(client: Client, alice: User, opportunity: Opportunity) -> None:
    other = Opportunity.objects.create(name="Otra", customer=opportunity.customer)
    for record in (opportunity, other):
        record.post(author=alice, body="<p>Hola</p>", to=[opportunity.customer])
    Mail.objects.filter(document_id=opportunity.pk).update(state="failed", cause="mailbox_unknown")
    client.force_login(alice)
    (button,) = client.get(opportunity.get_absolute_url()).context["stats"]
    assert (int(button.count), int(button.failed)) == (1, 1)
    page = client.get(button.url)
    assert opportunity.name.encode() in page.content
    assert b"Otra" not in page.content
    # A key that cannot be one is no filter.
    assert client.get(f"{reverse('mail:mails')}?record=1-{'9' * 30}").status_code == 200
