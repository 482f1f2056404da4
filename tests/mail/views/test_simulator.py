"""With which server would it leave? Asked on a page, answered in words."""

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from daeris.documents.models import SaleOrder
from mail.models import Domain, IdentityRule, Mail, Options, Server
from tests.dns_double import DnsDouble
from tests.mail.views.conftest import HTMX

URL = "/settings/mail/servers/simulator/"


@pytest.fixture
def fleet(company: Domain) -> dict[str, Server]:
    rows = {"Corporativo": "miempresa.example", "Abierto": "", "Ajeno": "other.example"}
    return {name: Server.objects.create(name=name, host="h.example", from_filter=text) for name, text in rows.items()}


def ask(client: Client, **questions: object) -> str:
    return client.get(URL, questions, headers=HTMX).content.decode()


def test_only_those_who_manage_servers(client: Client, bob: object, as_alice: Client) -> None:
    assert as_alice.get(URL).status_code == 200
    assert as_alice.post(URL).status_code == 405
    as_alice.logout()
    assert as_alice.get(URL).status_code == 302
    client.force_login(bob)  # type: ignore[arg-type]
    assert client.get(URL).status_code == 403


def test_the_users_are_offered_as_senders(as_alice: Client, fleet: dict[str, Server]) -> None:
    html = as_alice.get(URL).content.decode()
    assert "Alice &lt;alice@miempresa.example&gt;" in html
    assert "Write a sender" in html


def test_the_answer_tells_server_from_and_reason(as_alice: Client, fleet: dict[str, Server]) -> None:
    html = ask(as_alice, sender="Ana Gil <ana@x.example>")
    assert "It leaves through Corporativo, under another address" in html
    assert "Ana Gil &lt;notificaciones@miempresa.example&gt;" in html
    assert "Ana Gil &lt;ana@x.example&gt;" in html  # Reply-To
    assert "lists the domain of the default From" in html
    assert "It has no From filter; a server that lists the sender comes first." in html
    assert "Its From filter does not let ana@x.example, notificaciones@miempresa.example through." in html
    assert not Mail.objects.exists()


def test_a_mail_of_our_own_domain_keeps_its_from(as_alice: Client, fleet: dict[str, Server]) -> None:
    html = ask(as_alice, sender="ana@miempresa.example")
    assert "It leaves through Corporativo<" in html
    assert "None: answers go to ana@miempresa.example" in html


def test_a_server_may_be_asked_for(as_alice: Client, fleet: dict[str, Server]) -> None:
    html = ask(as_alice, sender="ana@x.example", server=fleet["Ajeno"].pk)
    assert "may refuse the mail" in html
    assert "«Ajeno» was asked for, so no other server is tried." in html


def test_kind_and_team_decide(as_alice: Client, fleet: dict[str, Server]) -> None:
    team = Group.objects.create(name="Ventas")
    kind = ContentType.objects.get_for_model(SaleOrder)
    IdentityRule.objects.create(document_type=kind, team=team, default_from="ventas")
    assert "ventas@miempresa.example" in ask(as_alice, sender="eva@x.example", document_type=kind.pk, team=team.pk)
    assert "ventas@miempresa.example" not in ask(as_alice, sender="eva@x.example", document_type=kind.pk)


def test_what_cannot_leave_says_why(as_alice: Client, fleet: dict[str, Server]) -> None:
    html = ask(as_alice, sender="ana@")
    assert "It would not leave" in html
    assert "The author&#x27;s address cannot be used." in html
    assert "valid choice" in ask(as_alice, sender="ana@x.example", server=10**6)


def test_a_server_in_trouble_is_marked(as_alice: Client, fleet: dict[str, Server]) -> None:
    fleet["Corporativo"].block(cause="credentials", reply="535 no")
    assert "Stopped" in ask(as_alice, sender="ana@miempresa.example")


def test_a_policy_is_looked_up(as_alice: Client, fleet: dict[str, Server], dns_double: DnsDouble) -> None:
    Options.objects.update(dmarc_protection="automatic")
    Server.objects.exclude(name="Abierto").delete()
    dns_double.publish("_dmarc.x.example", "v=DMARC1; p=reject")
    assert "The DMARC policy of x.example is reject" in ask(as_alice, sender="ana@x.example")
    assert "y.example has no DMARC policy" in ask(as_alice, sender="ana@y.example")


def test_without_script_the_page_answers_too(as_alice: Client, fleet: dict[str, Server]) -> None:
    html = as_alice.get(URL, {"sender": "ana@miempresa.example"}).content.decode()
    assert "<form" in html
    assert "It leaves through Corporativo" in html
