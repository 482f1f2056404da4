"""The form of a server beyond its connection: providers, filters, limits, headers, size."""

import json
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from mail.forms.server_fields import MEGABYTE
from mail.models import Change, Domain, Options, Server
from tests.mail.views.conftest import HTMX
from tests.mail.views.test_servers import LIST, SECRET, errors, form, stored, url
from tests.smtp_double import SmtpDouble

__all__ = ["stored"]
NEW = f"{LIST}new/"
ADVANCED = {
    "ehlo_name": "ERP.MiEmpresa.example.",
    "connect_seconds": "11",
    "command_seconds": "22",
    "data_seconds": "333",
    "max_connections": "4",
    "limit_connections": "3",
    "limit_minute": "30",
    "limit_hour": "1000",
    "limit_day": "10000",
    "extra_headers": " X-Empresa:Mi Empresa \r\n",
    "largest_mail": "25",
}


def shown(response: Any) -> dict[str, Any]:
    """What stands in the fields of a page."""
    return {bound.name: bound.value() for bound in response.context["form"]}


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


class TestAProvider:
    def test_fills_an_empty_form(self, as_alice: Client) -> None:
        response = as_alice.get(NEW, {"preset": "gmail"})
        values = shown(response)
        assert (values["host"], values["port"], values["security"]) == ("smtp.gmail.com", 465, "tls")
        assert (values["preset"], values["authentication"], values["limit_day"]) == ("gmail", "password", 500)
        assert "https://myaccount.google.com/apppasswords" in response.content.decode()

    @pytest.mark.parametrize(
        ("query", "host"),
        [
            ({"preset": "ses", "region": "us-east-1"}, "email-smtp.us-east-1.amazonaws.com"),
            ({"preset": "ses"}, "email-smtp.eu-west-1.amazonaws.com"),
            ({"preset": "mailgun", "region": "eu"}, "smtp.eu.mailgun.org"),
            ({"preset": "nonsense"}, ""),
        ],
    )
    def test_has_a_server_in_each_region(self, as_alice: Client, query: dict[str, str], host: str) -> None:
        response = as_alice.get(NEW, query)
        assert shown(response)["host"] == host
        if "region" in query:
            assert shown(response)["region"] == f"{query['preset']}/{query['region']}"

    def test_without_script_a_button_fills_it_in_and_saves_nothing(self, as_alice: Client) -> None:
        typed = form(name="Ventas", host="", port="25", security="none", authentication="none", password=SECRET)
        response = as_alice.post(NEW, {**typed, "preset": "outlook", "filled": "", "fill": "1"})
        values = shown(response)
        assert response.status_code == 200
        assert (values["name"], values["host"], values["port"]) == ("Ventas", "smtp-mail.outlook.com", 587)
        assert (values["limit_minute"], values["limit_connections"]) == (30, 3)
        assert response.context["form"].errors == {}
        assert SECRET not in response.content.decode()
        assert not Server.objects.exists()

    def test_what_was_typed_is_kept_then(self, as_alice: Client) -> None:
        typed = form(host="smtp.mio.example", port="2525", username="ana@outlook.com", security="none")
        response = as_alice.post(NEW, {**typed, "preset": "outlook", "filled": "", "fill": "1"})
        values = shown(response)
        assert (values["host"], values["port"], values["security"]) == ("smtp.mio.example", "2525", "starttls")
        assert values["from_filter"] == "ana@outlook.com"
        assert "What was typed was kept." in said(response)

    def test_the_next_one_takes_back_what_the_first_filled_in(self, as_alice: Client) -> None:
        first = shown(as_alice.get(NEW, {"preset": "gmail"}))
        typed = {name: value for name, value in first.items() if value not in (None, False)}
        response = as_alice.post(NEW, {**typed, "preset": "mailgun", "filled": "gmail/", "fill": "1"})
        values = shown(response)
        assert (values["host"], values["port"], values["limit_day"]) == ("smtp.mailgun.org", 587, "")
        assert said(response) == []

    def test_of_a_stored_server_changes_nothing_by_itself(self, stored: Server, as_alice: Client) -> None:
        assert shown(as_alice.get(url(stored), {"preset": "gmail"}))["host"] == stored.host

    def test_is_kept(self, as_alice: Client) -> None:
        as_alice.post(NEW, form(password=SECRET, preset="brevo"))
        server = Server.objects.get()
        as_alice.post(url(server), form(preset=None, name="Otro"))
        assert Server.objects.get().preset == "brevo"

    def test_script_knows_the_same(self, as_alice: Client) -> None:
        response = as_alice.get(NEW)
        known = json.loads(response.context["presets"])
        assert list(known) == Server.Preset.values
        assert known["ses"]["regions"]["us-east-1"] == "email-smtp.us-east-1.amazonaws.com"


