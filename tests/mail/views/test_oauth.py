"""Connecting an account in the browser: there, back, refused, disconnected; and the credentials in the options."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from daeris.models import User
from mail.fields import decrypt
from mail.models import Grant, OAuthClient, Options, Server
from mail.oauth_providers import client_of
from tests.conftest import give
from tests.lab.identity import CLIENT_ID, CLIENT_SECRET, Identity
from tests.mail.oauth import connect
from tests.mail.test_oauth import consent
from tests.mail.views.test_servers import LIST, form, url

BACK = "/settings/mail/servers/oauth/"
OPTIONS = "/settings/general/"
GMAIL = {"host": "smtp.gmail.com", "port": "465", "security": "tls", "authentication": "google", "username": ""}


@pytest.fixture(autouse=True)
def provider(identity: Identity, settings: Any) -> Identity:
    settings.MAIL_OAUTH_CLIENTS, settings.MAIL_OAUTH_ENDPOINTS = identity.clients, identity.endpoints
    return identity


@pytest.fixture
def server(db: None) -> Server:
    return Server.objects.create(
        name="Gmail", host="smtp.gmail.com", port=465, security="tls", authentication="google", preset="gmail"
    )


def leave(client: Client, path: str, **changes: Any) -> str:
    """Save and connect; the provider's address that the browser goes on to."""
    response = client.post(path, form(**{**GMAIL, "connect": "google", **changes}))
    assert response.status_code == 200, response.context["form"].errors
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', response.content.decode())
    assert found
    return unescape(found[1])


def back(client: Client, answer: dict[str, str]) -> Any:
    return client.get(BACK, answer)


def is_the_only_one() -> None:
    """Without the server nothing leaves, so archiving it is asked about."""
    Options.load()
    Options.objects.update(custom_servers=True)


def words(client: Client, path: str) -> str:
    html = client.get(path, headers={"Accept-Language": "en"}).content.decode()
    return unescape(re.sub(r"<[^>]*>|\s+", " ", html))


class TestConnecting:
    def test_a_new_server_is_saved_and_connected_in_one_step(self, provider: Identity, as_alice: Client) -> None:
        response = back(as_alice, consent(leave(as_alice, f"{LIST}new/")))

        server = Server.objects.get()
        assert response.url == url(server)
        assert (server.username, server.blocked_cause) == (provider.account, "")
        assert server.grant.account == provider.account
        assert provider.accepts(provider.account, decrypt(server.grant.access_token) or "")
        assert "Connected as ventas@miempresa.test." in words(as_alice, url(server))

    def test_it_is_stopped_until_somebody_has_said_yes(self, as_alice: Client) -> None:
        leave(as_alice, f"{LIST}new/")
        assert Server.objects.get().blocked_cause == "not_connected"

    def test_the_button_chooses_the_way_to_log_in(self, as_alice: Client) -> None:
        # Without script every part is shown, and one need not choose first.
        leave(as_alice, f"{LIST}new/", authentication="none")
        assert Server.objects.get().authentication == "google"

    def test_what_is_wrong_is_said_before_leaving(self, as_alice: Client) -> None:
        response = as_alice.post(f"{LIST}new/", form(**{**GMAIL, "connect": "google", "security": "none"}))
        assert response.status_code == 422
        assert list(response.context["form"].errors) == ["security"]

    def test_microsoft_fills_the_filter_with_the_account(self, provider: Identity, as_alice: Client) -> None:
        going = leave(
            as_alice,
            f"{LIST}new/",
            preset="microsoft365",
            host="smtp.office365.com",
            port="587",
            security="starttls",
            authentication="microsoft",
            connect="microsoft",
        )
        back(as_alice, consent(going))
        server = Server.objects.get()
        assert (server.authentication, server.from_filter) == ("microsoft", provider.account)

    def test_a_shared_mailbox_of_microsoft_keeps_its_name(
        self, provider: Identity, server: Server, as_alice: Client
    ) -> None:
        going = leave(as_alice, url(server), authentication="microsoft", connect="microsoft", username="info@m.test")
        back(as_alice, consent(going))
        server.refresh_from_db()
        assert (server.username, server.from_filter) == ("info@m.test", "info@m.test")
        assert "The user name stays info@m.test" in words(as_alice, url(server))

    def test_archiving_with_it_asks_once_the_account_is_connected(
        self, provider: Identity, server: Server, as_alice: Client
    ) -> None:
        is_the_only_one()

        response = back(as_alice, consent(leave(as_alice, url(server), active=None)))

        assert response.url == url(server, "active/")
        server.refresh_from_db()
        assert server.active
        assert server.grant.account == provider.account
        assert "It is the only active server" in words(as_alice, response.url)

    def test_archiving_with_it_asks_whoever_said_no(
        self, provider: Identity, server: Server, as_alice: Client, settings: Any
    ) -> None:
        is_the_only_one()
        provider.consents = False
        assert back(as_alice, consent(leave(as_alice, url(server), active=None))).url == url(server, "active/")
        # And whoever could not even be asked.
        settings.MAIL_OAUTH_CLIENTS = {}
        response = as_alice.post(url(server), form(**{**GMAIL, "connect": "google", "active": None}))
        assert response.url == url(server, "active/")
        server.refresh_from_db()
        assert server.active

    def test_the_way_back_is_the_same_at_both_ends(self, provider: Identity, server: Server, as_alice: Client) -> None:
        consent(leave(as_alice, url(server)))
        assert provider.authorizations[0]["redirect_uri"] == "http://testserver/settings/mail/servers/oauth/"
        assert "http://testserver/settings/mail/servers/oauth/" in words(as_alice, OPTIONS)


