"""The line under the editor says as whom a message leaves, before it is written."""

import html

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Domain, IdentityRule, Options, Server
from tests.chatter.conftest import Enter
from tests.dns_double import DnsDouble


def line(client: Client, opportunity: Opportunity) -> tuple[str, str]:
    """Its tone and its words, as the page of the record has them."""
    return cut(client.get(opportunity.get_absolute_url()).content.decode())


def cut(page: str) -> tuple[str, str]:
    tag = page[page.index('<p class="composer__as"') :].partition("</p>")[0]
    tone = tag.partition('data-tone="')[2].partition('"')[0]
    return tone, html.unescape(tag.rpartition("<span>")[2].partition("</span>")[0])


def write_as(user: User, address: str) -> None:
    user.email = address
    user.save()


def test_a_message_that_keeps_its_from(outgoing: Server, opportunity: Opportunity, alice: User, enter: Enter) -> None:
    assert line(enter(alice), opportunity) == (
        "success",
        "Leaves as Alice <alice@miempresa.example> through Principal; answers go to alice@miempresa.example.",
    )


def test_a_message_under_another_address_is_amber(
    outgoing: Server, opportunity: Opportunity, alice: User, enter: Enter
) -> None:
    Server.objects.filter(pk=outgoing.pk).update(from_filter="miempresa.example")
    Options.raise_version()
    write_as(alice, "alice@x.example")
    assert line(enter(alice), opportunity) == (
        "warning",
        "Leaves as Alice <notificaciones@miempresa.example> through Principal; answers go to alice@x.example.",
    )


def test_a_message_that_would_be_refused_is_red(db: None, opportunity: Opportunity, alice: User, enter: Enter) -> None:
    Options.objects.update_or_create(pk=1, defaults={"custom_servers": True})
    assert line(enter(alice), opportunity) == ("danger", "No outgoing server is active.")
    Server.objects.create(name="Ajeno", host="h.example", from_filter="other.example")
    tone, words = line(enter(alice), opportunity)
    assert tone == "danger"
    assert words.endswith("«Ajeno» may refuse the mail.")


def test_the_kind_of_document_counts(outgoing: Server, opportunity: Opportunity, alice: User, enter: Enter) -> None:
    Server.objects.filter(pk=outgoing.pk).update(from_filter="miempresa.example")
    write_as(alice, "alice@x.example")
    opportunity.team = Group.objects.create(name="Ventas")
    opportunity.save()
    IdentityRule.objects.create(team=opportunity.team, default_from="ventas")
    assert "ventas@miempresa.example" in line(enter(alice), opportunity)[1]


def test_the_page_asks_no_name_server_and_the_composer_does(
    outgoing: Server, opportunity: Opportunity, alice: User, enter: Enter, dns_double: DnsDouble
) -> None:
    Options.objects.update(dmarc_protection="automatic")
    Options.raise_version()
    write_as(alice, "alice@lax.example")
    dns_double.publish("_dmarc.lax.example", "v=DMARC1; p=none")
    client = enter(alice)
    url = f"/chatter/{opportunity.thread.pk}/sent-as/"
    page = client.get(opportunity.get_absolute_url()).content.decode()
    assert cut(page)[0] == "warning"  # not known yet, so taken for strict
    assert f'hx-get="{url}"' in page
    assert dns_double.questions == []

    assert cut(client.get(url).content.decode()) == (
        "success",
        "Leaves as Alice <alice@lax.example> through Principal; answers go to alice@lax.example.",
    )
    assert line(client, opportunity)[0] == "success"
    assert url not in client.get(opportunity.get_absolute_url()).content.decode()


def test_only_who_may_write_is_told(
    outgoing: Server, opportunity: Opportunity, alice: User, charlie: User, enter: Enter
) -> None:
    url = f"/chatter/{opportunity.thread.pk}/sent-as/"
    assert enter(alice).get(url).status_code == 200
    assert enter(alice).post(url).status_code == 405
    assert enter(charlie).get(url).status_code == 404


@pytest.mark.parametrize("address", ["", "alice"])
def test_who_has_no_address_is_told_what_it_leaves_under(
    outgoing: Server, opportunity: Opportunity, alice: User, enter: Enter, address: str
) -> None:
    write_as(alice, address)
    assert line(enter(alice), opportunity) == (
        "warning",
        "Leaves as notificaciones@miempresa.example through Principal; answers go to notificaciones@miempresa.example.",
    )
    Domain.objects.update(default_from="")
    Options.raise_version()
    tone, words = line(enter(alice), opportunity)
    assert tone == "danger"
    assert "no default From" in words
