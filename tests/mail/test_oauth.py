"""OAuth with a real authorization server: asking, refusing, renewing, and who asks when many want to."""

import logging
import threading
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from django.db import connection
from django.utils.timezone import now

from mail import oauth, oauth_tokens
from mail.fields import decrypt
from mail.models import Grant, OAuthClient, Server
from mail.oauth_errors import ClientRefused, GrantLost, NotConnected, OAuthError, ProviderAway
from mail.oauth_http import is_safe
from mail.oauth_providers import client_of, endpoints_of
from tests.lab.identity import CLIENT_ID, CLIENT_SECRET, Identity
from tests.mail.oauth import connect

BACK = "http://testserver/settings/mail/servers/oauth/"


@pytest.fixture
def provider(identity: Identity, settings: Any) -> Identity:
    settings.MAIL_OAUTH_CLIENTS, settings.MAIL_OAUTH_ENDPOINTS = identity.clients, identity.endpoints
    return identity


@pytest.fixture
def server(db: None) -> Server:
    return Server.objects.create(
        name="Gmail", host="smtp.gmail.com", port=465, security="tls", authentication="google", username="v@m.test"
    )


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def age(left: float) -> None:
    """The token of an hour has these seconds left."""
    ends = now() + timedelta(seconds=left)
    Grant.objects.update(expires_at=ends, refreshed_at=ends - timedelta(hours=1))


def consent(url: str) -> dict[str, str]:
    """Go to the provider and say yes; what it sends back in the address."""
    try:
        build_opener(_Stay).open(url)
    except HTTPError as redirect:
        with redirect:
            return {name: values[0] for name, values in parse_qs(urlsplit(redirect.headers["Location"]).query).items()}
    raise AssertionError("the provider did not send us back")


def finish(flow: oauth.Flow, **changes: str) -> oauth.Tokens:
    values = {"code": consent(flow.url).get("code", ""), "verifier": flow.verifier, "nonce": flow.nonce}
    return oauth.finish("google", **{**values, "redirect_uri": BACK, **changes})


@pytest.mark.django_db
class TestAsking:
    def test_a_permission_becomes_tokens(self, provider: Identity) -> None:
        tokens = finish(oauth.start("google", redirect_uri=BACK))

        assert tokens.account == provider.account
        assert provider.accepts(provider.account, tokens.access_token)
        assert tokens.refresh_token
        assert tokens.seconds == 3600
        assert "https://mail.google.com/" in tokens.scopes

    def test_google_is_asked_for_a_token_that_lasts(self, provider: Identity) -> None:
        consent(oauth.start("google", redirect_uri=BACK, account="v@m.test").url)

        [request] = provider.authorizations
        assert (request["access_type"], request["prompt"]) == ("offline", "consent")
        assert request["login_hint"] == "v@m.test"
        assert request["scope"].split() == ["https://mail.google.com/", "openid", "email"]

    def test_microsoft_is_asked_for_smtp_and_for_a_token_that_lasts(self, provider: Identity) -> None:
        consent(oauth.start("microsoft", redirect_uri=BACK).url)

        [request] = provider.authorizations
        assert {"https://outlook.office.com/SMTP.Send", "offline_access", "openid", "email"} <= set(
            request["scope"].split()
        )
        assert request["prompt"] == "select_account"

    def test_each_request_is_its_own(self, provider: Identity) -> None:
        one, two = (oauth.start("google", redirect_uri=BACK) for _ in range(2))
        assert len({one.state, two.state}) == len({one.verifier, two.verifier}) == len({one.nonce, two.nonce}) == 2

    def test_a_code_without_its_verifier_is_refused(self, provider: Identity) -> None:
        with pytest.raises(GrantLost):
            finish(oauth.start("google", redirect_uri=BACK), verifier="x" * 64)

    def test_a_code_is_good_once(self, provider: Identity) -> None:
        flow = oauth.start("google", redirect_uri=BACK)
        code = consent(flow.url)["code"]
        finish(flow, code=code)
        with pytest.raises(GrantLost):
            finish(flow, code=code)

    @pytest.mark.parametrize(
        "claims",
        [{"nonce": "other"}, {"aud": "somebody-else"}, {"iss": "https://evil.example"}, {"exp": 1}],
        ids=["nonce", "audience", "issuer", "expired"],
    )
    def test_an_identity_of_somebody_else_is_refused(self, provider: Identity, claims: dict[str, Any]) -> None:
        provider.claims = claims
        with pytest.raises(OAuthError, match="identity_invalid"):
            finish(oauth.start("google", redirect_uri=BACK))

    def test_the_account_of_microsoft_is_the_name_one_logs_in_with(self, provider: Identity) -> None:
        provider.claims = {"preferred_username": "ana@tenant.test", "email": "alias@tenant.test"}
        flow = oauth.start("microsoft", redirect_uri=BACK)
        code = consent(flow.url)["code"]
        tokens = oauth.finish("microsoft", code=code, verifier=flow.verifier, nonce=flow.nonce, redirect_uri=BACK)
        assert tokens.account == "ana@tenant.test"

    def test_a_permission_that_was_unticked_is_missed_at_once(self, provider: Identity) -> None:
        provider.scopes = "openid email"
        with pytest.raises(OAuthError, match="scope_missing"):
            finish(oauth.start("google", redirect_uri=BACK))


