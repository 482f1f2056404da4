"""Google and Microsoft: where they are asked, for what, and under which name they know this installation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from django.conf import settings

from mail.fields import decrypt
from mail.models import OAuthClient, Provider

# Any account, of a company or a private one.
ANY_TENANT = "common"


@dataclass(frozen=True, slots=True)
class Client:
    """The application's own credentials at a provider."""

    client_id: str = ""
    # None: there is one, but no key opens it.
    client_secret: str | None = field(default="", repr=False)
    tenant: str = ""

    @property
    def is_complete(self) -> bool:
        return bool(self.client_id and self.client_secret)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider is asked, and for what."""

    authorize: str
    token: str
    scopes: tuple[str, ...]
    # How the scope ends without which no mail can be sent, in small letters; people may untick it.
    mail_scope: str
    # What makes the provider give a token that outlives the hour.
    asks: Mapping[str, str]
    # How the issuer of its identity tokens begins.
    issuers: tuple[str, ...]
    # Where an administrator registers the application.
    console: str
    # The claims that name the mailbox, best first.
    account_claims: tuple[str, ...]


PLACES: dict[str, Place] = {
    Provider.GOOGLE: Place(
        authorize="https://accounts.google.com/o/oauth2/v2/auth",
        token="https://oauth2.googleapis.com/token",  # noqa: S106  # an address
        scopes=("https://mail.google.com/", "openid", "email"),
        mail_scope="https://mail.google.com/",
        # Google gives a refresh token only with the first consent, unless it is asked for anew.
        asks={"access_type": "offline", "prompt": "consent"},
        issuers=("https://accounts.google.com", "accounts.google.com"),
        console="https://console.cloud.google.com/apis/credentials",
        account_claims=("email",),
    ),
    Provider.MICROSOFT: Place(
        authorize="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106  # an address
        # `profile` brings preferred_username: the name that one logs in with.
        scopes=("https://outlook.office.com/SMTP.Send", "offline_access", "openid", "email", "profile"),
        mail_scope="/smtp.send",
        asks={"prompt": "select_account"},
        issuers=("https://login.microsoftonline.com/",),
        console="https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
        account_claims=("preferred_username", "upn", "email"),
    ),
}


def client_of(provider: str) -> Client:
    """The credentials of this installation: those of the browser where there are any, else the environment's."""
    given = environment_client(provider)
    row = OAuthClient.objects.filter(provider=provider).first()
    if row is None:
        return given
    tenant = row.tenant or given.tenant
    if not row.client_id:
        return Client(given.client_id, given.client_secret, tenant)
    # A secret belongs to its id: one of the environment goes with an id of the browser only when they are the same.
    same = row.client_id == given.client_id and not row.client_secret
    return Client(row.client_id, given.client_secret if same else decrypt(row.client_secret), tenant)


def environment_client(provider: str) -> Client:
    """What the environment says."""
    return Client(**settings.MAIL_OAUTH_CLIENTS.get(provider, {}))


def endpoints_of(provider: str, client: Client) -> tuple[str, str]:
    """Where to authorise, and where to ask for tokens; MAIL_OAUTH_ENDPOINTS goes before the public addresses."""
    place, instead = PLACES[provider], settings.MAIL_OAUTH_ENDPOINTS.get(provider, {})
    tenant = quote(client.tenant or ANY_TENANT, safe="")
    authorize: str = instead.get("authorize", place.authorize)
    token: str = instead.get("token", place.token)
    return authorize.replace("{tenant}", tenant), token.replace("{tenant}", tenant)


def issuers_of(provider: str) -> tuple[str, ...]:
    """How the issuer of an identity token may begin."""
    issuer = settings.MAIL_OAUTH_ENDPOINTS.get(provider, {}).get("issuer")
    return (issuer,) if issuer else PLACES[provider].issuers
