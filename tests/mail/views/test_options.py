"""General options, and the aliases of the default domain."""

from typing import Any

import pytest
from django.test import Client

from mail.models import Domain, Options, Server
from tests.mail.views.conftest import MakeMail

OPTIONS, ALIASES = "/settings/general/", "/settings/mail/aliases/"
FORM = {"dmarc_protection": "never", "public_providers": "gmail.com", "alias_domain": ""}


def options(**changes: Any) -> dict[str, Any]:
    return {**FORM, **changes}


@pytest.mark.parametrize("path", [OPTIONS, ALIASES])
class TestWhoMay:
    def test_only_those_who_manage_servers(
        self, as_alice: Client, as_bob: Client, as_charlie: Client, stranger: Client, path: str
    ) -> None:
        assert as_alice.get(path).status_code == 200
        for client in (as_bob, as_charlie):
            assert client.get(path).status_code == 403
            assert client.post(path, FORM).status_code == 403
        assert stranger.get(path).url.startswith("/login/")

    def test_wrong_method(self, as_alice: Client, path: str) -> None:
        assert as_alice.delete(path).status_code == 405


class TestOptions:
    def test_switching_on_and_naming_the_domain(self, as_alice: Client) -> None:
        as_alice.post(OPTIONS, options(custom_servers="on", alias_domain="@MiEmpresa.Example."))
        assert Options.load().custom_servers
        domain = Domain.objects.get()
        assert (domain.name, domain.is_default) == ("miempresa.example", True)

    def test_every_change_plans_waiting_mail_anew(self, company: Domain, as_alice: Client) -> None:
        before = Options.load().version
        as_alice.post(OPTIONS, options(custom_servers="on", alias_domain=company.name, dmarc_protection="always"))
        assert Options.load().version > before

    def test_a_new_name_keeps_the_addresses(self, company: Domain, as_alice: Client) -> None:
        as_alice.post(OPTIONS, options(custom_servers="on", alias_domain="otra.example"))
        domain = Domain.objects.get()
        assert (domain.pk, domain.name, domain.default_from) == (company.pk, "otra.example", "notificaciones")

    def test_another_known_domain_becomes_the_default(self, company: Domain, as_alice: Client) -> None:
        other = Domain.objects.create(name="otra.example")
        as_alice.post(OPTIONS, options(custom_servers="on", alias_domain="otra.example", confirmed="1"))
        other.refresh_from_db()
        assert other.is_default
        assert Domain.objects.filter(is_default=True).count() == 1

    @pytest.mark.parametrize("name", ["dos tres", "a@b.example", "x", "1.2.3.4", "a\nb.example"])
    def test_what_is_no_domain_is_refused(self, as_alice: Client, name: str) -> None:
        response = as_alice.post(OPTIONS, options(custom_servers="on", alias_domain=name))
        if name == "x":  # a host of one label is a domain inside a network
            assert response.status_code == 303
        else:
            assert response.status_code == 422
            assert not Options.load().custom_servers

    def test_the_domain_is_not_touched_while_it_is_not_shown(self, company: Domain, as_alice: Client) -> None:
        Options.objects.update(custom_servers=False)
        assert 'name="alias_domain"' not in as_alice.get(OPTIONS).content.decode()
        as_alice.post(OPTIONS, options())
        assert Domain.objects.get().name == "miempresa.example"

    def test_switching_off_and_on_again_loses_nothing(self, company: Domain, as_alice: Client) -> None:
        server = Server.objects.create(name="Masivo", host="h.example")
        Options.objects.update(custom_servers=False, mass_server=server)
        shown = {name: value for name, value in options(custom_servers="on", confirmed="1").items() if value}
        assert "alias_domain" not in shown
        assert as_alice.post(OPTIONS, shown).status_code == 303
        assert Domain.objects.get() == company
        assert Options.load().mass_server == server

    def test_an_emptied_domain_is_asked_about(self, company: Domain, as_alice: Client) -> None:
        form = options(custom_servers="on")
        html = as_alice.post(OPTIONS, form).content.decode()
        assert "The alias domain miempresa.example is deleted with its addresses." in html
        assert Domain.objects.get() == company
        as_alice.post(OPTIONS, {**form, "confirmed": "1"})
        assert not Domain.objects.exists()

    def test_mass_mail_may_have_a_server_of_its_own(self, company: Domain, as_alice: Client) -> None:
        server = Server.objects.create(name="Masivo", host="h.example")
        archived = Server.objects.create(name="Viejo", host="h.example", active=False)
        page = as_alice.get(OPTIONS).content.decode()
        assert "Masivo" in page
        assert "Viejo" not in page
        form = options(custom_servers="on", alias_domain=company.name)
        assert as_alice.post(OPTIONS, {**form, "mass_server": server.pk, "confirmed": "1"}).status_code == 303
        assert Options.load().mass_server == server
        assert as_alice.post(OPTIONS, {**form, "mass_server": archived.pk}).status_code == 422
        # One that was archived meanwhile stands there until another is chosen.
        Options.objects.update(mass_server=archived)
        assert "Viejo" in as_alice.get(OPTIONS).content.decode()
        assert as_alice.post(OPTIONS, {**form, "mass_server": "", "confirmed": "1"}).status_code == 303
        assert Options.load().mass_server is None

    def test_switching_off_asks_first(self, company: Domain, as_alice: Client) -> None:
        Server.objects.create(name="Corporativo", host="h.example")
        question = as_alice.post(OPTIONS, options(dmarc_protection="always"))
        html = question.content.decode()
        assert "The server is kept" in html
        assert Options.load().custom_servers

        answers = dict(question.context["answers"])
        as_alice.post(OPTIONS, {**answers, "confirmed": "1"})
        assert not Options.load().custom_servers
        assert Options.load().dmarc_protection == "always"
        assert Server.objects.exists()

    @pytest.mark.parametrize("protection", ["never", "always", "automatic"])
    def test_each_kind_of_protection_may_be_chosen(self, as_alice: Client, protection: str) -> None:
        assert as_alice.post(OPTIONS, options(dmarc_protection=protection)).status_code == 303
        assert Options.load().dmarc_protection == protection
        assert as_alice.post(OPTIONS, options(dmarc_protection="maybe")).status_code == 422

    def test_providers_are_normalised_and_checked(self, as_alice: Client) -> None:
        as_alice.post(OPTIONS, options(dmarc_protection="always", public_providers="GMail.com., yahoo.es\nyahoo.es"))
        assert Options.load().public_providers == "gmail.com yahoo.es"
        refused = as_alice.post(OPTIONS, options(public_providers="gmail.com no_es"))
        assert refused.status_code == 422
        assert "no_es" in refused.content.decode()


