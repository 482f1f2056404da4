"""The list of outgoing servers: order, state, use, and what is done from there."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from daeris.models import User
from mail.models import Change, ConnectionShare, Domain, Grant, Lane, Mail, Options, Server, Tally, Usage
from tests.lab.ca import Authority
from tests.mail.views.conftest import HTMX, MakeMail

LIST = "/settings/mail/servers/"
MINUTE = timedelta(minutes=1)
ACTIONS = ("move", "active", "pause", "delete")


@pytest.fixture
def three(company: Domain) -> list[Server]:
    return [
        Server.objects.create(name=name, host=f"{name.lower()}.example", priority=priority)
        for name, priority in (("Primero", 10), ("Segundo", 20), ("Tercero", 30))
    ]


def url(server: Server, part: str = "") -> str:
    return f"{LIST}{server.pk}/{part}/" if part else f"{LIST}{server.pk}/"


def rows(client: Client, **query: str) -> list[Any]:
    return list(client.get(LIST, query).context["listing"].rows)


def names(client: Client, **query: str) -> list[str]:
    return [row.server.name for row in rows(client, **query)]


def html(client: Client, path: str = LIST) -> str:
    return client.get(path).content.decode()


def priorities() -> dict[str, int]:
    return dict(Server.objects.values_list("name", "priority"))


class TestWhoMay:
    @pytest.mark.parametrize("part", ACTIONS)
    def test_only_those_who_manage_servers(
        self, three: list[Server], as_bob: Client, as_charlie: Client, stranger: Client, part: str
    ) -> None:
        path = url(three[0], part)
        assert as_bob.post(path).status_code == 403
        assert as_charlie.post(path, {"active": "0", "confirmed": "1"}).status_code == 403
        assert stranger.post(path).url.startswith("/login/")
        assert names_in_database() == ["Primero", "Segundo", "Tercero"]

    def test_wrong_methods(self, three: list[Server], as_alice: Client) -> None:
        assert as_alice.get(url(three[0], "move")).status_code == 405
        assert as_alice.get(url(three[0], "pause")).status_code == 405
        assert as_alice.put(url(three[0], "active")).status_code == 405

    @pytest.mark.parametrize("part", ACTIONS)
    def test_not_the_server_of_the_environment(self, as_alice: Client, part: str) -> None:
        row = Server.objects.create(name="x", host="x.example", is_environment=True)
        assert as_alice.post(url(row, part), {"to": "up"}).status_code == 404


def names_in_database() -> list[str]:
    return list(Server.objects.custom().filter(active=True, is_paused=False).values_list("name", flat=True))


class TestTheList:
    def test_in_the_order_in_which_they_are_tried(self, three: list[Server], as_alice: Client) -> None:
        Server.objects.create(name="Antes", host="h.example", priority=1)
        Server.objects.create(name="Archivado", host="h.example", active=False)
        assert names(as_alice) == ["Antes", "Primero", "Segundo", "Tercero"]
        assert names(as_alice, state="archived") == ["Archivado"]

    def test_search(self, three: list[Server], as_alice: Client) -> None:
        assert names(as_alice, q="segun") == ["Segundo"]
        assert "data-move" not in as_alice.get(LIST, {"q": "segun"}).content.decode()

    def test_says_when_they_are_not_used(self, three: list[Server], as_alice: Client) -> None:
        assert "These servers are not used" not in html(as_alice)
        Options.objects.update(custom_servers=False)
        assert "These servers are not used" in html(as_alice)

    def test_costs_no_more_for_more_servers(self, make_mail: MakeMail, three: list[Server], as_alice: Client) -> None:
        as_alice.get(LIST)
        costs = []
        for more in (0, 12):
            for number in range(more):
                limited = {"limit_hour": 5, "limit_connections": 3, "from_filter": "a.example"}
                one = Server.objects.create(name=f"S{number}", host="h.example", **limited)
                ConnectionShare.objects.create(server=one, owner="w", connections=2, lease_until=now() + MINUTE)
                make_mail(None, state="queued", server=one)
                Tally.objects.create(server=one, hour=now(), sent=3)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                as_alice.get(LIST, headers=HTMX)
            costs.append(len(queries))
        assert costs[1] <= 12, costs
        assert costs[1] - costs[0] <= 4, "three for windows, one for connections, when there are any: all together"

    def test_answers_nothing_new_when_there_is_nothing_new(self, three: list[Server], as_alice: Client) -> None:
        version = as_alice.get(LIST).context["listing"].version
        headers = {**HTMX, "X-Daeris-Version": version}
        assert as_alice.get(LIST, headers=headers).status_code == 204
        Server.objects.filter(pk=three[0].pk).update(slowed_until=now() + timedelta(minutes=5))
        assert as_alice.get(LIST, headers=headers).status_code == 200

    def test_filter_as_tags(self, three: list[Server], as_alice: Client) -> None:
        Server.objects.filter(pk=three[0].pk).update(from_filter="ana@a.example, b.example, c.example, d.example")
        (row, *_others) = rows(as_alice)
        assert [(tag.text, tag.is_address) for tag in row.first_tags] == [
            ("ana@a.example", True),
            ("b.example", False),
            ("c.example", False),
        ]
        assert [tag.text for tag in row.other_tags] == ["d.example"]
        assert "Everybody" in html(as_alice)

    def test_the_last_day_in_words(self, three: list[Server], as_alice: Client) -> None:
        Tally.objects.create(server=three[0], hour=now(), sent=1200, failed=3)
        Tally.objects.create(server=three[0], hour=now() - timedelta(hours=30), sent=7)
        page = html(as_alice)
        assert "1,200 sent" in page
        assert "3 failed" in page
        row = rows(as_alice)[0]
        assert (row.sent_share, row.failed_share) == (98, 2)

    def test_limits_that_are_used(self, three: list[Server], make_mail: MakeMail, as_alice: Client) -> None:
        Server.objects.filter(pk=three[0].pk).update(limit_hour=100, limit_day=500)
        seconds = int(now().timestamp())
        Usage.objects.create(server=three[0], window="hour", slice=seconds // 60, count=93)
        Usage.objects.create(server=three[0], window="hour", slice=seconds // 60 - 70, count=50)
        Usage.objects.create(server=three[0], window="day", slice=seconds // 900, count=143)
        make_mail(None, state="sending", server=three[0])
        page = html(as_alice)
        assert "94 / 100 per hour" in page
        assert "144 / 500 per day" in page

    def test_connections_that_are_open(self, three: list[Server], as_alice: Client) -> None:
        Server.objects.filter(pk=three[0].pk).update(limit_connections=3)
        for owner, connections, lease in (("one", 2, MINUTE), ("two", 1, MINUTE), ("dead", 1, -MINUTE)):
            until = now() + lease
            ConnectionShare.objects.create(server=three[0], owner=owner, connections=connections, lease_until=until)
        for path in (LIST, url(three[0])):
            page = html(as_alice, path)
            assert "3 / 3 connections" in page
            assert "progress--danger" not in page, "that they are all in use is no alarm"
            assert "It is full" not in page
        assert "connections</span>" not in html(as_alice, url(three[1]))

    def test_how_much_waits(self, three: list[Server], make_mail: MakeMail, as_alice: Client) -> None:
        make_mail(None, state="queued", server=three[0])
        make_mail(None, state="queued", server=three[0], asked_server=three[0])
        make_mail(None, state="failed", server=three[0])
        assert "2 wait" in html(as_alice)
        assert f"?state=queued&amp;server={three[0].pk}" in html(as_alice)


class TestConditions:
    @pytest.mark.parametrize(
        ("fields", "label", "reason"),
        [
            ({}, "Ready", ""),
            ({"blocked_cause": "credentials_wrong", "blocked_at": now()}, "Stopped", "(since "),
            ({"is_paused": True}, "Paused", "until somebody"),
            (
                {"trouble_since": now(), "resting_until": now() + timedelta(minutes=4)},
                "In trouble",
                "it is tried again at about",
            ),
            ({"trouble_since": now() - timedelta(days=2)}, "In trouble", "being tried again"),
            ({"slowed_until": now() + timedelta(minutes=4)}, "Slowed down", "goes on at about"),
            ({"slowed_until": now() - timedelta(minutes=4)}, "Ready", ""),
        ],
    )
    def test_a_pill_and_a_reason(
        self, three: list[Server], as_alice: Client, fields: dict[str, Any], label: str, reason: str
    ) -> None:
        Server.objects.filter(pk=three[0].pk).update(**fields)
        found = rows(as_alice)[0].condition
        assert str(found.label) == label
        assert reason in found.reason

    def test_a_server_in_trouble_says_why(self, three: list[Server], make_mail: MakeMail, as_alice: Client) -> None:
        until = now() + timedelta(minutes=4)
        for server, resting_until in zip(three, (until, None, until), strict=True):
            Server.objects.filter(pk=server.pk).update(trouble_since=now(), resting_until=resting_until)
        for server, cause, phase, outcome in (
            (three[0], "host_unknown", "resolve", "temporary"),
            (three[0], "connection_refused", "connect", "temporary"),
            # About these mails, and not about the server.
            (three[0], "greylisted", "rcpt", "temporary"),
            (three[0], "recipient_unknown", "rcpt", "permanent"),
            (three[1], "dropped", "mail", "temporary"),
            # Nor what became of a mail whose worker ended, or whose fate nobody knows.
            (three[1], "worker_lost", "", "uncertain"),
            (three[1], "worker_stopped", "data", "temporary"),
            (three[1], "uncertain", "final", "uncertain"),
        ):
            mail = make_mail(None, state="queued", server=server)
            mail.attempts.create(server=server, cause=cause, phase=phase, outcome=outcome, started_at=now())

        reasons = [row.condition.reason for row in rows(as_alice)]

        assert reasons[0].startswith("Server does not answer on this port (since ")
        assert "; it is tried again at about " in reasons[0]
        assert reasons[1].startswith("Connection lost (since ")
        assert reasons[1].endswith("; it is being tried again.")
        # Nobody knows any more.
        assert reasons[2].startswith("It could not be reached since ")

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"trouble_since": now(), "resting_until": now() + timedelta(minutes=4)}, "It could not be reached since"),
            ({"trouble_since": now()}, "it is being tried again."),
            ({"slowed_until": now() + timedelta(minutes=4)}, "The provider asked to slow down; it goes on at about"),
        ],
    )
    def test_the_form_says_the_same(
        self, three: list[Server], as_alice: Client, fields: dict[str, Any], words: str
    ) -> None:
        assert words not in html(as_alice, url(three[0]))
        Server.objects.filter(pk=three[0].pk).update(**fields)
        assert words in html(as_alice, url(three[0]))

    def test_a_stopped_server_is_red(self, blocked: Server, as_alice: Client) -> None:
        assert "row--failed" in html(as_alice)

    def test_archived(self, three: list[Server], as_alice: Client) -> None:
        Server.objects.filter(pk=three[0].pk).update(active=False)
        assert str(rows(as_alice, state="archived")[0].condition.label) == "Archived"

    def test_a_lost_account(self, three: list[Server], as_alice: Client) -> None:
        Server.objects.filter(pk=three[0].pk).update(authentication="google")
        grant = Grant.objects.create(server=three[0], provider="google", failure="invalid_grant")
        assert str(rows(as_alice)[0].condition.label) == "Reconnect"
        # One whose tokens no key opens any more is lost as well.
        Grant.objects.filter(pk=grant.pk).update(failure="", refresh_token="lost")
        assert str(rows(as_alice)[0].condition.label) == "Reconnect"

    def test_a_secret_that_no_key_opens_any_more(self, three: list[Server], as_alice: Client) -> None:
        by_password = {"authentication": "password", "username": "ana", "password": "lost"}
        Server.objects.filter(pk=three[0].pk).update(**by_password)
        Server.objects.filter(pk=three[1].pk).update(authentication="certificate", client_key="lost")
        # Of a way to log in that nothing uses.
        Server.objects.filter(pk=three[2].pk).update(password="lost", client_key="lost")

        conditions = [row.condition for row in rows(as_alice)]

        assert [str(one.label) for one in conditions] == ["Secret unreadable", "Secret unreadable", "Ready"]
        assert "The stored password cannot be read." in conditions[0].reason
        assert "The stored private key cannot be read." in conditions[1].reason
        assert html(as_alice).count("row--failed") == 2

    @pytest.mark.parametrize(
        ("days", "label", "reason"),
        [(40, "Ready", ""), (20, "Renew soon", "ends in"), (-1, "Certificate expired", "has expired")],
    )
    def test_a_certificate_near_its_end(
        self, three: list[Server], as_alice: Client, authority: Authority, days: int, label: str, reason: str
    ) -> None:
        pem = authority.issue("ends", days=(-400, days)).pem
        Server.objects.filter(pk=three[0].pk).update(
            security="tls", authentication="certificate", client_certificate=pem
        )
        Server.objects.filter(pk=three[1].pk).update(security="starttls", ca_certificate=pem)
        for row, whose in zip(rows(as_alice), ("SSL certificate", "private CA"), strict=False):
            assert str(row.condition.label) == label
            assert reason in row.condition.reason
            assert (whose in row.condition.reason) == bool(reason)

    def test_the_certificate_that_ends_first(self, three: list[Server], as_alice: Client, authority: Authority) -> None:
        own, root = (authority.issue(f"ends{days}", days=(-400, days)).pem for days in (20, 5))
        Server.objects.filter(pk=three[0].pk).update(
            security="tls", authentication="certificate", client_certificate=own, ca_certificate=root
        )
        assert "private CA" in rows(as_alice)[0].condition.reason

    @pytest.mark.parametrize("unused", [{"security": "none"}, {"security": "tls", "verify_certificate": False}])
    def test_a_private_ca_that_nothing_is_checked_by(
        self, three: list[Server], as_alice: Client, authority: Authority, unused: dict[str, Any]
    ) -> None:
        pem = authority.issue("ends", days=(-400, 5)).pem
        Server.objects.filter(pk=three[0].pk).update(ca_certificate=pem, **unused)
        assert str(rows(as_alice)[0].condition.label) == "Ready"


class TestOrder:
    def test_by_place(self, three: list[Server], as_alice: Client) -> None:
        assert as_alice.post(url(three[2], "move"), {"place": "2"}, headers=HTMX).status_code == 204
        assert names(as_alice) == ["Primero", "Tercero", "Segundo"]
        assert priorities() == {"Primero": 10, "Tercero": 15, "Segundo": 20}

    @pytest.mark.parametrize(("to", "order"), [("up", ["S", "P", "T"]), ("down", ["P", "T", "S"])])
    def test_one_up_or_down_without_script(
        self, three: list[Server], as_alice: Client, to: str, order: list[str]
    ) -> None:
        response = as_alice.post(url(three[1], "move"), {"to": to}, follow=True)
        assert [name[0] for name in names(as_alice)] == order
        assert "is in place" in response.content.decode()

    def test_no_further_than_the_ends(self, three: list[Server], as_alice: Client) -> None:
        before = priorities()
        as_alice.post(url(three[0], "move"), {"to": "up"})
        as_alice.post(url(three[2], "move"), {"place": "99"})
        assert priorities() == before

    @pytest.mark.parametrize("data", [{}, {"place": "x"}, {"place": "-1"}, {"place": "²"}, {"to": "left"}])
    def test_nonsense(self, three: list[Server], as_alice: Client, data: dict[str, str]) -> None:
        assert as_alice.post(url(three[1], "move"), data).status_code == 400

    def test_archived_ones_have_no_place(self, three: list[Server], as_alice: Client) -> None:
        Server.objects.filter(pk=three[1].pk).update(active=False)
        assert as_alice.post(url(three[1], "move"), {"to": "up"}).status_code == 404

    def test_waiting_mail_is_planned_anew_and_it_is_written_down(self, three: list[Server], as_alice: Client) -> None:
        before = Options.load().version
        as_alice.post(url(three[2], "move"), {"to": "up"})
        assert Options.load().version > before
        change = Change.objects.get()
        assert (change.object_name, change.field, change.old, change.new) == ("Tercero", "priority", "30", "15")
        assert change.user_name == "Alice"


class TestPausingOne:
    def test_and_letting_go_on(self, three: list[Server], as_alice: Client) -> None:
        response = as_alice.post(url(three[0], "pause"), {"paused": "1"}, headers=HTMX)
        assert response.status_code == 204
        assert "servers:changed" in response.headers["HX-Trigger"]
        assert Server.objects.get(pk=three[0].pk).is_paused
        as_alice.post(url(three[0], "pause"), {"paused": "0"})
        assert not Server.objects.get(pk=three[0].pk).is_paused
        assert list(Change.objects.values_list("field", flat=True)) == ["is_paused", "is_paused"]

    def test_from_its_form_leads_back_there(self, three: list[Server], as_alice: Client) -> None:
        response = as_alice.post(url(three[0], "pause"), {"paused": "1", "back": str(three[0].pk)})
        assert response.url == url(three[0])


class TestSwitchingOff:
    def test_at_once_where_nobody_counts_on_it(self, three: list[Server], as_alice: Client) -> None:
        as_alice.post(url(three[0], "active"), {"active": "0"}, headers=HTMX)
        assert not Server.objects.get(pk=three[0].pk).active
        as_alice.post(url(three[0], "active"), {"active": "1"})
        assert Server.objects.get(pk=three[0].pk).active
        assert [change.new for change in Change.objects.order_by("pk")] == ["False", "True"]

    def test_says_first_that_mail_asks_for_it(self, three: list[Server], make_mail: MakeMail, as_alice: Client) -> None:
        make_mail(None, state="queued", server=three[0], asked_server=three[0])
        make_mail(None, state="queued", server=three[0])
        make_mail(None, state="queued", server=three[0])

        said = as_alice.post(url(three[0], "active"), {"active": "0"}).content.decode()

        assert "1 waiting e-mail asks for this very server: it will fail" in said
        assert "2 waiting e-mails will take another way" in said
        assert Server.objects.get(pk=three[0].pk).active
        as_alice.post(url(three[0], "active"), {"active": "0", "confirmed": "1"})
        assert not Server.objects.get(pk=three[0].pk).active

    def test_what_it_says_comes_true(self, three: list[Server], make_mail: MakeMail, as_alice: Client) -> None:
        from mail import planning, replanning

        asked = make_mail(None, state="queued", server=three[0], asked_server=three[0])
        other = make_mail(None, state="queued", server=three[0])
        as_alice.post(url(three[0], "active"), {"active": "0", "confirmed": "1"})
        planning.forget()
        replanning.plan_anew(planning.snapshot())
        asked, other = Mail.objects.get(pk=asked.pk), Mail.objects.get(pk=other.pk)
        assert (asked.state, asked.cause) == ("failed", "server_archived")
        assert (other.state, other.server) == ("queued", three[1])

    def test_says_first_that_it_is_the_mass_server(
        self, three: list[Server], make_mail: MakeMail, as_alice: Client
    ) -> None:
        Options.objects.update(mass_server=three[0])
        make_mail(None, state="queued", server=three[0], lane=Lane.MASS)
        said = html(as_alice, url(three[0], "active"))
        assert "It is the server of mass mail" in said
        assert "1 waiting e-mail asks for this very server" in said
        assert "data-src" in html(as_alice)

    def test_says_first_that_it_is_the_last(self, three: list[Server], as_alice: Client) -> None:
        Server.objects.exclude(pk=three[0].pk).update(active=False)
        assert "the only active server" in html(as_alice, url(three[0], "active"))

    def test_in_a_dialog(self, three: list[Server], as_alice: Client) -> None:
        part = as_alice.get(url(three[0], "active"), headers=HTMX).content.decode()
        assert "<html" not in part
        assert "No e-mail waits for it" in part

    def test_when_the_list_did_not_know_yet_the_page_asks(
        self, three: list[Server], make_mail: MakeMail, as_alice: Client
    ) -> None:
        make_mail(None, state="queued", server=three[0])
        response = as_alice.post(url(three[0], "active"), {"active": "0"}, headers=HTMX)
        assert response.headers["HX-Redirect"] == url(three[0], "active")


class TestDeleting:
    def test_asks_first(self, three: list[Server], make_mail: MakeMail, as_alice: Client) -> None:
        Options.objects.update(mass_server=three[0])
        make_mail(None, state="queued", server=three[0])
        make_mail(None, state="queued", server=three[0], asked_server=three[0])
        said = html(as_alice, url(three[0], "delete"))
        assert "2 waiting e-mails will take another way" in said
        assert "It is the server of mass mail, which will leave through the other servers" in said
        assert Server.objects.count() == 3

    def test_keeps_the_mail_and_the_story(
        self, three: list[Server], make_mail: MakeMail, bob: User, as_alice: Client
    ) -> None:
        mail = make_mail(bob, state="sent", server=three[0])
        assert as_alice.post(url(three[0], "delete")).status_code == 303
        assert Mail.objects.get(pk=mail.pk).server is None
        assert as_alice.post(url(three[0], "delete")).status_code == 404
        assert "Deleted" in html(as_alice, url(three[0], "changes"))
        assert "Primero" in html(as_alice, f"{LIST}changes/")