MICROSOFT = {
    "preset": "outlook",
    "host": "smtp-mail.outlook.com",
    "username": "ana@outlook.com",
    "password": SECRET,
}


class TestAnAccountThatSendsAsItselfOnly:
    @pytest.mark.parametrize("changes", [{}, {"preset": "other"}, {"preset": "other", "host": "Smtp.Office365.com"}])
    @pytest.mark.parametrize("written", ["", " , "])
    def test_needs_a_filter(self, as_alice: Client, changes: dict[str, str], written: str) -> None:
        response = as_alice.post(NEW, form(**{**MICROSOFT, **changes, "from_filter": written}))
        assert list(errors(response)) == ["from_filter"]
        assert "send as itself only" in errors(response)["from_filter"][0]
        assert not Server.objects.exists()

    @pytest.mark.parametrize(
        ("written", "words"),
        [
            ("ana@outlook.com, miempresa.example", "is a whole domain"),
            ("luis@outlook.com", "“luis@outlook.com” is not this account"),
            ("ana@outlook.com", "does not cover the default From (notificaciones@miempresa.example)"),
        ],
    )
    def test_is_saved_and_warned_about(self, as_alice: Client, company: Domain, written: str, words: str) -> None:
        saved = as_alice.post(NEW, form(**MICROSOFT, from_filter=written))
        assert saved.status_code == 303
        assert words in as_alice.get(saved.url).content.decode()


class TestAnAccountAsDefaultFrom:
    """A button saves the server; what changes for whom is shown before the account is the default From."""

    def press(self, client: Client, **changes: Any) -> Any:
        values = form(**{**MICROSOFT, "from_filter": "ana@outlook.com", **changes})
        return client.post(NEW, {**values, "use_as_default": "1"})

    def test_is_asked_about_and_told_for_whom(self, as_alice: Client, company: Domain) -> None:
        saved = self.press(as_alice)
        server = Server.objects.get()
        assert (saved.status_code, saved.url) == (303, f"{LIST}{server.pk}/default-from/")
        page = as_alice.get(saved.url)
        html = page.content.decode()
        assert "Use ana@outlook.com as default From?" in html
        assert "was saved" in html
        ways = {
            effect.who: (effect.before.header_from, effect.after.header_from)
            for effect in page.context["impact"].effects
        }
        assert ways["Mail without an author"] == ("notificaciones@miempresa.example", "ana@outlook.com")
        assert any("Alice" in who for who in ways)
        company.refresh_from_db()
        assert company.default_from == "notificaciones"

        done = as_alice.post(saved.url)
        company.refresh_from_db()
        assert company.default_from == "ana@outlook.com"
        assert (done.status_code, done.url) == (303, f"{LIST}{server.pk}/")
        html = as_alice.get(done.url).content.decode()
        assert "The default From is ana@outlook.com now." in html
        assert "Not everything will leave" not in html
        change = Change.objects.get(kind="domain", field="default_from")
        assert (change.user_name, change.old, change.new) == ("Alice", "notificaciones", "ana@outlook.com")

    def test_needs_no_question_that_changes_nothing(self, as_alice: Client, company: Domain) -> None:
        self.press(as_alice, active=None)
        server = Server.objects.get()
        as_alice.post(f"{LIST}{server.pk}/default-from/")
        again = as_alice.post(
            f"{LIST}{server.pk}/", {**form(**MICROSOFT, from_filter="ana@outlook.com"), "use_as_default": "1"}
        )
        assert again.url == f"{LIST}{server.pk}/"
        assert "The default From is ana@outlook.com now." in said(again)

    def test_in_its_own_domain_only_its_name_is_kept(self, as_alice: Client, company: Domain) -> None:
        account = {"username": "Avisos@MiEmpresa.example", "from_filter": "avisos@miempresa.example"}
        saved = self.press(as_alice, preset="microsoft365", **account)
        as_alice.post(saved.url)
        company.refresh_from_db()
        assert company.default_from == "Avisos"

    def test_makes_its_domain_where_there_is_none(self, as_alice: Client) -> None:
        as_alice.post(self.press(as_alice).url)
        domain = Domain.objects.get()
        assert (domain.name, domain.default_from, domain.is_default) == ("outlook.com", "ana", True)

    def test_whose_name_is_no_address_is_told_so(self, as_alice: Client, company: Domain) -> None:
        response = self.press(as_alice, username="ana", from_filter="b.example")
        server = Server.objects.get()
        assert response.url == f"{LIST}{server.pk}/"
        assert any("is no address" in words for words in said(response))
        assert as_alice.get(f"{LIST}{server.pk}/default-from/").status_code == 303
        assert as_alice.post(f"{LIST}{server.pk}/default-from/").status_code == 303
        company.refresh_from_db()
        assert company.default_from == "notificaciones"

    def test_of_a_server_that_is_archived_at_once_is_two_questions(self, as_alice: Client, company: Domain) -> None:
        self.press(as_alice)
        server = Server.objects.get()
        Options.objects.update(mass_server=server)
        values = form(**MICROSOFT, from_filter="ana@outlook.com", active=None)
        first = as_alice.post(f"{LIST}{server.pk}/", {**values, "use_as_default": "1"})
        assert first.url == f"{LIST}{server.pk}/default-from/?archives=1"
        archiving = f"{LIST}{server.pk}/active/"
        assert as_alice.get(first.url).context["cancel_url"] == archiving
        assert as_alice.post(as_alice.get(first.url).context["action"]).url == archiving

    def test_only_for_those_who_manage_servers(
        self, stored: Server, as_alice: Client, as_bob: Client, as_charlie: Client, stranger: Client
    ) -> None:
        path = f"{LIST}{stored.pk}/default-from/"
        assert as_bob.post(path).status_code == as_bob.get(path).status_code == 403
        assert as_charlie.post(path).status_code == 403
        assert stranger.post(path)["Location"].startswith("/login/")
        assert as_alice.put(path).status_code == 405
        row = Server.objects.create(name="x", host="x.example", username="a@b.example", is_environment=True)
        assert as_alice.get(f"{LIST}{row.pk}/default-from/").status_code == 404
        assert not Domain.objects.exists()