class TestAliases:
    @pytest.mark.parametrize(
        ("text", "kept", "shown"),
        [
            ("ventas", "ventas", "ventas@miempresa.example"),
            (" ventas ", "ventas", "ventas@miempresa.example"),
            ("avisos@Otra.Example", "avisos@otra.example", "avisos@otra.example"),
            ("", "", ""),
        ],
    )
    def test_the_default_from(self, company: Domain, as_alice: Client, text: str, kept: str, shown: str) -> None:
        assert as_alice.post(ALIASES, {"default_from": text, "confirmed": "1"}).status_code == 303
        assert Domain.objects.get().default_from == kept
        assert as_alice.get(ALIASES).context["examples"]["address"] == shown

    @pytest.mark.parametrize(
        "text", ["dos tres", "a@b@c.example", "Ana <a@b.example>", "a@b.example, c@d.example", "x" * 65, "a\r\nb"]
    )
    def test_what_is_no_address_is_refused(self, company: Domain, as_alice: Client, text: str) -> None:
        assert as_alice.post(ALIASES, {"default_from": text}).status_code == 422
        assert Domain.objects.get().default_from == "notificaciones"

    def test_without_a_domain_it_says_what_comes_first(self, as_alice: Client) -> None:
        html = as_alice.get(ALIASES).content.decode()
        assert "An alias domain comes first" in html
        assert as_alice.post(ALIASES, {"default_from": "x"}).status_code == 303
        assert not Domain.objects.exists()


