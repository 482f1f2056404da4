"""OAuth 2.0 with a provider: ask for a permission (authorization code, PKCE, state), turn it into tokens, renew them.

Nothing here touches the database but the look at our own credentials; `mail.oauth_tokens` keeps what comes out.
"""

import base64
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2.client import OAuth2Client
from django.views.decorators.debug import sensitive_variables

from mail.exceptions import clean
from mail.oauth_errors import ClientRefused, GrantLost, OAuthError, ProviderAway
from mail.oauth_http import Session
from mail.oauth_providers import PLACES, Client, client_of, endpoints_of, issuers_of

# What a provider says when the account has to be asked again. AADSTS codes come with one of these.
LOST = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required", "access_denied"})
PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
# When a provider does not say how long a token lasts (RFC 6749 §5.1 lets it), it is renewed after this.
USUAL_SECONDS = 3600
# Clocks differ.
LEEWAY_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Flow:
    """A request for permission under way: where to send the person, and what the answer must fit."""

    url: str
    state: str
    verifier: str = field(repr=False)
    nonce: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)  # "": the old one stays
    seconds: int
    scopes: str
    account: str = ""


class _Refusal(Exception):
    """The error answer of a provider. Authlib's own refuses the line breaks that Microsoft's descriptions have."""

    def __init__(self, error: str, description: str | None = None) -> None:
        self.error, self.description = str(error)[:60], clean(str(description or ""))
        super().__init__(self.error)


class _Client(OAuth2Client):  # type: ignore[misc]
    oauth_error_class = _Refusal


def start(provider: str, *, redirect_uri: str, account: str = "") -> Flow:
    """Begin to ask for permission. `account` is the one that the person most likely means."""
    client = _complete(client_of(provider))
    authorize, _token = endpoints_of(provider, client)
    asks = {**PLACES[provider].asks}
    if account:
        asks["login_hint"] = account
        if asks["prompt"] == "select_account":
            del asks["prompt"]
    verifier, nonce = secrets.token_urlsafe(64), secrets.token_urlsafe(24)
    url, state = _client(client, redirect_uri, scope=" ".join(PLACES[provider].scopes)).create_authorization_url(
        authorize, state=secrets.token_urlsafe(32), code_verifier=verifier, nonce=nonce, **asks
    )
    return Flow(url, state, verifier, nonce)


@sensitive_variables()
def finish(provider: str, *, code: str, verifier: str, nonce: str, redirect_uri: str) -> Tokens:
    """Turn the code that came back into tokens."""
    client = _complete(client_of(provider))
    _authorize, url = endpoints_of(provider, client)
    answer = _asked(
        client,
        _client(client, redirect_uri).fetch_token,
        url,
        grant_type="authorization_code",
        code=code,
        code_verifier=verifier,
    )
    tokens = _tokens(answer, account=_account(provider, client, answer, nonce))
    if not tokens.refresh_token:
        raise OAuthError("refresh_token_missing")
    granted = tokens.scopes.lower().split()
    if granted and not any(scope.endswith(PLACES[provider].mail_scope) for scope in granted):
        raise OAuthError("scope_missing")
    return tokens


@sensitive_variables()
def refresh(provider: str, refresh_token: str) -> Tokens:
    """A new access token, and maybe a new refresh token, for one that the provider gave before."""
    client = _complete(client_of(provider))
    _authorize, url = endpoints_of(provider, client)
    return _tokens(_asked(client, _client(client).refresh_token, url, refresh_token=refresh_token))


def _complete(client: Client) -> Client:
    if not client.is_complete:
        raise ClientRefused("client_missing")
    return client


def _client(client: Client, redirect_uri: str | None = None, scope: str | None = None) -> _Client:
    return _Client(
        Session(),
        client_id=client.client_id,
        client_secret=client.client_secret,
        # In the body and not in a header, where secrets with special characters are read differently by everyone.
        token_endpoint_auth_method="client_secret_post",  # noqa: S106  # a method's name
        scope=scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )


@sensitive_variables()
def _asked(client: Client, question: Any, url: str, **kwargs: str) -> dict[str, Any]:
    """The provider's answer, or the error that says what has to happen next."""
    try:
        answer: dict[str, Any] = question(url, **kwargs)
    except _Refusal as refusal:
        # A provider that repeats what it did not like must not have it shown or written down.
        words = refusal.description
        for secret in filter(None, [*kwargs.values(), client.client_secret]):
            words = words.replace(secret, "***")
        if refusal.error in LOST:
            raise GrantLost(refusal.error, words) from None
        if refusal.error in PASSING:
            raise ProviderAway(refusal.error, words) from None
        raise ClientRefused(refusal.error, words) from None
    except ValueError:
        raise ProviderAway("no_json") from None
    if not isinstance(answer.get("access_token"), str) or not answer["access_token"]:
        raise ProviderAway("no_token")
    return answer


def _tokens(answer: dict[str, Any], account: str = "") -> Tokens:
    try:
        seconds = int(answer.get("expires_in") or USUAL_SECONDS)
    except (TypeError, ValueError):
        seconds = USUAL_SECONDS
    refresh_token, scopes = answer.get("refresh_token"), answer.get("scope")
    return Tokens(
        access_token=answer["access_token"],
        refresh_token=refresh_token if isinstance(refresh_token, str) else "",
        seconds=max(1, min(seconds, 86400 * 30)),
        scopes=scopes if isinstance(scopes, str) else "",
        account=account,
    )


def _account(provider: str, client: Client, answer: dict[str, Any], nonce: str) -> str:
    """Whose mailbox it is, as the identity token says.

    Its signature is not needed: it came straight from the provider, by TLS (OpenID Connect Core §3.1.3.7, 6).
    """
    claims = _claims(answer.get("id_token"))
    audience = claims.get("aud")
    fits = (
        str(claims.get("iss", "")).startswith(issuers_of(provider))
        and client.client_id in (audience if isinstance(audience, list) else [audience])
        and hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
        and isinstance(claims.get("exp"), int | float)
        and claims["exp"] > time.time() - LEEWAY_SECONDS
    )
    if not fits:
        raise OAuthError("identity_invalid")
    names = (claims.get(name) for name in PLACES[provider].account_claims)
    # No control characters: it is written between others in the log-in, and shown.
    found = (name for name in names if isinstance(name, str) and "@" in name and name.isprintable())
    return next(found, "")[:254]


def _claims(token: object) -> dict[str, Any]:
    try:
        payload = str(token).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