class TestAdvanced:
    def test_every_field_is_kept(self, as_alice: Client) -> None:
        as_alice.post(NEW, form(password=SECRET, **ADVANCED))
        server = Server.objects.get()
        assert (server.ehlo_name, server.extra_headers) == ("erp.miempresa.example", "X-Empresa: Mi Empresa")
        assert (server.connect_seconds, server.command_seconds, server.data_seconds) == (11, 22, 333)
        assert (server.max_connections, server.limit_connections) == (4, 3)
        assert (server.limit_minute, server.limit_hour, server.limit_day) == (30, 1000, 10_000)
        assert server.largest_mail == 25 * MEGABYTE

    def test_empty_fields_are_what_the_installation_says(self, as_alice: Client) -> None:
        as_alice.post(NEW, form(password=SECRET, **dict.fromkeys(ADVANCED, "")))
        server = Server.objects.get()
        assert (server.connect_seconds, server.limit_day, server.largest_mail) == (None, None, None)
        assert server.max_connections == 10

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("ehlo_name", "a b"),
            ("ehlo_name", "mail.b.example\r\nMAIL FROM:<x>"),
            ("connect_seconds", "0"),
            ("command_seconds", "601"),
            ("data_seconds", "9"),
            ("max_connections", "501"),
            ("limit_connections", "0"),
            ("limit_minute", "-1"),
            ("limit_hour", "0"),
            ("limit_day", "muchos"),
            ("extra_headers", "Subject: otro"),
            ("extra_headers", "sin dos puntos"),
            ("largest_mail", "0"),
            ("largest_mail", "-3"),
        ],
    )
    def test_what_is_wrong_is_said_and_seen(self, as_alice: Client, field: str, value: str) -> None:
        response = as_alice.post(NEW, form(password=SECRET, **{field: value}))
        assert list(errors(response)) == [field]
        assert '<details class="settings__more" open>' in response.content.decode()

    @pytest.mark.parametrize(
        ("written", "kept"), [("192.0.2.1", "[192.0.2.1]"), ("[2001:DB8::1]", "[IPv6:2001:db8::1]"), ("mail", "mail")]
    )
    def test_the_name_to_say_may_be_an_address(self, as_alice: Client, written: str, kept: str) -> None:
        as_alice.post(NEW, form(password=SECRET, ehlo_name=written))
        server = Server.objects.get()
        assert server.ehlo_name == kept
        as_alice.post(url(server), form(ehlo_name=kept))
        assert Server.objects.get().ehlo_name == kept

    def test_what_is_rounded_on_the_screen_stays_exact(self, stored: Server, as_alice: Client) -> None:
        Server.objects.update(largest_mail=35_882_577)
        page = as_alice.get(url(stored))
        assert 'value="34.22"' in page.content.decode()
        as_alice.post(url(stored), form(largest_mail="34.22"))
        assert Server.objects.get().largest_mail == 35_882_577
        as_alice.post(url(stored), form(largest_mail="30"))
        assert Server.objects.get().largest_mail == 30 * MEGABYTE

    def test_is_closed_while_nothing_stands_out(self, stored: Server, as_alice: Client) -> None:
        assert '<details class="settings__more">' in as_alice.get(url(stored)).content.decode()
        Server.objects.update(limit_day=500)
        assert '<details class="settings__more" open>' in as_alice.get(url(stored)).content.decode()