@pytest.mark.django_db
class TestProviderInTrouble:
    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ((503, "busy"), ProviderAway),
            ((429, '{"error": "slow_down"}'), ProviderAway),
            ((200, "<html>maintenance</html>"), ProviderAway),
            ((200, "[]"), ProviderAway),
            ((200, "{}"), ProviderAway),
            ((302, "/elsewhere"), ProviderAway),
            ((400, '{"error": "temporarily_unavailable"}'), ProviderAway),
            ((400, '{"error": "invalid_grant", "error_description": "AADSTS1:\\r\\n \\"x\\""}'), GrantLost),
            ((400, '{"error": "interaction_required"}'), GrantLost),
            ((401, '{"error": "invalid_client"}'), ClientRefused),
            ((400, '{"error": "unauthorized_client"}'), ClientRefused),
        ],
    )
    def test_what_each_answer_means(self, provider: Identity, answer: tuple[int, str], error: type[OAuthError]) -> None:
        provider.answer = answer
        with pytest.raises(error) as caught:
            oauth.refresh("google", "rt.old")
        assert "rt.old" not in f"{caught.value} {caught.value.description}"

    def test_nobody_there(self, provider: Identity, settings: Any) -> None:
        settings.MAIL_OAUTH_ENDPOINTS = {"google": {"token": "http://127.0.0.1:9/token"}}
        with pytest.raises(ProviderAway):
            oauth.refresh("google", "rt.old")

    def test_a_secret_is_sent_nowhere_in_the_clear(self, provider: Identity, settings: Any) -> None:
        settings.MAIL_OAUTH_ENDPOINTS = {"google": {"token": "http://mail.example/token"}}
        with pytest.raises(ProviderAway):
            oauth.refresh("google", "rt.old")

    @pytest.mark.parametrize(
        ("url", "safe"),
        [
            ("https://x.example/token", True),
            ("http://x.example/token", False),
            ("http://127.0.0.1:80/token", True),
            ("http://localhost/token", True),
            ("http://localhost.evil.example/token", False),
            ("file:///etc/passwd", False),
            ("https:///token", False),
            ("http://[broken", False),
        ],
    )
    def test_safe_addresses(self, url: str, safe: bool) -> None:
        assert is_safe(url) is safe


