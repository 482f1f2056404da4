"""The list of e-mails: tabs, search, filters, pages, and refreshing itself."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Mail, Server
from mail.views import listing
from tests.mail.views.conftest import HTMX, MakeMail

URL = "/settings/mail/mails/"


def rows(html: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<tr id="mail-(\d+)"', html)]


def page(client: Client, **query: str) -> str:
    response = client.get(URL, query)
    assert response.status_code == 200
    return response.content.decode()


def tab_counts(html: str) -> list[str]:
    states = html[html.index('class="states"') : html.index("</nav>", html.index('class="states"'))]
    return re.findall(r'class="badge[^"]*">([^<]*)<', states)


def test_strangers_log_in_first(stranger: Client) -> None:
    assert stranger.get(URL).url.startswith("/login/")


def test_everyone_sees_own_mail_and_nobody_elses(
    make_mail: MakeMail, bob: User, charlie: User, as_bob: Client, as_charlie: Client
) -> None:
    mine, theirs = make_mail(bob), make_mail(charlie)

    assert rows(page(as_bob)) == [mine.pk]
    assert rows(page(as_charlie)) == [theirs.pk]


def test_an_administrator_sees_all_rows_newest_first(
    make_mail: MakeMail, alice: User, bob: User, as_alice: Client
) -> None:
    mails = [make_mail(alice), make_mail(bob), make_mail(None)]

    assert rows(page(as_alice)) == [mail.pk for mail in reversed(mails)]


def test_an_administrator_reads_nothing_of_others(
    make_mail: MakeMail, make_content, bob: User, as_alice: Client
) -> None:
    content = make_content(subject="Geheimnis", html="<p>Inhalt</p>", text="Inhalt")
    make_mail(bob, content=content, state="failed", failure="550 5.1.1 no mailbox for Geheimnis here")

    html = page(as_alice)

    assert "Geheimnis" not in html
    assert "no mailbox" not in html
    assert "E-mail of Bob" in html
    assert "550 — " in html  # the reason in our own words stays


def test_the_name_of_a_record_follows_its_permission(
    make_mail: MakeMail, bob: User, charlie: User, opportunity: Opportunity, as_alice: Client, as_charlie: Client
) -> None:
    make_mail(bob, document=opportunity)
    make_mail(charlie, document=opportunity)

    assert f'href="{opportunity.get_absolute_url()}"' in page(as_alice)
    html = page(as_charlie)
    assert "Renovación flota Levante" in html  # Charlie wrote there
    assert opportunity.get_absolute_url() not in html  # and may not open it

    bob.user_permissions.clear()
    Mail.objects.filter(user=charlie).delete()
    alice_without = User.objects.get(username="alice")
    alice_without.user_permissions.set(alice_without.user_permissions.filter(codename="manage_mail"))
    Opportunity.objects.update(responsible=None)
    assert "Renovación flota Levante" not in page(as_alice)


class TestTabs:
    def test_each_mail_is_in_one_tab(self, make_mail: MakeMail, bob: User, blocked: Server, as_bob: Client) -> None:
        for state in Mail.State.values:
            make_mail(bob, state=state)
        retrying = make_mail(bob, state="queued", cause="greylisted")
        waiting = make_mail(bob, state="queued", server=blocked)

        found = {tab: rows(page(as_bob, state=tab)) for tab in ("queued", "sent", "failed", "cancelled")}

        assert sorted(pk for pks in found.values() for pk in pks) == sorted(rows(page(as_bob)))
        assert {retrying.pk, waiting.pk} <= set(found["failed"])
        assert len(found["failed"]) == 4
        assert tab_counts(page(as_bob)) == ["8", "2", "1", "4", "1"]

    @pytest.mark.large
    def test_counts_stop_at_a_thousand(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        first = make_mail(bob)
        copies = [
            Mail(user=bob, content=first.content, recipient_address="x@y.example", state="sent") for _ in range(1000)
        ]
        Mail.objects.bulk_create(copies)

        assert tab_counts(page(as_bob))[:3] == ["1,000+", "0", "1,000+"]
        first.delete()
        assert tab_counts(page(as_bob))[:3] == ["1,000", "0", "1,000"]

    def test_the_menu_counts_failures_only_and_in_red(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        assert "badge--danger" not in page(as_bob)
        make_mail(bob, state="failed")
        assert "badge--danger" in as_bob.get("/settings/mail/mails/").content.decode()


class TestSearch:
    def test_by_subject_recipient_and_document(
        self, make_mail: MakeMail, bob: User, opportunity: Opportunity, as_bob: Client
    ) -> None:
        subject = make_mail(bob, subject="Recordatorio de pago")
        recipient = make_mail(bob, to="Compras@Ferrer.example")
        document = make_mail(bob, document=opportunity)

        assert rows(page(as_bob, q="recordatorio PAGO")) == [subject.pk]
        assert rows(page(as_bob, q="compras@ferrer")) == [recipient.pk]
        assert rows(page(as_bob, q="flota")) == [document.pk]
        assert rows(page(as_bob, q="nichts")) == []

    def test_nobody_finds_by_what_may_not_be_read(
        self, make_mail: MakeMail, bob: User, opportunity: Opportunity, as_alice: Client
    ) -> None:
        other = make_mail(bob, subject="Geheimnis", document=opportunity, to="Ana@Levante.example")

        assert rows(page(as_alice, q="geheimnis")) == []
        assert rows(page(as_alice, q="flota")) == []
        assert rows(page(as_alice, q="ana@levante")) == [other.pk]

    @pytest.mark.parametrize("words", ["%", "_", "'", '"><script>', "\x00", "a" * 5000, "\\"])
    def test_odd_words_find_nothing_and_break_nothing(
        self, make_mail: MakeMail, bob: User, as_bob: Client, words: str
    ) -> None:
        make_mail(bob)
        html = page(as_bob, q=words)
        assert "<script>" not in html.replace("<script type=", "")


class TestFilters:
    def test_by_day(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        today = make_mail(bob)
        days = make_mail(bob, created_at=now() - timedelta(days=3))
        make_mail(bob, created_at=now() - timedelta(days=30))

        assert rows(page(as_bob, day="today")) == [today.pk]
        assert rows(page(as_bob, day="week")) == [days.pk, today.pk]

    def test_by_lane_server_and_document_type(
        self, make_mail: MakeMail, bob: User, blocked: Server, opportunity: Opportunity, as_bob: Client
    ) -> None:
        mass, by_server = make_mail(bob, lane="mass"), make_mail(bob, server=blocked)
        about = make_mail(bob, document=opportunity)

        assert rows(page(as_bob, lane="mass")) == [mass.pk]
        assert rows(page(as_bob, server=str(blocked.pk))) == [by_server.pk]
        assert rows(page(as_bob, type=str(about.document_type_id))) == [about.pk]

    def test_mine_and_others_for_administrators_only(
        self, make_mail: MakeMail, alice: User, bob: User, as_alice: Client, as_bob: Client
    ) -> None:
        hers, his, nobodys = make_mail(alice), make_mail(bob), make_mail(None)

        assert rows(page(as_alice, whose="mine")) == [hers.pk]
        assert rows(page(as_alice, whose="others")) == [nobodys.pk, his.pk]
        assert "Sent by" not in page(as_bob)
        assert rows(page(as_bob, whose="others")) == [his.pk]

    def test_what_is_unknown_counts_as_absent(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob)
        odd = {
            "state": "x",
            "day": "never",
            "server": "99",
            "type": "'",
            "lane": "1",
            "after": "zzz",
            "sort": "subject",
        }
        assert rows(page(as_bob, **odd)) == [mail.pk]

    def test_a_filter_can_be_taken_away(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        make_mail(bob)
        assert 'aria-label="Remove the filter Today"' in page(as_bob, day="today")


class TestPages:
    @pytest.fixture(autouse=True)
    def _short_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listing, "PAGE_SIZE", 3)

    def test_forth_and_back_by_key(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mails = [make_mail(bob).pk for _ in range(7)][::-1]

        first = as_bob.get(URL)
        panel = first.context["panel"]
        second = as_bob.get(panel.next_url)
        make_mail(bob)  # what comes meanwhile moves nothing
        third = as_bob.get(second.context["panel"].next_url)
        back = as_bob.get(third.context["panel"].previous_url)

        assert rows(first.content.decode()) == mails[:3]
        assert rows(second.content.decode()) == rows(back.content.decode()) == mails[3:6]
        assert rows(third.content.decode()) == mails[6:]
        assert third.context["panel"].next_url is None

    def test_pages_stay_inside_their_tab(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        failed = [make_mail(bob, state="failed").pk for _ in range(5)][::-1]
        make_mail(bob)

        first = as_bob.get(URL, {"state": "failed"})
        second = as_bob.get(first.context["panel"].next_url)

        assert rows(first.content.decode()) + rows(second.content.decode()) == failed


class TestRefreshing:
    def version(self, html: str) -> str:
        found = re.search(r'"X-Daeris-Version": "(\w+)"', html)
        assert found
        return found[1]

    def test_nothing_is_sent_while_nothing_changes(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, state="queued")
        version = self.version(page(as_bob))

        same = as_bob.get(URL, headers={**HTMX, "X-Daeris-Version": version})
        Mail.objects.filter(pk=mail.pk).update(state="sent")
        other = as_bob.get(URL, headers={**HTMX, "X-Daeris-Version": version})

        assert same.status_code == 204
        assert other.status_code == 200
        assert other.content.decode().lstrip().startswith('<div id="mails"')
        assert self.version(other.content.decode()) != version

    def test_it_hurries_while_mail_moves(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        mail = make_mail(bob, state="sending")
        assert "ui:tick-fast" in page(as_bob)
        Mail.objects.filter(pk=mail.pk).update(state="sent")
        assert "ui:tick-fast" not in page(as_bob)

    def test_one_address_two_answers(self, bob: User, as_bob: Client) -> None:
        part, whole = as_bob.get(URL, headers=HTMX), as_bob.get(URL)
        assert b"<html" not in part.content
        assert b"<html" in whole.content
        assert "HX-Request" in part["Vary"]


class TestAlert:
    def test_failures_of_the_last_hour(self, make_mail: MakeMail, bob: User, as_bob: Client) -> None:
        make_mail(bob, state="failed", settled_at=now() - timedelta(hours=2))
        assert 'role="alert"' not in page(as_bob)

        make_mail(bob, state="failed")
        make_mail(bob, state="failed")

        html = page(as_bob)
        assert "2 e-mails did not leave in the last hour." in html
        assert "Retry all 2" in html

    def test_a_stopped_server_leads_to_its_form_for_whoever_may_mend_it(
        self, make_mail: MakeMail, bob: User, blocked: Server, as_alice: Client, as_bob: Client
    ) -> None:
        make_mail(bob, state="queued", server=blocked)

        assert reverse("mail:server", args=[blocked.pk]) in page(as_alice)
        html = page(as_bob)
        assert "1 e-mail waits and does not leave." in html
        assert "User name or password rejected" in html
        assert reverse("mail:server", args=[blocked.pk]) not in html
        assert "Authentication failed" not in page(as_alice)

    def test_others_trouble_is_not_mine(self, make_mail: MakeMail, bob: User, as_charlie: Client) -> None:
        make_mail(bob, state="failed")
        assert 'role="alert"' not in page(as_charlie)


def test_the_list_is_only_read(as_bob: Client) -> None:
    assert as_bob.post(URL).status_code == 405


def test_an_empty_list_says_so(as_charlie: Client) -> None:
    assert "No e-mail has been sent yet" in page(as_charlie)
    assert "No e-mail fits" in page(as_charlie, q="x")


def test_a_full_page_asks_nine_questions_and_a_search_ten(
    client: Client,
    make_mail: MakeMail,
    bob: User,
    django_user_model: type[User],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    boss = django_user_model.objects.create_superuser("boss", "boss@miempresa.example", "una-clave-larga")
    client.force_login(boss)
    record = Opportunity.objects.create(name="Flota")
    for number in range(90):
        state = ("sent", "failed", "queued", "cancelled")[number % 4]
        make_mail((boss, bob)[number % 2], state=state, document=record, document_name="Flota")
    page(client)
    for query, most in (({}, 9), ({"state": "failed"}, 9), ({"q": "julia"}, 10)):
        with django_assert_max_num_queries(most):
            page(client, **query)
