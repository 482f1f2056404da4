"""The test of a connection: with the values on the screen, in the background, and for nobody else's eyes."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from daeris.models import User
from mail import probe_runs, probing, tasks
from mail.models import Domain, Probe, Server
from tests.lab.waiting import eventually
from tests.mail.conftest import deliver_all
from tests.mail.views.conftest import HTMX
from tests.smtp_double import SmtpDouble

LIST = "/settings/mail/servers/"
SECRET = "muy-secreto-ñ"
GOOD = "Connection to outgoing mail server successful"


def values(double: SmtpDouble, **changes: Any) -> dict[str, Any]:
    """What the form sends for a server without log-in."""
    where = {"host": double.host, "port": str(double.port), "security": "none", "authentication": "none"}
    return {"name": "Corporativo", "priority": "10", "active": "on", "verify_certificate": "on", **where, **changes}


def url(server: Server, part: str = "test/") -> str:
    return f"{LIST}{server.pk}/{part}"


@pytest.fixture
def stored(db: None, smtp_doubles: Any) -> Server:
    double = smtp_doubles(users={"ana": SECRET})
    server = Server(name="Suyo", host=double.host, port=double.port, authentication="password", username="ana")
    server.set_password(SECRET)
    server.save()
    return server


def typed(server: Server, **changes: Any) -> dict[str, Any]:
    """What the form of the stored server sends when nothing was changed; its password stays where it is."""
    where = {"host": server.host, "port": str(server.port), "security": "none", "authentication": "password"}
    return {"name": server.name, "priority": "10", "active": "on", "verify_certificate": "on", "username": "ana",
            "password": "", **where, **changes}  # fmt: skip


class TestWithoutScript:
    def test_is_made_with_the_values_on_the_screen(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        html = as_alice.post(f"{LIST}test/", values(smtp_double, name="")).content.decode()
        assert GOOD in html
        assert "Nothing was sent" in html
        assert f'value="{smtp_double.port}"' in html
        assert "http-equiv" not in html
        assert smtp_double.connections == 1
        assert smtp_double.mails == []
        assert not Server.objects.exists()

    def test_says_at_which_step_it_failed(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        smtp_double.answer("CONNECT", "554 5.7.1 Go away")
        html = as_alice.post(f"{LIST}test/", values(smtp_double)).content.decode()
        assert GOOD not in html
        assert "3. Greeting" in html
        assert "Go away" in html

    def test_is_not_made_with_values_that_cannot_be(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        wrong = values(smtp_double, host="", port="x", from_filter="a b", test_to="nobody", test_send="on")
        html = as_alice.post(f"{LIST}test/", wrong).content.decode()
        assert "The connection cannot be tested yet." in html
        for label in ("SMTP server", "SMTP port", "From filter", "Recipient of the test"):
            assert f"<b>{label}:</b>" in html
        assert not Probe.objects.exists()

    def test_a_mail_needs_a_recipient(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        html = as_alice.post(f"{LIST}test/", values(smtp_double, test_send="on")).content.decode()
        assert "Write to whom the test e-mail goes." in html

    def test_names_whoever_asks_as_recipient(self, as_alice: Client) -> None:
        assert 'name="test_to" value="alice@miempresa.example"' in as_alice.get(f"{LIST}new/").content.decode()

    def test_sends_a_mail_when_it_is_asked_to(self, company: Domain, as_alice: Client, smtp_double: SmtpDouble) -> None:
        asked = values(smtp_double, test_to="julia@levante.example", test_send="on")
        html = as_alice.post(f"{LIST}test/", asked).content.decode()
        (mail,) = smtp_double.mails_to("julia@levante.example")
        assert mail.sender == "notificaciones@miempresa.example"
        assert "The test e-mail has left." in html

    def test_a_refused_sender_brings_the_advice(self, company: Domain, as_alice: Client, smtp_doubles: Any) -> None:
        account = "alice@miempresa.example"
        double = smtp_doubles(users={account: SECRET})
        double.answer("MAIL", "553 5.7.1 Sender address rejected", address="notificaciones@miempresa.example")
        log_in = {"authentication": "password", "username": account, "password": SECRET}
        response = as_alice.post(f"{LIST}test/", values(double, **log_in))
        html = response.content.decode()
        assert response.context["report"].refused == ["notificaciones@miempresa.example"]
        assert response.context["report"].narrow_filter == account
        assert f"make {account} the default From" in html
        assert html.count('name="use_as_default"') == 2  # the form's own, and this one
        assert SECRET not in html

    def test_only_three_at_once(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        for _ in range(probe_runs.MOST_AT_ONCE):
            probe_runs._room.acquire()
        try:
            html = as_alice.post(f"{LIST}test/", values(smtp_double)).content.decode()
        finally:
            for _ in range(probe_runs.MOST_AT_ONCE):
                probe_runs._room.release()
        assert "Several tests are under way already." in html
        assert smtp_double.connections == 0
        assert GOOD in as_alice.post(f"{LIST}test/", values(smtp_double)).content.decode()

    def test_a_defect_of_ours_ends_it_all_the_same(
        self, as_alice: Client, smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*args: Any) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(probing, "detail_of", broken)
        html = as_alice.post(f"{LIST}test/", values(smtp_double)).content.decode()
        assert "Internal error" in html
        assert Probe.objects.get().finished_at


class TestTheStoredSecret:
    def test_is_used_where_it_belongs(self, stored: Server, as_alice: Client) -> None:
        assert GOOD in as_alice.post(url(stored), typed(stored)).content.decode()
        wrong = as_alice.post(url(stored), typed(stored, password="otra-clave")).content.decode()
        assert GOOD not in wrong
        assert "otra-clave" not in wrong

    @pytest.mark.parametrize(
        "changes", [{"host": "evil.example"}, {"port": "2525"}, {"username": "otra"}, {"security": "starttls"}]
    )
    def test_goes_nowhere_else(self, stored: Server, as_alice: Client, changes: dict[str, str]) -> None:
        html = as_alice.post(url(stored), typed(stored, **changes)).content.decode()
        assert "Write the password again" in html
        assert not Probe.objects.exists()

    def test_nor_any_typed_one_is_written_down(
        self, stored: Server, as_alice: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        as_alice.post(url(stored), typed(stored))
        as_alice.post(url(stored), typed(stored, password="otra-clave"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM mail_probe")
            rows = str(cursor.fetchall())
        for secret in (SECRET, "otra-clave"):
            assert secret not in rows
            assert secret not in caplog.text


class TestAStoppedServer:
    @pytest.fixture
    def stopped(self, make_server: Callable[..., Server], smtp_double: SmtpDouble) -> Server:
        return make_server(smtp_double, name="Parado", blocked_cause="credentials_wrong")

    def test_goes_on_once_it_tests_well_as_it_is_stored(
        self, stopped: Server, make_mails: Any, as_alice: Client, smtp_double: SmtpDouble
    ) -> None:
        make_mails("julia@levante.example")
        deliver_all()
        assert smtp_double.mails == []

        html = as_alice.post(url(stopped), values(smtp_double, name=stopped.name)).content.decode()
        deliver_all()

        stopped.refresh_from_db()
        assert stopped.blocked_cause == ""
        assert "The server goes on" in html
        assert len(smtp_double.mails) == 1

    def test_goes_on_though_one_of_its_senders_is_refused(
        self, stopped: Server, as_alice: Client, smtp_double: SmtpDouble
    ) -> None:
        smtp_double.answer("MAIL", "553 5.7.1 Not yours", address="alice@miempresa.example")
        as_alice.post(url(stopped), values(smtp_double, name=stopped.name))
        stopped.refresh_from_db()
        assert stopped.blocked_cause == ""

    def test_stays_stopped_when_something_else_tested_well(
        self, stopped: Server, as_alice: Client, smtp_doubles: Any
    ) -> None:
        html = as_alice.post(url(stopped), values(smtp_doubles(), name=stopped.name)).content.decode()
        stopped.refresh_from_db()
        assert "Save to let the mail go that waits." in html
        assert stopped.blocked_cause


@pytest.mark.django_db(transaction=True)
class TestInTheBackground:
    @pytest.fixture(autouse=True)
    def _nothing_left(self) -> Iterator[None]:
        yield
        eventually(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("test ")])

    def finished(self, probe: Probe) -> Probe:
        def look() -> bool:
            probe.refresh_from_db()
            return probe.finished_at is not None

        eventually(look)
        return probe

    def test_the_steps_come_one_by_one(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        smtp_double.delay("EHLO", 0.5)
        begun = as_alice.post(f"{LIST}test/", values(smtp_double), headers=HTMX)
        probe = Probe.objects.get()
        where = reverse("mail:probe", args=[probe.pk])
        assert begun.status_code == 200
        assert f'hx-get="{where}?have=' in begun.content.decode()
        assert "<html" not in begun.content.decode()

        eventually(lambda: len(Probe.objects.get().steps) == 4)
        on_the_way = as_alice.get(where, {"have": "2"}, headers=HTMX)
        nothing_new = as_alice.get(where, {"have": "4"}, headers=HTMX)
        assert "4. Capabilities" in on_the_way.content.decode()
        assert "Under way" in on_the_way.content.decode()
        assert nothing_new.status_code == 204

        self.finished(probe)
        over = as_alice.get(where, {"have": "4"}, headers=HTMX).content.decode()
        assert GOOD in over
        assert "hx-trigger" not in over
        assert "Copy report" in over

    def test_in_the_language_of_whoever_asks(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        as_alice.post(f"{LIST}test/", values(smtp_double), headers={**HTMX, "accept-language": "es"})
        probe = self.finished(Probe.objects.get())
        assert [step["title"] for step in probe.steps][1] == "Conectar"

    def test_values_that_cannot_be_are_told_at_once(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        html = as_alice.post(f"{LIST}test/", values(smtp_double, host=""), headers=HTMX).content.decode()
        assert "The connection cannot be tested yet." in html
        assert "hx-trigger" not in html

    def test_a_stopped_server_goes_on(self, make_server: Any, as_alice: Client, smtp_double: SmtpDouble) -> None:
        server = make_server(smtp_double, name="Parado", blocked_cause="credentials_wrong")
        as_alice.post(url(server), values(smtp_double, name="Parado"), headers=HTMX)
        probe = self.finished(Probe.objects.get())
        server.refresh_from_db()
        assert probe.server == server
        assert server.blocked_cause == ""

    def test_a_server_that_is_deleted_meanwhile_ends_it_with_words(
        self, stored: Server, as_alice: Client, alice: User
    ) -> None:
        probe = Probe.objects.create(user=alice, server=stored)
        where = f"{reverse('mail:probe', args=[probe.pk])}?have=0"
        assert as_alice.get(where, headers=HTMX).status_code == 204
        as_alice.post(url(stored, "delete/"))

        response = as_alice.get(where, headers=HTMX)

        assert response.status_code == 200
        html = response.content.decode()
        assert "The test has ended: its server was deleted." in html
        assert "hx-trigger" not in html
        # Said to those who do not look, too.
        assert html.count("its server was deleted") == 2
        # Whoever opens the address learns nothing from it.
        assert as_alice.get(where).status_code == 404

    def test_without_script_the_page_of_a_test_asks_again_by_itself(
        self, as_alice: Client, smtp_double: SmtpDouble
    ) -> None:
        smtp_double.hang("EHLO", times=1)
        as_alice.post(f"{LIST}test/", values(smtp_double, command_seconds="1"), headers=HTMX)
        probe = Probe.objects.get()
        where = reverse("mail:probe", args=[probe.pk])
        assert '<meta http-equiv="refresh" content="2">' in as_alice.get(where).content.decode()
        self.finished(probe)
        assert "http-equiv" not in as_alice.get(where).content.decode()


class TestWhoMayRead:
    @pytest.fixture
    def probe(self, alice: User) -> Probe:
        return Probe.objects.create(user=alice, steps=[], finished_at=now())

    def test_only_whoever_began_it(
        self, probe: Probe, as_alice: Client, as_bob: Client, as_charlie: Client, stranger: Client
    ) -> None:
        where = reverse("mail:probe", args=[probe.pk])
        assert as_alice.get(where).status_code == 200
        assert as_bob.get(where).status_code == 404
        assert as_charlie.get(where).status_code == 404
        assert stranger.get(where).url.startswith("/login/")
        assert as_alice.post(where).status_code == 405

    def test_not_even_another_administrator(self, probe: Probe, bob: User, as_bob: Client) -> None:
        bob.user_permissions.add(*probe.user.user_permissions.all())  # type: ignore[union-attr]
        assert as_bob.get(f"{LIST}new/").status_code == 200
        assert as_bob.get(reverse("mail:probe", args=[probe.pk])).status_code == 404
        asked = as_bob.get(f"{reverse('mail:probe', args=[probe.pk])}?have=0", headers=HTMX).content
        assert asked == as_bob.get(f"{reverse('mail:probe', args=[uuid4()])}?have=0", headers=HTMX).content

    def test_nor_whoever_may_not_manage_servers_any_more(self, probe: Probe, alice: User, as_alice: Client) -> None:
        alice.user_permissions.clear()
        assert as_alice.get(reverse("mail:probe", args=[probe.pk])).status_code == 404


class TestAnInterruptedTest:
    def test_says_so_after_a_minute(self, alice: User, as_alice: Client) -> None:
        steps = [{"phase": "resolve", "ok": True, "seconds": 0.1, "title": "Find the server", "was": "of old"}]
        probe = Probe.objects.create(user=alice, steps=[*steps, {**steps[0], "ok": None, "title": "Connect"}])
        where = reverse("mail:probe", args=[probe.pk])
        assert "Under way" in as_alice.get(where, headers=HTMX).content.decode()

        Probe.objects.update(started_at=now() - timedelta(seconds=61))

        html = as_alice.get(where, headers=HTMX).content.decode()
        assert "The test was interrupted." in html
        assert "Find the server" in html
        assert "Connect<" not in html
        assert "hx-trigger" not in html

    def test_is_forgotten_after_a_day(self, alice: User) -> None:
        old, new = (Probe.objects.create(user=alice) for _ in range(2))
        Probe.objects.filter(pk=old.pk).update(started_at=now() - timedelta(hours=25))

        tasks.tidy()

        assert list(Probe.objects.all()) == [new]