class TestRefused:
    def test_a_forged_state(self, provider: Identity, server: Server, as_alice: Client) -> None:
        answer = consent(leave(as_alice, url(server)))
        response = back(as_alice, {**answer, "state": "forged"})
        assert response.status_code == 400
        assert "does not belong to anything that was asked here" in response.content.decode()
        assert not Grant.objects.exists()
        assert provider.asked == []

    def test_the_state_of_another_person(
        self, provider: Identity, server: Server, as_alice: Client, bob: User, client: Client
    ) -> None:
        answer = consent(leave(as_alice, url(server)))
        client.force_login(give(bob, "mail.manage_servers"))
        assert back(client, answer).status_code == 400
        # Not even with Alice's notes in his session.
        session = client.session
        session["mail_oauth"] = as_alice.session["mail_oauth"]
        session.save()
        assert back(client, answer).status_code == 400
        assert not Grant.objects.exists()
        assert provider.asked == []

    def test_an_answer_is_good_once(self, server: Server, as_alice: Client) -> None:
        answer = consent(leave(as_alice, url(server)))
        assert back(as_alice, answer).url == url(server)
        assert back(as_alice, answer).status_code == 400

    def test_an_answer_that_comes_late(self, server: Server, as_alice: Client) -> None:
        answer = consent(leave(as_alice, url(server)))
        session = as_alice.session
        for flow in session["mail_oauth"].values():
            flow["at"] -= 3600
        session.save()
        assert back(as_alice, answer).status_code == 400

    def test_a_code_of_another_request(self, provider: Identity, server: Server, as_alice: Client) -> None:
        # What PKCE is for: somebody else's code is worth nothing in our hands.
        one, two = (consent(leave(as_alice, url(server))) for _ in range(2))
        back(as_alice, {**two, "code": one["code"]})
        assert not Grant.objects.exists()
        assert "PKCE: the verifier does not fit" in words(as_alice, url(server))

    def test_whoever_says_no_reads_so(self, provider: Identity, server: Server, as_alice: Client) -> None:
        provider.consents = False
        back(as_alice, consent(leave(as_alice, url(server))))
        assert "The account said no, so nothing was connected." in words(as_alice, url(server))
        server.refresh_from_db()
        assert server.blocked_cause == "not_connected"

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"scopes": "openid email"}, "The permission to send e-mail was not given."),
            ({"claims": {"nonce": "x"}}, "does not say whose account it is"),
            ({"answer": (503, "")}, "The provider does not answer."),
            ({"answer": (401, '{"error": "invalid_client"}')}, "does not accept the client id or its secret"),
        ],
    )
    def test_whatever_goes_wrong_is_said_in_words(
        self, provider: Identity, server: Server, as_alice: Client, change: dict[str, Any], said: str
    ) -> None:
        for name, value in change.items():
            setattr(provider, name, value)
        back(as_alice, consent(leave(as_alice, url(server))))
        assert said in words(as_alice, url(server))
        assert not Grant.objects.exists()

    def test_without_credentials_it_says_where_to_write_them(
        self, server: Server, as_alice: Client, settings: Any
    ) -> None:
        settings.MAIL_OAUTH_CLIENTS = {}
        assert "its client id and secret are missing" in words(as_alice, url(server))
        as_alice.post(url(server), form(**{**GMAIL, "connect": "google"}))
        assert "write them in the general options first" in words(as_alice, url(server))

    def test_others_may_not(self, server: Server, as_bob: Client, stranger: Client) -> None:
        assert as_bob.get(BACK).status_code == 403
        assert as_bob.post(url(server, "disconnect/")).status_code == 403
        assert stranger.get(BACK).url.startswith("/login/")

    def test_wrong_methods(self, as_alice: Client) -> None:
        assert as_alice.post(BACK).status_code == 405


