"""Logging in with a token at a mail server that checks it: accepted, renewed, refused, and mail that waits."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from mail import oauth_login, oauth_tokens
from mail.endpoint import Endpoint, Envelope
from mail.exceptions import DeliveryError
from mail.models import Grant, Mail, OAuthClient, Server
from mail.releasing import release
from mail.replies import Outcome, classify
from mail.smtp import Pool
from tests.lab.ca import Authority
from tests.lab.identity import CLIENT_SECRET, Identity
from tests.mail.conftest import MakeMails, deliver_all
from tests.mail.oauth import connect, gmail, row
from tests.smtp_double import SmtpDouble

__all__ = ["gmail"]

LETTER = Envelope("ventas@miempresa.test", "julia@levante.example", b"Subject: Hola\r\n\r\nHola\r\n")


@pytest.fixture(autouse=True)
def _nothing_known() -> Any:
    oauth_login._known.clear()
    yield
    oauth_login._known.clear()


class Tokens:
    """Tokens without a database: the first until it is refused, then the second."""

    def __init__(self, first: str, second: str = "") -> None:
        self.first, self.second, self.refused = first, second, [""]

    async def get(self, *, but: str = "") -> str:
        if not but:
            return self.first
        self.refused.append(but)
        if not self.second:
            raise DeliveryError("auth", "grant_lost", detail="OAuth: invalid_grant")
        return self.second


def endpoint(double: SmtpDouble, authority: Authority, tokens: Tokens, **fields: Any) -> Endpoint:
    return Endpoint(
        host=double.host,
        port=double.port,
        security=double.security,
        username="ventas@miempresa.test",
        ca_certificate=authority.pem,
        **{"tokens": tokens, **fields},
    )


async def send(place: Endpoint) -> None:
    pool = Pool(place)
    try:
        await pool.send(LETTER)
    finally:
        await pool.close()


class TestLogIn:
    async def test_a_good_token(self, gmail: SmtpDouble, identity: Identity, authority: Authority) -> None:
        await send(endpoint(gmail, authority, Tokens(identity.grant()[0])))
        [mail] = gmail.mails
        assert mail.user == "ventas@miempresa.test"

    async def test_one_that_is_over_is_replaced_once(
        self, gmail: SmtpDouble, identity: Identity, authority: Authority
    ) -> None:
        tokens = Tokens("at.old", identity.grant()[0])
        await send(endpoint(gmail, authority, tokens))
        assert gmail.tokens == [tokens.first, tokens.second]
        assert (len(gmail.mails), gmail.connections) == (1, 1)

    async def test_a_new_one_that_is_refused_too_stops_the_server(
        self, gmail: SmtpDouble, authority: Authority
    ) -> None:
        with pytest.raises(DeliveryError) as caught:
            await send(endpoint(gmail, authority, Tokens("at.old", "at.new")))
        verdict = classify(caught.value)
        assert (verdict.cause, verdict.outcome) == ("token_refused", Outcome.BLOCKED)
        assert gmail.log_ins == 2

    async def test_a_server_that_takes_no_answer_before_its_question(
        self, gmail: SmtpDouble, identity: Identity, authority: Authority
    ) -> None:
        gmail.waits_for_question = True
        await send(endpoint(gmail, authority, Tokens(identity.grant()[0])))
        assert len(gmail.mails) == 1

    async def test_another_account_than_the_user_name(
        self, gmail: SmtpDouble, identity: Identity, authority: Authority
    ) -> None:
        token = identity.grant("otra@miempresa.test")[0]
        with pytest.raises(DeliveryError) as caught:
            await send(endpoint(gmail, authority, Tokens(token, token)))
        assert classify(caught.value).cause == "token_refused"

    async def test_a_server_in_a_bad_moment_costs_no_token(
        self, gmail: SmtpDouble, identity: Identity, authority: Authority
    ) -> None:
        gmail.answer("AUTH", "454 4.7.0 Temporary authentication failure")
        tokens = Tokens(identity.grant()[0])
        with pytest.raises(DeliveryError) as caught:
            await send(endpoint(gmail, authority, tokens))
        assert classify(caught.value).outcome is Outcome.AGAIN
        assert tokens.refused == [""]

    async def test_smtp_switched_off_says_so(self, gmail: SmtpDouble, identity: Identity, authority: Authority) -> None:
        words = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
        gmail.answer("AUTH", words)
        token = identity.grant()[0]
        with pytest.raises(DeliveryError) as caught:
            await send(endpoint(gmail, authority, Tokens(token, token)))
        assert classify(caught.value).cause == "login_disabled"

    async def test_a_server_without_xoauth2(
        self, smtp_doubles: Callable[..., SmtpDouble], authority: Authority
    ) -> None:
        double = smtp_doubles(security="starttls", tls=authority.server.server_context(), users={"a": "b"})
        with pytest.raises(DeliveryError) as caught:
            await send(endpoint(double, authority, Tokens("at.1")))
        assert caught.value.kind == "auth_unavailable"
        assert double.log_ins == 0

    async def test_a_token_is_never_shown_in_the_clear(
        self, smtp_doubles: Callable[..., SmtpDouble], authority: Authority, identity: Identity
    ) -> None:
        double = smtp_doubles(accepts_token=identity.accepts)
        with pytest.raises(DeliveryError) as caught:
            await send(endpoint(double, authority, Tokens(identity.grant()[0])))
        assert classify(caught.value).cause == "tls_required"
        assert double.log_ins == 0

    async def test_a_server_that_repeats_the_token(
        self, gmail: SmtpDouble, authority: Authority, identity: Identity
    ) -> None:
        token = identity.grant()[0]
        gmail.answer("AUTH", f"535 5.7.8 What is {token}, or {token[40:900]}?")
        with pytest.raises(DeliveryError) as caught:
            await send(endpoint(gmail, authority, Tokens(token, token)))
        assert not any(token[at : at + 12] in str(caught.value) for at in range(len(token) - 12))

    def test_equal_sources_share_connections_and_tell_nothing(self, authority: Authority) -> None:
        moment = now()
        one, same, anew = (
            Endpoint("h", 1, tokens=oauth_login.GrantTokens(7, when)) for when in (moment, moment, now())
        )
        assert one == same
        assert one != anew
        assert one != Endpoint("h", 1, tokens=oauth_login.GrantTokens(8, moment))


@pytest.mark.django_db(transaction=True)
class TestDelivery:
    @pytest.fixture
    def server(
        self,
        make_server: Callable[..., Server],
        gmail: SmtpDouble,
        identity: Identity,
        authority: Authority,
        settings: Any,
    ) -> Server:
        settings.MAIL_OAUTH_CLIENTS, settings.MAIL_OAUTH_ENDPOINTS = identity.clients, identity.endpoints
        return make_server(gmail, **row(gmail, authority))

    def test_connected_and_sent(
        self, server: Server, gmail: SmtpDouble, identity: Identity, make_mails: MakeMails
    ) -> None:
        connect(server, identity)
        make_mails("a@x.example", "b@x.example")
        deliver_all()
        assert set(Mail.objects.values_list("state", flat=True)) == {"sent"}
        assert {mail.user for mail in gmail.mails} == {identity.account}

    def test_never_connected(self, server: Server, gmail: SmtpDouble, make_mails: MakeMails) -> None:
        [mail] = make_mails()
        deliver_all()
        server.refresh_from_db()
        mail.refresh_from_db()
        assert (server.blocked_cause, mail.state, mail.cause) == ("not_connected", "queued", "not_connected")
        assert gmail.log_ins == 0

    def test_ended_tokens_are_renewed_on_the_way(
        self, server: Server, gmail: SmtpDouble, identity: Identity, make_mails: MakeMails
    ) -> None:
        connect(server, identity)
        identity.end_access()  # earlier than it had promised
        make_mails(*[f"{number}@x.example" for number in range(30)])
        deliver_all()
        assert len(gmail.mails) == 30
        assert identity.refreshes == 1
        assert len(set(gmail.tokens)) == 2

    def test_taken_back_mail_waits_in_red_and_goes_by_itself_after_reconnecting(
        self, server: Server, gmail: SmtpDouble, identity: Identity, make_mails: MakeMails
    ) -> None:
        connect(server, identity)
        identity.revoke()
        mails = make_mails(*[f"{number}@x.example" for number in range(12)])

        deliver_all()

        server.refresh_from_db()
        assert server.blocked_cause == "reconnect_needed"
        assert Grant.objects.get().failure == "invalid_grant"
        assert Mail.objects.red().count() == len(mails)
        assert set(Mail.objects.values_list("state", flat=True)) == {"queued"}
        assert gmail.log_ins == 1  # one wrong log-in, not twelve

        connect(server, identity)
        release(server)
        deliver_all()

        assert set(Mail.objects.values_list("state", flat=True)) == {"sent"}
        assert len(gmail.mails) == 12

    def test_a_provider_that_is_away_stops_nothing(
        self, server: Server, gmail: SmtpDouble, identity: Identity, make_mails: MakeMails
    ) -> None:
        connect(server, identity)
        Grant.objects.update(expires_at=now() - timedelta(seconds=1))
        identity.answer = (503, "")
        [mail] = make_mails()

        deliver_all()

        server.refresh_from_db()
        mail.refresh_from_db()
        assert (server.blocked_cause, mail.state, mail.cause) == ("", "queued", "provider_away")
        assert mail.due_at > now()

        identity.answer = None
        Mail.objects.update(due_at=now())
        deliver_all()
        mail.refresh_from_db()
        assert mail.state == "sent"

    def test_a_client_secret_that_ran_out_is_told_apart(
        self, server: Server, identity: Identity, make_mails: MakeMails, settings: Any
    ) -> None:
        connect(server, identity)
        Grant.objects.update(expires_at=now())
        OAuthClient.objects.create(provider="google", client_id="another")
        make_mails()
        deliver_all()
        server.refresh_from_db()
        assert server.blocked_cause == "oauth_client"
        assert Grant.objects.get().failure == ""

    def test_another_host_is_never_shown_the_token(
        self, server: Server, gmail: SmtpDouble, identity: Identity, make_mails: MakeMails
    ) -> None:
        connect(server, identity)
        Server.objects.update(host="localhost")
        make_mails()
        deliver_all()
        server.refresh_from_db()
        assert server.blocked_cause == "not_connected"
        assert gmail.tokens == []

    def test_no_secret_in_logs_or_rows(
        self,
        server: Server,
        gmail: SmtpDouble,
        identity: Identity,
        make_mails: MakeMails,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        connect(server, identity)
        identity.end_access()
        make_mails("a@x.example")
        deliver_all()
        identity.revoke()
        make_mails("b@x.example")
        deliver_all()

        rows = [*Grant.objects.values(), *Server.objects.values(), *Mail.objects.values("failure", "cause")]
        told = caplog.text + str(rows) + repr(Endpoint.of(Server.objects.get()))
        assert len(identity.issued) >= 4
        assert not [secret for secret in [*identity.issued, CLIENT_SECRET] if secret in told]


@pytest.mark.django_db(transaction=True)
class TestKeepingAlive:
    def test_a_grant_that_nobody_uses_is_kept(
        self, make_server: Callable[..., Server], gmail: SmtpDouble, identity: Identity, settings: Any
    ) -> None:
        settings.MAIL_OAUTH_CLIENTS, settings.MAIL_OAUTH_ENDPOINTS = identity.clients, identity.endpoints
        server = make_server(gmail, authentication="google", security="starttls")
        connect(server, identity)
        oauth_tokens.keep_alive()
        assert identity.refreshes == 0

        Grant.objects.update(refreshed_at=now() - timedelta(days=2))
        oauth_tokens.keep_alive()
        assert identity.refreshes == 1

        Grant.objects.update(refreshed_at=now() - timedelta(days=2))
        identity.revoke()
        oauth_tokens.keep_alive()
        server.refresh_from_db()
        # Told before any mail is late.
        assert server.blocked_cause == "reconnect_needed"