class TestTheSize:
    def values(self, double: SmtpDouble, **changes: Any) -> dict[str, Any]:
        return form(host=double.host, port=str(double.port), security="none", **changes)

    def test_is_asked_of_the_server_on_the_screen(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        # Neither saved nor complete, and without a log-in: the size is known before.
        response = as_alice.post(f"{LIST}size/", self.values(smtp_double, name=""), headers=HTMX)
        html = response.content.decode()
        assert 'value="10"' in html
        assert "The server takes up to 10 MB." in html
        assert "<html" not in html
        assert [command.split()[0] for command in smtp_double.commands] == ["EHLO", "QUIT"]
        assert not Server.objects.exists()

    def test_works_without_script(self, stored: Server, as_alice: Client, smtp_double: SmtpDouble) -> None:
        response = as_alice.post(url(stored, "size/"), self.values(smtp_double, name="Nuevo nombre"))
        html = response.content.decode()
        assert "<html" in html
        assert shown(response)["name"] == "Nuevo nombre"
        assert shown(response)["largest_mail"] == "10"
        assert response.context["form"].errors == {}

    def test_a_server_may_name_none(self, as_alice: Client, smtp_doubles: Any) -> None:
        double = smtp_doubles(size=None)
        html = as_alice.post(f"{LIST}size/", self.values(double, largest_mail="7"), headers=HTMX).content.decode()
        assert "The server names no limit." in html
        assert 'value="7"' in html

    def test_says_why_it_could_not_be_asked(self, as_alice: Client, smtp_double: SmtpDouble) -> None:
        smtp_double.answer("CONNECT", "554 5.7.1 Go away")
        html = as_alice.post(f"{LIST}size/", self.values(smtp_double), headers=HTMX).content.decode()
        assert "Go away" in html
        html = as_alice.post(f"{LIST}size/", form(host="", port="x"), headers=HTMX).content.decode()
        assert "SMTP server" in html

    def test_only_for_those_who_manage_servers(
        self, stored: Server, as_bob: Client, as_charlie: Client, as_alice: Client
    ) -> None:
        for path in (f"{LIST}size/", url(stored, "size/")):
            assert as_bob.post(path, form()).status_code == 403
            assert as_charlie.post(path, form()).status_code == 403
            assert as_alice.get(path).status_code == 405


def test_a_filter_is_kept_in_ascii_and_shown_as_it_is_written(as_alice: Client) -> None:
    as_alice.post(NEW, form(password=SECRET, from_filter="España.example, ana@españa.example"))
    server = Server.objects.get()
    assert server.from_filter == "xn--espaa-rta.example, ana@xn--espaa-rta.example"
    assert 'value="españa.example, ana@españa.example"' in as_alice.get(url(server)).content.decode()
    assert "xn--" not in as_alice.get(LIST).content.decode()
    for words in ("españa", "espaa-rta"):
        assert server.name in as_alice.get(LIST, {"q": words}).content.decode()


def test_every_bad_part_of_a_filter_is_handed_to_its_tag(as_alice: Client) -> None:
    html = as_alice.post(NEW, form(password=SECRET, from_filter="ana@, b.example, <x>")).content.decode()
    assert 'data-part="ana@"' in html
    assert 'data-part="&lt;x&gt;"' in html
    assert 'data-part="b.example"' not in html
    assert 'value="ana@, b.example, &lt;x&gt;"' in html