class TestHealth:
    def test_connected(self, provider: Identity, server: Server, as_alice: Client) -> None:
        connect(server, provider)
        shown = words(as_alice, url(server))
        assert "Connected" in shown
        assert provider.account in shown
        assert "Last renewed" in shown
        assert "Disconnect" in shown

    def test_taken_back(self, provider: Identity, server: Server, as_alice: Client) -> None:
        connect(server, provider)
        Grant.objects.update(failure="invalid_grant")
        shown = words(as_alice, url(server))
        assert "Reconnect needed" in shown
        assert "the password of the account was changed" in shown
        assert "test mode at Google" in shown

    def test_moved_to_another_host(self, provider: Identity, server: Server, as_alice: Client) -> None:
        connect(server, provider)
        as_alice.post(url(server), form(**{**GMAIL, "username": provider.account, "host": "smtp.otro.example"}))
        server.refresh_from_db()
        assert server.blocked_cause == "not_connected"
        assert "connected for another server" in words(as_alice, url(server))

    def test_another_name_changes_nothing(self, provider: Identity, server: Server, as_alice: Client) -> None:
        connect(server, provider)
        as_alice.post(url(server), form(**{**GMAIL, "username": provider.account, "name": "Ventas"}))
        server.refresh_from_db()
        assert (server.name, server.blocked_cause) == ("Ventas", "")

    def test_no_key_opens_it(self, provider: Identity, server: Server, as_alice: Client) -> None:
        connect(server, provider)
        Grant.objects.update(refresh_token="x", access_token="y")
        assert "a key that this installation no longer has" in words(as_alice, url(server))

    def test_another_way_to_log_in_forgets_the_permission(
        self, provider: Identity, server: Server, as_alice: Client
    ) -> None:
        connect(server, provider)
        server.block(cause="reconnect_needed", reply="")
        as_alice.post(url(server), form(**{**GMAIL, "authentication": "none"}))
        server.refresh_from_db()
        assert not Grant.objects.exists()
        assert (server.username, server.blocked_cause) == ("", "")

    def test_disconnect_asks_first_and_forgets(self, provider: Identity, server: Server, as_alice: Client) -> None:
        connect(server, provider)
        assert "What waits, waits." in words(as_alice, url(server, "disconnect/"))
        assert Grant.objects.exists()
        as_alice.post(url(server, "disconnect/"))
        server.refresh_from_db()
        assert not Grant.objects.exists()
        assert server.blocked_cause == "not_connected"


