"""The table of identities: added, changed, ordered and deleted by who manages servers, with and without script."""

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from daeris.documents.models import Invoice, SaleOrder
from mail.models import Domain, IdentityRule, Server
from tests.mail.views.conftest import HTMX

NEW = "/settings/mail/aliases/identities/new/"
ALIASES = "/settings/mail/aliases/"


@pytest.fixture
def sales(db: None) -> Group:
    return Group.objects.create(name="Ventas")


@pytest.fixture
def rules(sales: Group) -> list[IdentityRule]:
    order, invoice = (ContentType.objects.get_for_model(model) for model in (SaleOrder, Invoice))
    kinds = [(order, sales, "ventas"), (order, None, "pedidos@second.example"), (invoice, None, "facturas")]
    return [
        IdentityRule.objects.create(position=place, document_type=kind, team=team, default_from=address)
        for place, (kind, team, address) in enumerate(kinds)
    ]


def order() -> list[str]:
    return [rule.default_from for rule in IdentityRule.objects.all()]


def url(name: str, rule: IdentityRule) -> str:
    return reverse(f"mail:identity{name}", args=[rule.pk])


@pytest.mark.parametrize("name", ["", "_delete", "_move"])
def test_only_those_who_manage_servers(
    client: Client, alice: object, bob: object, rules: list[IdentityRule], name: str
) -> None:
    address = url(name, rules[0])
    assert client.get(address).status_code == 302 or name == "_move"
    client.force_login(bob)  # type: ignore[arg-type]
    assert client.post(address, {"direction": "down"}).status_code == 403
    assert order() == ["ventas", "pedidos@second.example", "facturas"]
    client.force_login(alice)  # type: ignore[arg-type]
    assert client.get(address).status_code == (405 if name == "_move" else 200)


def test_the_table_stands_below_the_domains(as_alice: Client, company: Domain, rules: list[IdentityRule]) -> None:
    html = as_alice.get(ALIASES).content.decode()
    assert html.index("ventas@miempresa.example") < html.index("pedidos@second.example") < html.index("facturas@")
    assert "Sale order" in html
    assert "Any team" in html


def test_a_line_is_added_at_the_end(as_alice: Client, rules: list[IdentityRule], sales: Group) -> None:
    answer = as_alice.post(NEW, {"team": sales.pk, "default_from": " Comercial@Miempresa.Example. "})
    assert answer.status_code == 303
    assert order()[-1] == "Comercial@miempresa.example"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"default_from": "ventas"}, "Choose a kind of document, a team, or both"),
        ({"team": "x", "default_from": "ventas"}, "valid choice"),
        ({"team": "sales", "default_from": ""}, "required"),
        ({"team": "sales", "default_from": "a b"}, "not valid"),
        ({"team": "sales", "default_from": "Ana <ana@x.example>"}, "without a name"),
        ({"team": "sales", "default_from": "a" * 65}, "too long"),
        ({"team": "sales", "document_type": "order", "default_from": "otra"}, "already"),
        ({"document_type": "user", "default_from": "ventas"}, "valid choice"),
    ],
)
def test_what_is_wrong_is_told(
    as_alice: Client, rules: list[IdentityRule], sales: Group, given: dict[str, str], words: str
) -> None:
    known = {
        "sales": sales.pk,
        "order": ContentType.objects.get_for_model(SaleOrder).pk,
        "user": ContentType.objects.get_for_model(Group).pk,
    }
    answer = as_alice.post(NEW, {name: known.get(value, value) for name, value in given.items()})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert len(order()) == 3


def test_a_line_is_changed_and_keeps_its_place(as_alice: Client, rules: list[IdentityRule]) -> None:
    as_alice.post(url("", rules[1]), {"document_type": rules[1].document_type_id, "default_from": "tienda"})
    assert order() == ["ventas", "tienda", "facturas"]


def test_a_line_is_deleted_after_a_question(as_alice: Client, rules: list[IdentityRule]) -> None:
    assert "Delete the identity ventas?" in as_alice.get(url("_delete", rules[0])).content.decode()
    as_alice.post(url("_delete", rules[0]))
    assert order() == ["pedidos@second.example", "facturas"]


@pytest.mark.parametrize(
    ("place", "direction", "expected"),
    [(0, "down", [1, 0, 2]), (0, "up", [0, 1, 2]), (2, "up", [0, 2, 1]), (2, "down", [0, 1, 2]), (1, "up", [1, 0, 2])],
)
def test_a_line_moves(
    as_alice: Client, rules: list[IdentityRule], place: int, direction: str, expected: list[int]
) -> None:
    IdentityRule.objects.update(position=0)  # as an import or an older version may have left them
    assert as_alice.post(url("_move", rules[place]), {"direction": direction}).status_code == 303
    assert order() == [rules[number].default_from for number in expected]


def test_with_script_the_table_alone_is_answered(as_alice: Client, company: Domain, rules: list[IdentityRule]) -> None:
    answer = as_alice.post(url("_move", rules[0]), {"direction": "down"}, headers=HTMX)
    html = answer.content.decode()
    assert html.strip().startswith("<section")
    assert html.index("pedidos@second.example") < html.index("ventas@miempresa.example")


def test_nonsense_moves_nothing(as_alice: Client, rules: list[IdentityRule]) -> None:
    assert as_alice.post(url("_move", rules[0]), {"direction": "away"}).status_code == 404
    assert as_alice.post(reverse("mail:identity_move", args=[10**6]), {"direction": "up"}).status_code == 404


def test_a_line_that_changes_something_is_shown_before_it_is_saved(
    as_alice: Client, company: Domain, sales: Group
) -> None:
    Server.objects.create(name="Abierto", host="h.example")
    form = {"team": sales.pk, "default_from": "comercial"}
    question = as_alice.post(NEW, form).content.decode()
    assert "Mail about: Ventas" in question
    assert "comercial@miempresa.example" in question
    assert not IdentityRule.objects.exists()
    assert as_alice.post(NEW, {**form, "confirmed": "1"}).status_code == 303
    rule = IdentityRule.objects.get()
    assert "Mail about: Ventas" in as_alice.get(url("_delete", rule)).content.decode()