class TestDomains:
    def test_a_first_domain_is_the_default_one(self, as_alice: Client) -> None:
        as_alice.post(
            f"{ALIASES}domains/new/", {"name": "@MiEmpresa.Example", "default_from": "info", "confirmed": "1"}
        )
        domain = Domain.objects.get()
        assert (domain.name, domain.default_from, domain.is_default) == ("miempresa.example", "info", True)

    def test_there_is_always_one_default_domain(self, company: Domain, as_alice: Client) -> None:
        form = {"name": "otra.example", "default_from": "hola", "is_default": "on", "confirmed": "1"}
        assert as_alice.post(f"{ALIASES}domains/new/", form).status_code == 303
        assert Domain.objects.get(is_default=True).name == "otra.example"
        other = Domain.objects.get(name="otra.example")
        as_alice.post(f"{ALIASES}domains/{other.pk}/", {"name": other.name, "default_from": "hola", "confirmed": "1"})
        assert Domain.objects.get(is_default=True) == other

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("name", "a b", "domain"),
            ("name", "miempresa.example", "there already"),
            ("default_from", "Ana <ana@x.example>", "without a name"),
            ("bounce", "bounce@x.example", "before the @"),
            ("bounce", "rebotes-de-todo-el-correo-de-la-empresa", "At most 32"),
            ("catchall", "buzón", "without accents"),
            ("catchall", "a\r\nBcc: x", ""),
        ],
    )
    def test_what_is_wrong_is_told_beside_its_field(
        self, company: Domain, as_alice: Client, field: str, value: str, words: str
    ) -> None:
        response = as_alice.post(f"{ALIASES}domains/new/", {"name": "otra.example", field: value})
        assert response.status_code == 422
        assert words in " ".join(response.context["form"].errors[field])
        assert Domain.objects.count() == 1

    def test_a_public_provider_is_accepted_and_explained(self, as_alice: Client) -> None:
        form = {"name": "gmail.com", "default_from": "miempresa@gmail.com", "bounce": "rebotes", "confirmed": "1"}
        assert as_alice.post(f"{ALIASES}domains/new/", form).status_code == 303
        page = as_alice.get(ALIASES).content.decode()
        assert "gmail.com is a public provider" in page
        assert "miempresa+rebotes@gmail.com" in page

    def test_an_account_without_room_for_a_token_is_told_so(self, as_alice: Client) -> None:
        account = "pedidos-y-facturas-de-mi-empresa"
        form = {"name": "gmail.com", "default_from": f"{account}@gmail.com", "bounce": "rebote", "confirmed": "1"}
        as_alice.post(f"{ALIASES}domains/new/", form)
        assert "No room for the token" not in as_alice.get(ALIASES).content.decode()
        domain = Domain.objects.get()
        as_alice.post(ALIASES, {**form, "bounce": "rebotes", "catchall": "c"})
        for path in (ALIASES, f"{ALIASES}domains/{domain.pk}/"):
            page = as_alice.get(path).content.decode()
            told, warned = page.split("No room for the token of an e-mail, and so not used:")
            assert f"instead: {account}+c@gmail.com" in " ".join(told.split())
            assert f"{account}+rebotes@gmail.com" not in told
            assert f"{account}+rebotes@gmail.com." in warned
            assert "once a bounce or catchall part is set" not in page

    def test_no_address_is_shown_that_no_mail_would_use(self, as_alice: Client) -> None:
        form = {"name": "gmail.com", "default_from": "info@miempresa.example", "bounce": "rebotes", "confirmed": "1"}
        as_alice.post(f"{ALIASES}domains/new/", form)
        assert as_alice.get(ALIASES).context["examples"]["bounce"] == ""

    def test_a_change_says_first_for_whom_it_changes_what(
        self, company: Domain, server: Server, as_alice: Client
    ) -> None:
        Server.objects.update(from_filter="notificaciones@miempresa.example")
        Options.raise_version()
        form = {"default_from": "info", "bounce": "", "catchall": ""}
        question = as_alice.post(ALIASES, form)
        assert question.status_code == 200
        page = question.content.decode()
        assert "Alice" in page
        assert "notificaciones@miempresa.example" in page
        assert "info@miempresa.example" in page or "alice@miempresa.example" in page
        # Nothing was changed by looking.
        company.refresh_from_db()
        assert company.default_from == "notificaciones"
        as_alice.post(ALIASES, {**form, "confirmed": "1"})
        company.refresh_from_db()
        assert company.default_from == "info"

    def test_a_change_for_nobody_is_saved_at_once(self, company: Domain, as_alice: Client) -> None:
        form = {"default_from": "notificaciones", "bounce": "", "catchall": "respuestas"}
        assert as_alice.post(ALIASES, form).status_code == 303
        company.refresh_from_db()
        assert company.catchall == "respuestas"

    def test_deleting_says_once_how_much_mail_waits(
        self, company: Domain, make_mail: MakeMail, as_alice: Client
    ) -> None:
        Server.objects.create(name="Suyo", host="h.example", from_filter=company.name)
        Options.load()
        Options.objects.update(custom_servers=True)
        make_mail(None, state="queued")

        page = as_alice.get(f"{ALIASES}domains/{company.pk}/delete/").content.decode()

        assert "Mail without an author" in page
        assert page.count("1 waiting e-mail is planned anew.") == 1

    def test_deleting_is_asked_and_done(self, company: Domain, as_alice: Client, as_bob: Client) -> None:
        path = f"{ALIASES}domains/{company.pk}/delete/"
        assert as_bob.get(path).status_code == 403
        assert as_bob.post(path).status_code == 403
        assert company.name in as_alice.get(path).content.decode()
        assert Domain.objects.exists()
        as_alice.post(path)
        assert not Domain.objects.exists()

    def test_of_several_domains_one_is_the_default_also_after_one_was_deleted(
        self, company: Domain, as_alice: Client
    ) -> None:
        second, third = (Domain.objects.create(name=name) for name in ("second.example", "third.example"))
        path = f"{ALIASES}domains/{company.pk}/delete/"
        assert "second.example becomes the default domain." in as_alice.get(path).content.decode()
        as_alice.post(path)
        assert Domain.objects.get(is_default=True) == second
        path = f"{ALIASES}domains/{third.pk}/delete/"
        assert "becomes the default" not in as_alice.get(path).content.decode()
        as_alice.post(path)
        assert Domain.objects.get() == second
        assert Domain.objects.get().is_default


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("ana@yahoo.com", "refuse mail under its name"),
        ("ana@gmail.com", "is a public provider"),
        ("ana@elsewhere.example", "none of the alias domains"),
        ("", "no e-mail address"),
        ("ana@miempresa.example", ""),
    ],
)
def test_users_whose_address_will_cause_trouble_are_listed(
    company: Domain, as_alice: Client, bob: Any, address: str, problem: str
) -> None:
    bob.email = address
    bob.save()
    page = as_alice.get(OPTIONS).content.decode()
    assert ("Addresses of users that will cause trouble" in page) == bool(problem)
    assert problem in page
