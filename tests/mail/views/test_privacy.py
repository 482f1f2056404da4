"""What an administrator of mail must not learn from a list of rows."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Mail, Server
from tests.conftest import give
from tests.mail.views.conftest import HTMX, MakeMail

URL = "/settings/mail/mails/"


@pytest.fixture
def clerk(charlie: User) -> Client:
    """Sees the rows of all mail, and no record."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(give(charlie, "mail.manage_mail"))
    return client


def keys(client: Client, **query: Any) -> list[str]:
    return [row.key for row in client.get(URL, query).context["listing"].rows]


def test_the_mails_of_a_record_one_cannot_see_are_not_told_apart(
    make_mail: MakeMail, clerk: Client, charlie: User, bob: User, opportunity: Opportunity
) -> None:
    about = ContentType.objects.get_for_model(opportunity)
    make_mail(bob, document=opportunity)
    mine = make_mail(charlie, document=opportunity)

    for query in ({"record": f"{about.pk}-{opportunity.pk}"}, {"type": str(about.pk)}):
        page = clerk.get(URL, query)
        assert [row.key for row in page.context["listing"].rows] == [str(mine.pk)]
        assert [str(tab.count) for tab in page.context["listing"].panel.tabs] == ["1", "0", "1", "0", "0"]


def test_the_mails_of_a_record_one_sees_are(
    make_mail: MakeMail, as_alice: Client, bob: User, opportunity: Opportunity
) -> None:
    about = ContentType.objects.get_for_model(opportunity)
    theirs = make_mail(bob, document=opportunity)
    make_mail(bob)

    assert keys(as_alice, record=f"{about.pk}-{opportunity.pk}") == [str(theirs.pk)]
    assert keys(as_alice, type=str(about.pk)) == [str(theirs.pk)]


def test_a_record_of_no_kind_has_no_mails(make_mail: MakeMail, as_alice: Client, bob: User) -> None:
    make_mail(bob)

    assert keys(as_alice, record="999999999-1") == []


@pytest.mark.parametrize("sort", ["subject", "content__subject", "-search", "document_name", "user"])
def test_no_order_but_the_date_is_known(make_mail: MakeMail, clerk: Client, bob: User, alice: User, sort: str) -> None:
    later = [make_mail(bob, subject="a"), make_mail(alice, subject="c"), make_mail(bob, subject="b")]

    assert keys(clerk, sort=sort) == [str(mail.pk) for mail in reversed(later)]


@pytest.mark.parametrize("name", ["mail", "mail_body"])
def test_nobody_opens_the_mail_of_others(make_mail: MakeMail, as_alice: Client, bob: User, name: str) -> None:
    for mail in (make_mail(bob), make_mail(None)):
        for headers in ({}, HTMX):
            assert as_alice.get(reverse(f"mail:{name}", args=[mail.pk]), headers=headers).status_code == 404


def test_an_answer_about_others_mail_tells_nothing_of_it(
    make_mail: MakeMail, clerk: Client, bob: User, opportunity: Opportunity
) -> None:
    mail = make_mail(bob, state="failed", subject="Geheimnis", document=opportunity, failure="550 no Geheimnis")
    for name in ("mail_retry", "mail_cancel"):
        said = clerk.post(reverse(f"mail:{name}", args=[mail.pk]), headers=HTMX)
        told = said.content.decode() + str(said.headers)
        assert "Geheimnis" not in told
        assert opportunity.name not in told
    assert Mail.objects.get().state == "cancelled"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:1"])
def test_no_way_back_leads_to_strangers(make_mail: MakeMail, as_bob: Client, bob: User, target: str) -> None:
    mail = make_mail(bob, state="failed")

    response = as_bob.post(reverse("mail:mail_retry", args=[mail.pk]), {"next": target})

    assert response["Location"] == URL


def test_a_secret_that_no_key_opens_breaks_no_page(as_alice: Client, blocked: Server) -> None:
    Server.objects.update(
        password="gAAAAAB-nobody-has-the-key", authentication="password", host="127.0.0.1", blocked_cause=""
    )
    url = reverse("mail:server", args=[blocked.pk])

    assert as_alice.get(url).status_code == 200
    assert as_alice.get(reverse("mail:servers")).status_code == 200
    assert b"gAAAAAB" not in as_alice.get(url).content