@pytest.mark.django_db
class TestClient:
    def test_the_environment_where_the_browser_says_nothing(self, provider: Identity) -> None:
        assert client_of("google").client_id == CLIENT_ID
        assert client_of("google").is_complete

    def test_the_browser_wins(self, provider: Identity) -> None:
        OAuthClient.objects.create(provider="google", client_id="mine")
        assert client_of("google").client_id == "mine"
        # A secret belongs to its id.
        assert not client_of("google").client_secret

    def test_the_tenant_alone_may_be_set(self, provider: Identity) -> None:
        OAuthClient.objects.create(provider="microsoft", tenant="miempresa.onmicrosoft.com")
        client = client_of("microsoft")
        assert (client.client_id, client.tenant) == (CLIENT_ID, "miempresa.onmicrosoft.com")

    def test_the_tenant_is_in_the_address_and_cannot_leave_it(self, settings: Any) -> None:
        settings.MAIL_OAUTH_ENDPOINTS = {}
        OAuthClient.objects.create(provider="microsoft", tenant="../evil")
        authorize, token = endpoints_of("microsoft", client_of("microsoft"))
        assert authorize == "https://login.microsoftonline.com/..%2Fevil/oauth2/v2.0/authorize"
        assert token.endswith("/..%2Fevil/oauth2/v2.0/token")

    def test_without_credentials_nobody_is_asked(self, settings: Any) -> None:
        settings.MAIL_OAUTH_CLIENTS = {}
        with pytest.raises(ClientRefused, match="client_missing"):
            oauth.start("google", redirect_uri=BACK)

    def test_no_secret_shows_when_it_is_printed(self, provider: Identity) -> None:
        assert CLIENT_SECRET not in repr(client_of("google"))


