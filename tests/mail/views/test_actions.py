"""Send now, cancel sending: one mail, many mails, all that the alert speaks of."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils.timezone import now

from daeris.models import User
from mail.models import Content, Mail, Server
from tests.mail.views.conftest import HTMX, MakeMail
from tests.mail.views.test_list import rows

BULK = "/settings/mail/mails/bulk/"


def url(mail: Mail, action: str) -> str:
    return f"/settings/mail/mails/{mail.pk}/{action}/"


def state_of(mail: Mail) -> str:
    mail.refresh_from_db()
    return mail.state


@pytest.mark.parametrize(("action", "state"), [("retry", "queued"), ("cancel", "cancelled")])
class TestOneMail:
    def test_by_its_sender(self, make_mail: MakeMail, bob: User, as_bob: Client, action: str, state: str) -> None:
        mail = make_mail(bob, state="failed")
        response = as_bob.post(url(mail, action), {"next": "/settings/mail/mails/?state=failed"})
        assert (response.status_code, response.url) == (303, "/settings/mail/mails/?state=failed")
        assert state_of(mail) == state

    def test_by_an_administrator_also_mail_of_nobody(
        self, make_mail: MakeMail, bob: User, as_alice: Client, action: str, state: str
    ) -> None:
        for mail in (make_mail(bob, state="failed"), make_mail(None, state="failed")):
            assert as_alice.post(url(mail, action)).status_code == 303
            assert state_of(mail) == state

    def test_by_nobody_else(
        self, make_mail: MakeMail, bob: User, as_charlie: Client, stranger: Client, action: str, state: str
    ) -> None:
        mail = make_mail(bob, state="failed")
        assert as_charlie.post(url(mail, action)).status_code == 404
        assert stranger.post(url(mail, action)).url.startswith("/login/")
        assert as_charlie.post(url(mail, action).replace(str(mail.pk), "999999")).status_code == 404
        assert state_of(mail) == "failed"

    def test_never_by_reading(self, make_mail: MakeMail, bob: User, as_bob: Client, action: str, state: str) -> None:
        mail = make_mail(bob, state="failed")
        assert as_bob.get(url(mail, action)).status_code == 405
        assert state_of(mail) == "failed"

    def test_htmx_gets_the_row_anew(
        self, make_mail: MakeMail, bob: User, as_bob: Client, action: str, state: str
    ) -> None:
        mail = make_mail(bob, state="failed")
        response = as_bob.post(url(mail, action), headers=HTMX)
        html = response.content.decode()
        assert rows(html) == [mail.pk]
        assert "<html" not in html
        assert "row--failed" not in html
        assert set(json.loads(response["HX-Trigger"])) == {"toast", "ui:moved"}

    def test_too_late_is_said(self, make_mail: MakeMail, bob: User, as_bob: Client, action: str, state: str) -> None:
        mail = make_mail(bob, state="sent")
        response = as_bob.post(url(mail, action), headers=HTMX)
        assert json.loads(response["HX-Trigger"])["toast"]["tone"] == "warning"
        assert state_of(mail) == "sent"

    def test_twice_is_harmless(self, make_mail: MakeMail, bob: User, as_bob: Client, action: str, state: str) -> None:
        mail = make_mail(bob, state="failed")
        as_bob.post(url(mail, action))
        as_bob.post(url(mail, action))
        assert state_of(mail) == state
        assert Mail.objects.count() == 1

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
    )
    def test_nobody_is_sent_away(
        self, make_mail: MakeMail, bob: User, as_bob: Client, action: str, state: str, target: str
    ) -> None:
        response = as_bob.post(url(make_mail(bob, state="failed"), action), {"next": target})
        assert response.url == "/settings/mail/mails/"


def test_a_secret_that_was_cancelled_is_not_offered_again_and_says_why(
    make_mail: MakeMail, make_content: Callable[..., Content], bob: User, as_bob: Client
) -> None:
    mail = make_mail(bob, state="queued", content=make_content(sensitive=True))
    as_bob.post(url(mail, "cancel"))

    pages = [
        as_bob.get(address).content.decode()
        for address in ("/settings/mail/mails/", f"/settings/mail/mails/{mail.pk}/")
    ]
    for page in pages:
        assert url(mail, "retry") not in page
        assert "Its text was erased" in page

    response = as_bob.post(url(mail, "retry"), headers=HTMX)
    assert "Ask for a new one" in json.loads(response["HX-Trigger"])["toast"]["text"]
    assert state_of(mail) == "cancelled"


class TestMenus:
    def page(self, client: Client, **query: str) -> str:
        return client.get("/settings/mail/mails/", query).content.decode()

    def test_a_red_row_offers_exactly_two_things(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, state="queued", cause="greylisted")
        html = self.page(as_bob)
        menu = html[html.index(f'id="mail-menu-{mail.pk}"') :].partition("</td>")[0]
        assert menu.count("menu__item") - menu.count("menu__item--") == 2
        assert menu.index("Send now") < menu.index("Cancel sending")

    def test_a_waiting_row_can_be_cancelled_and_a_sent_one_left_alone(
        self, make_mail: MakeMail, bob: User, as_bob: Client
    ) -> None:
        queued = make_mail(bob, state="queued")
        assert f'formaction="{url(queued, "cancel")}"' in self.page(as_bob, state="queued")
        sent = make_mail(bob, state="sent")
        assert url(sent, "cancel") not in self.page(as_bob, state="sent")


class TestMany:
    def test_the_chosen_ones(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        chosen = [make_mail(bob, state="failed"), make_mail(bob, state="queued")]
        left = make_mail(bob, state="failed")
        response = as_bob.post(BULK, {"action": "cancel", "ids": [mail.pk for mail in chosen]}, follow=True)
        assert [state_of(mail) for mail in chosen] == ["cancelled", "cancelled"]
        assert state_of(left) == "failed"
        assert "2 e-mails were cancelled." in response.content.decode()

    def test_never_other_peoples(self, make_mail: MakeMail, bob: User, as_charlie: Client) -> None:
        mail = make_mail(bob, state="failed")
        as_charlie.post(BULK, {"action": "retry", "ids": [mail.pk]})
        as_charlie.post(BULK, {"action": "retry", "scope": "trouble"})
        assert state_of(mail) == "failed"

    def test_all_that_the_alert_speaks_of(
        self, make_mail: MakeMail, bob: User, blocked: Server, as_bob: Client
    ) -> None:
        recent = make_mail(bob, state="failed")
        behind = make_mail(bob, state="queued", server=blocked, cause="credentials_wrong")
        old = make_mail(bob, state="failed", settled_at=now().replace(year=2020))
        as_bob.post(BULK, {"action": "retry", "scope": "trouble"})
        assert [state_of(mail) for mail in (recent, behind, old)] == ["queued", "queued", "failed"]
        assert behind.cause == ""

    def test_htmx_gets_the_list_as_it_was_asked_for(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        failed, other = make_mail(bob, state="failed"), make_mail(bob, state="failed")
        make_mail(bob, state="sent")
        form = {"action": "cancel", "ids": [failed.pk], "next": "/settings/mail/mails/?state=failed"}
        response = as_bob.post(BULK, form, headers=HTMX)
        html = response.content.decode()
        assert rows(html) == [other.pk]
        assert 'hx-get="/settings/mail/mails/?state=failed"' in html
        assert "toast" in json.loads(response["HX-Trigger"])

    @pytest.mark.parametrize("ids", [["x"], ["-1"], ["9" * 40], ["1; drop table"], []])
    def test_odd_keys_choose_nothing(self, make_mail: MakeMail, bob: User, as_bob: Client, ids: list[str]) -> None:
        mail = make_mail(bob, state="failed")
        assert as_bob.post(BULK, {"action": "cancel", "ids": ids}).status_code == 303
        assert state_of(mail) == "failed"

    def test_an_unknown_action_and_reading_are_refused(self, bob: User, as_bob: Client) -> None:
        assert as_bob.post(BULK, {"action": "delete"}).status_code == 404
        assert as_bob.get(BULK).status_code == 405


def test_without_its_token_nothing_happens(make_mail: MakeMail, bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    mail = make_mail(bob, state="failed")
    assert client.post(url(mail, "retry")).status_code == 403
    assert state_of(mail) == "failed"


def test_a_retry_from_here_is_delivered(
    make_mail: MakeMail, make_content: Callable[..., Content], bob: User, server: Server, smtp_double, as_bob: Client
) -> None:
    from tests.mail.conftest import deliver_all

    mail = make_mail(bob, state="failed", content=make_content())
    as_bob.post(url(mail, "retry"))
    deliver_all()
    assert state_of(mail) == "sent"
    assert len(smtp_double.mails) == 1
