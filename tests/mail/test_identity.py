"""Identity rules: what a mail is about decides under which address it leaves when it may not keep its author's."""

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType

from daeris.documents.models import Invoice, Opportunity, SaleOrder
from mail import planning, replanning
from mail.addresses import Mailbox
from mail.models import Domain, IdentityRule, Mail, Options, Server
from mail.planning import About, about
from tests.mail.conftest import deliver_all

pytestmark = pytest.mark.django_db

STRANGER = Mailbox("Eva", "eva@x.example")


@pytest.fixture
def teams(db):
    return {name: Group.objects.create(name=name) for name in ("Ventas", "Facturación")}


@pytest.fixture
def shop(company, teams):
    """Two alias domains and four rules, the narrow one before the wide ones."""
    Domain.objects.create(name="second.example", default_from="post", bounce="rebotes")
    order, invoice = (ContentType.objects.get_for_model(model) for model in (SaleOrder, Invoice))
    rules = [
        (order, teams["Ventas"], "ventas"),
        (order, None, "pedidos@second.example"),
        (invoice, None, "facturas@elsewhere.example"),
        (None, teams["Facturación"], "cobros"),
    ]
    for position, (kind, team, default_from) in enumerate(rules):
        IdentityRule.objects.create(position=position, document_type=kind, team=team, default_from=default_from)
    Server.objects.create(
        name="S", host="h.example", from_filter="miempresa.example, second.example, elsewhere.example"
    )


# document, team, author → domain, default From, bounce
CASES = [
    (None, None, STRANGER, "miempresa.example notificaciones@miempresa.example -"),
    (Opportunity, None, STRANGER, "miempresa.example notificaciones@miempresa.example -"),
    (Opportunity, "Ventas", STRANGER, "miempresa.example notificaciones@miempresa.example -"),
    (SaleOrder, "Ventas", STRANGER, "miempresa.example ventas@miempresa.example -"),
    (SaleOrder, None, STRANGER, "second.example pedidos@second.example rebotes"),
    (SaleOrder, "Facturación", STRANGER, "second.example pedidos@second.example rebotes"),
    (Invoice, None, STRANGER, "miempresa.example facturas@elsewhere.example -"),
    (Invoice, "Facturación", STRANGER, "miempresa.example facturas@elsewhere.example -"),
    (Opportunity, "Facturación", STRANGER, "miempresa.example cobros@miempresa.example -"),
    # a local part alone belongs to the domain that the mail would have anyway
    (SaleOrder, "Ventas", Mailbox("", "eva@second.example"), "second.example ventas@second.example rebotes"),
    (Invoice, None, Mailbox("", "eva@second.example"), "second.example facturas@elsewhere.example rebotes"),
    (None, None, Mailbox("", "eva@second.example"), "second.example post@second.example rebotes"),
]


@pytest.mark.parametrize(("model", "team", "author", "expected"), CASES)
def test_the_first_rule_that_fits_gives_the_default_from(shop, teams, model, team, author, expected):
    kind = ContentType.objects.get_for_model(model).pk if model else None
    of = About(kind, teams[team].pk if team else None)
    domain = planning.snapshot().domain_for(author, of)
    assert f"{domain.name} {domain.default_from} {domain.bounce or '-'}" == expected


def test_rules_count_in_their_order(shop, teams):
    of = about(SaleOrder(team=teams["Ventas"]))
    IdentityRule.objects.filter(default_from="ventas").update(position=9)
    Options.raise_version()
    assert planning.snapshot().domain_for(None, of).default_from == "pedidos@second.example"


def test_an_address_that_is_none_is_as_if_there_were_no_rule(shop):
    IdentityRule.objects.update(default_from="no address")
    Options.raise_version()
    assert planning.snapshot().domain_for(None, about(SaleOrder())).default_from == "notificaciones@miempresa.example"


def test_a_document_without_teams_has_none(company):
    assert about(company).team_id is None
    assert about(None) == About()


def test_a_mail_remembers_what_it_is_about_and_is_sent_so(shop, teams, make_mails, make_content):
    order = SaleOrder.objects.create(team=teams["Ventas"])
    content = make_content(author_name="Eva", author_address="eva@x.example")
    (mail,) = make_mails(content=content, document=order)
    assert (mail.document_type, mail.team) == (ContentType.objects.get_for_model(SaleOrder), teams["Ventas"])
    (alone,) = make_mails(content=content)
    assert (alone.document_type, alone.team) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_what_is_sent_bears_the_address_of_its_kind(company, teams, server, smtp_double, make_mails, make_content):
    server.from_filter = "miempresa.example"
    server.save()
    IdentityRule.objects.create(team=teams["Ventas"], default_from="ventas")
    content = make_content(author_name="Eva", author_address="eva@x.example")
    make_mails(content=content, document=SaleOrder.objects.create(team=teams["Ventas"]))
    make_mails(content=content, document=SaleOrder.objects.create())
    deliver_all()
    assert sorted(received.message["From"] for received in smtp_double.mails) == [
        "Eva <notificaciones@miempresa.example>",
        "Eva <ventas@miempresa.example>",
    ]


def test_waiting_mail_follows_a_change_of_the_rules(company, teams, make_mails, make_content):
    wide = Server.objects.create(name="W", host="h.example", from_filter="miempresa.example")
    narrow = Server.objects.create(name="N", host="h.example", from_filter="ventas@miempresa.example")
    content = make_content(author_address="eva@x.example")
    (mail,) = make_mails(content=content, document=SaleOrder.objects.create(team=teams["Ventas"]))
    assert mail.server == wide

    rule = IdentityRule.objects.create(team=teams["Ventas"], default_from="ventas")
    assert replanning.plan_anew(planning.snapshot()) == 1
    assert Mail.objects.get(pk=mail.pk).server == narrow
    rule.delete()
    replanning.plan_anew(planning.snapshot())
    assert Mail.objects.get(pk=mail.pk).server == wide


def test_a_team_that_goes_takes_its_rules_with_it(shop, teams):
    version = planning.snapshot().version
    teams["Ventas"].delete()
    assert planning.snapshot().version > version
    assert "ventas" not in {rule.default_from for rule in planning.snapshot().identities}


def test_the_message_id_is_of_the_domain_of_its_kind(shop, alice, customer):
    order = SaleOrder.objects.create(customer=customer)
    message = order.post(body="Hola", author=alice, to=[customer])
    assert message.message_id.endswith("@second.example>")


def test_without_an_alias_domain_a_local_part_is_no_address(teams):
    IdentityRule.objects.create(team=teams["Ventas"], default_from="ventas")
    IdentityRule.objects.create(team=teams["Facturación"], default_from="cobros@x.example")
    known = planning.snapshot()
    assert known.domain_for(None, About(None, teams["Ventas"].pk)).default_from == ""
    assert known.domain_for(None, About(None, teams["Facturación"].pk)).default_from == "cobros@x.example"