@pytest.mark.django_db(transaction=True)
class TestTokens:
    def take(self, grant: Grant, **changes: Any) -> str:
        grant.refresh_from_db()
        return oauth_tokens.take(grant.pk, grant.connected_at, **changes).value

    def test_a_good_token_is_just_there(self, provider: Identity, server: Server) -> None:
        grant = connect(server, provider)
        assert provider.accepts(server.username, self.take(grant))
        assert provider.asked == []

    @pytest.mark.parametrize("left", [60, -60], ids=["about to end", "ended"])
    def test_it_is_renewed_in_time_and_the_new_refresh_token_kept_at_once(
        self, provider: Identity, server: Server, left: int
    ) -> None:
        grant = connect(server, provider)
        before = decrypt(grant.refresh_token)
        age(left)

        token = self.take(grant)

        grant.refresh_from_db()
        assert provider.accepts(server.username, token)
        assert decrypt(grant.access_token) == token
        assert decrypt(grant.refresh_token) not in ("", before)
        assert grant.refreshing_until is None
        assert grant.expires_at is not None
        assert grant.expires_at > now() + timedelta(minutes=50)
        assert self.take(grant) == token
        assert provider.refreshes == 1

    def test_a_provider_that_keeps_the_refresh_token(self, provider: Identity, server: Server) -> None:
        provider.rotates = False
        grant = connect(server, provider)
        Grant.objects.update(expires_at=now())
        self.take(grant)
        Grant.objects.update(expires_at=now())
        self.take(grant)
        assert provider.refreshes == 2

    def test_a_token_that_the_server_refused_is_renewed_whatever_its_date(
        self, provider: Identity, server: Server
    ) -> None:
        grant = connect(server, provider)
        old = self.take(grant)
        new = self.take(grant, but=old)
        assert new != old
        # Whoever was refused with the same one finds the new one.
        assert self.take(grant, but=old) == new
        assert provider.refreshes == 1

    def test_many_at_once_ask_once(self, provider: Identity, server: Server) -> None:
        grant = connect(server, provider)
        Grant.objects.update(expires_at=now())
        provider.slowness = 0.3
        found: list[str] = []

        def work() -> None:
            try:
                found.append(self.take(grant))
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

        assert len(found) == 6
        assert len(set(found)) == 1
        assert provider.refreshes == 1

    def test_what_is_taken_back_is_written_down_and_not_asked_again(self, provider: Identity, server: Server) -> None:
        grant = connect(server, provider)
        Grant.objects.update(expires_at=now())
        provider.revoke()

        for _ in range(2):
            with pytest.raises(GrantLost, match="invalid_grant"):
                self.take(grant)

        grant.refresh_from_db()
        assert (grant.failure, grant.access_token) == ("invalid_grant", "")
        assert grant.failed_at is not None
        assert provider.refreshes == 1

    def test_a_provider_that_is_away_costs_nothing_while_the_token_lasts(
        self, provider: Identity, server: Server
    ) -> None:
        grant = connect(server, provider)
        age(120)
        provider.answer = (503, "")
        assert provider.accepts(server.username, self.take(grant))

        Grant.objects.update(expires_at=now())
        with pytest.raises(ProviderAway):
            self.take(grant)
        grant.refresh_from_db()
        assert (grant.failure, grant.refreshing_until) == ("", None)

    def test_a_worker_that_died_is_not_waited_for_for_ever(self, provider: Identity, server: Server) -> None:
        grant = connect(server, provider)
        Grant.objects.update(expires_at=now(), refreshing_until=now() - timedelta(seconds=1))
        assert provider.accepts(server.username, self.take(grant))

    def test_an_account_connected_meanwhile_is_not_overwritten(self, provider: Identity, server: Server) -> None:
        grant = connect(server, provider)
        Grant.objects.update(expires_at=now())
        grant.refresh_from_db()
        late = Grant.objects.get()
        connect(server, provider, "otra@m.test")

        assert not oauth_tokens._take_lease(late)
        with pytest.raises(ProviderAway, match="connected_anew"):
            oauth_tokens.take(late.pk, late.connected_at)
        assert Grant.objects.get().account == "otra@m.test"

    def test_no_key_opens_them_any_more(self, provider: Identity, server: Server) -> None:
        grant = connect(server, provider)
        Grant.objects.update(access_token="x", refresh_token="y")
        with pytest.raises(GrantLost, match="unreadable"):
            self.take(grant)
        assert provider.asked == []

    def test_after_it_was_disconnected(self, provider: Identity, server: Server) -> None:
        grant = connect(server, provider)
        pk, moment = grant.pk, grant.connected_at
        grant.delete()
        with pytest.raises(NotConnected):
            oauth_tokens.take(pk, moment)

    def test_nothing_secret_is_kept_in_the_clear_or_logged(
        self, provider: Identity, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        grant = connect(server, provider)
        Grant.objects.update(expires_at=now())
        self.take(grant)
        provider.revoke()
        Grant.objects.update(expires_at=now())
        with pytest.raises(GrantLost):
            self.take(grant)

        row = str(Grant.objects.values().get())
        assert provider.issued
        for secret in [*provider.issued, CLIENT_SECRET]:
            assert secret not in caplog.text
            assert secret not in row


class TestPlace:
    @pytest.mark.parametrize(
        "change",
        [
            {"host": "evil.example"},
            {"port": 587},
            {"security": "starttls"},
            {"username": "otro@m.test"},
            {"verify_certificate": False},
            {"ca_certificate": "x"},
            {"authentication": "microsoft"},
        ],
        ids=str,
    )
    def test_tokens_go_nowhere_else(self, identity: Identity, server: Server, change: dict[str, Any]) -> None:
        connect(server, identity)
        assert oauth_tokens.grant_of(Server.objects.get())
        Server.objects.update(**change)
        assert oauth_tokens.grant_of(Server.objects.get()) is None

    def test_what_else_changes_does_not_matter(self, identity: Identity, server: Server) -> None:
        connect(server, identity)
        Server.objects.update(name="Otro nombre", priority=3, from_filter="m.test", host="SMTP.gmail.com.")
        assert oauth_tokens.grant_of(Server.objects.get())

    def test_a_server_that_is_not_saved(self) -> None:
        assert oauth_tokens.grant_of(Server(authentication="google")) is None