class TestOptions:
    def post(self, client: Client, **changes: str) -> Any:
        texts = {"dmarc_protection": "never", "public_providers": "gmail.com", "alias_domain": ""}
        clients = {f"{who}-{name}": "" for who in ("google", "microsoft") for name in ("client_id", "client_secret")}
        given = {name.replace("__", "-"): value for name, value in changes.items()}
        return client.post(OPTIONS, {**texts, **clients, "microsoft-tenant": "", **given})

    def test_credentials_are_kept_encrypted_and_never_shown(self, as_alice: Client, settings: Any) -> None:
        settings.MAIL_OAUTH_CLIENTS = {}
        assert self.post(as_alice, google__client_id="id.x", google__client_secret="muy secreto").status_code == 303
        row = OAuthClient.objects.get(provider="google")
        assert "muy secreto" not in row.client_secret
        assert client_of("google").client_secret == "muy secreto"
        html = as_alice.get(OPTIONS).content.decode()
        assert "id.x" in html
        assert "muy secreto" not in html
        # Left empty it stays.
        self.post(as_alice, google__client_id="id.x")
        assert client_of("google").client_secret == "muy secreto"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"google__client_id": "id.x"}, "client_secret"),
            ({"google__client_secret": "s"}, "client_id"),
            ({"google__client_id": "two words", "google__client_secret": "s"}, "client_id"),
            ({"microsoft__tenant": "a b"}, "tenant"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field(
        self, as_alice: Client, changes: dict[str, str], field: str
    ) -> None:
        response = self.post(as_alice, **changes)
        assert response.status_code == 422
        assert [list(client.errors) for client in response.context["clients"] if client.errors] == [[field]]
        assert not OAuthClient.objects.exists()

    def test_another_id_wants_its_own_secret(self, as_alice: Client) -> None:
        self.post(as_alice, google__client_id="id.x", google__client_secret="s")
        assert self.post(as_alice, google__client_id="id.y").status_code == 422

    def test_the_environment_is_named_and_its_secret_is_not(self, as_alice: Client) -> None:
        html = as_alice.get(OPTIONS).content.decode()
        assert CLIENT_ID in html
        assert CLIENT_SECRET not in unescape(html)

    def test_servers_that_waited_for_it_try_again(self, server: Server, as_alice: Client) -> None:
        server.block(cause="oauth_client", reply="invalid_client")
        self.post(as_alice, google__client_id="id.x", google__client_secret="s")
        server.refresh_from_db()
        assert server.blocked_cause == ""

    def test_the_question_before_switching_off_repeats_no_secret(self, company: Any, as_alice: Client) -> None:
        response = self.post(as_alice, google__client_id="id.x", google__client_secret="muy secreto")
        assert "muy secreto" not in response.content.decode()
        assert client_of("google").client_secret == "muy secreto"


def test_no_secret_is_in_any_page_or_session(provider: Identity, server: Server, as_alice: Client) -> None:
    pages = []
    back(as_alice, consent(leave(as_alice, url(server))))
    for failure in ("", "invalid_grant"):
        Grant.objects.update(failure=failure)
        pages += [as_alice.get(path) for path in (url(server), LIST, OPTIONS)]
    wrong = form(**{**GMAIL, "port": "x"})
    pages += [as_alice.post(url(server), wrong), as_alice.post(url(server, "test/"), wrong)]

    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    told = "".join([*(unescape(page.content.decode()) for page in pages), *sessions])
    assert len(provider.issued) >= 3
    assert not [secret for secret in [*provider.issued, CLIENT_SECRET] if secret in told]
