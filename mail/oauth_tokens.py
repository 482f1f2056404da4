"""The tokens of a grant: kept encrypted, renewed by one worker at a time, shown to no other place.

Whoever finds a token about to expire takes a lease on the grant, in one statement; the others use the old token
while it lasts, or wait for the new one. The provider is asked with no transaction open, so that a slow one holds up
neither the rows nor, on SQLite, all writers.
"""

import json
import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac
from django.utils.timezone import now

from mail import oauth, secret_places
from mail.fields import decrypt, encrypt
from mail.models import Grant, Provider, Server
from mail.oauth_errors import GrantLost, NotConnected, OAuthError, ProviderAway

logger = logging.getLogger(__name__)

# The provider has 10 s for each step of the conversation; after this a worker that died is not waited for.
LEASE_SECONDS = 30
WAIT_SECONDS = 0.1
# A token is renewed so long before its end, or in the last tenth of a shorter life.
EARLY = timedelta(minutes=5)
# Below this a token may end while the server looks at it.
LEAST = timedelta(seconds=5)
# What was not used for so long is renewed all the same.
IDLE = timedelta(days=1)
# New tokens that the database does not take are offered to it for so long: a provider may have burnt the old ones.
KEEP_SECONDS = (0.1, 0.5, 1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and until when there is no need to ask for another."""

    value: str = field(repr=False)
    fresh_until: datetime


def place_of(server: Server) -> str:
    """A print of where the server's secrets may go (design §8), and of who let us in there."""
    parts = [server.authentication, *secret_places.place_of(server)]
    return salted_hmac("mail.grant", json.dumps(parts), algorithm="sha256").hexdigest()


def grant_of(server: Server) -> Grant | None:
    """The grant that the server may use as it stands; None when an account must be connected first."""
    grant: Grant | None = getattr(server, "grant", None) if server.pk else None
    if grant is None or grant.provider != server.authentication or grant.place != place_of(server):
        return None
    return grant


def take(grant_id: int, connected_at: datetime | None, *, but: str = "") -> Token:
    """A token that is good for a while, other than `but`, asking the provider when it is due. Raises OAuthError.

    Takes as long as the provider; whoever comes second finds what the first one got.
    """
    ends = time.monotonic() + LEASE_SECONDS
    while True:
        grant = Grant.objects.filter(pk=grant_id).first()
        if grant is None:
            raise NotConnected("not_connected")
        if grant.connected_at != connected_at:
            raise ProviderAway("connected_anew")  # another account, maybe: not for the connections of before
        if grant.failure:
            raise GrantLost(grant.failure)
        fresh = _fresh(grant, but)
        if fresh is not None:
            return fresh
        if _take_lease(grant):
            if renewed := _renew(grant, but):
                return renewed
        elif old := _still_good(grant, but):
            return old
        elif time.monotonic() > ends:
            raise ProviderAway("waited_too_long")
        time.sleep(WAIT_SECONDS)


def keep_alive() -> None:
    """Renew the tokens that nobody has used for a day: a provider takes back what lies idle for months.

    What was taken back already is found out now, and not by the first mail that is late.
    """
    idle = Grant.objects.filter(failure="", refreshed_at__lt=now() - IDLE)
    for grant in idle.select_related("server"):
        try:
            if grant_of(grant.server) and _take_lease(grant):
                _renew(grant, "")
        except GrantLost as lost:
            if not grant.server.blocked_cause:
                grant.server.block(cause="reconnect_needed", reply=lost.code)
        except OAuthError:
            continue  # it is asked again when it is needed, or in an hour


def keep(server: Server, tokens: oauth.Tokens, user_id: int | None) -> Grant:
    """Remember what an account granted for this server, instead of whatever was there before."""
    moment = now()
    grant, _created = Grant.objects.update_or_create(
        server=server,
        defaults={
            "provider": server.authentication,
            "account": tokens.account,
            "scopes": tokens.scopes,
            "access_token": encrypt(tokens.access_token),
            "refresh_token": encrypt(tokens.refresh_token),
            "expires_at": moment + timedelta(seconds=tokens.seconds),
            "connected_at": moment,
            "connected_by_id": user_id,
            "refreshed_at": moment,
            "failure": "",
            "failed_at": None,
            "place": place_of(server),
            "refreshing_until": None,
        },
    )
    return grant


def settle(server: Server) -> None:
    """After the server's settings changed: forget what nothing uses any more, and stop it while nobody is connected."""
    Grant.objects.filter(server=server).exclude(provider=server.authentication).delete()
    if server.authentication in Provider.values:
        current = Server.objects.select_related("grant").get(pk=server.pk)
        if not current.blocked_cause and grant_of(current) is None:
            server.block(cause="not_connected", reply="")


def disconnect(server: Server) -> None:
    """Forget the tokens. What waits for the server goes on waiting until somebody connects again."""
    Grant.objects.filter(server=server).delete()
    server.block(cause="not_connected", reply="")


def _fresh(grant: Grant, but: str) -> Token | None:
    """The stored token, while there is no need of another."""
    if grant.expires_at is None or grant.refreshed_at is None:
        return None
    early = min(EARLY, (grant.expires_at - grant.refreshed_at) / 10)
    fresh_until = grant.expires_at - max(early, LEAST)
    value = decrypt(grant.access_token)
    return Token(value, fresh_until) if value and value != but and fresh_until > now() else None


def _still_good(grant: Grant, but: str) -> Token | None:
    """The stored token in its last minutes: good enough while somebody else gets a new one, or nobody can."""
    value = decrypt(grant.access_token)
    if not value or value == but or grant.expires_at is None or grant.expires_at - LEAST <= now():
        return None
    return Token(value, now())


def _take_lease(grant: Grant) -> bool:
    """Whether it is ours to ask: nobody else does, and nobody has since we looked."""
    free = Q(refreshing_until=None) | Q(refreshing_until__lte=Now())
    seen = Grant.objects.filter(
        free, pk=grant.pk, access_token=grant.access_token, refresh_token=grant.refresh_token, failure=""
    )
    return bool(seen.update(refreshing_until=Now() + timedelta(seconds=LEASE_SECONDS)))


def _renew(grant: Grant, but: str) -> Token | None:
    """The token that the provider gives now; None when the account was connected anew meanwhile."""
    # A grant that a person has just made is never overwritten by the answer to the old one.
    ours = Grant.objects.filter(pk=grant.pk, connected_at=grant.connected_at)
    try:
        tokens = oauth.refresh(grant.provider, _refresh_token(grant))
    except GrantLost as lost:
        logger.warning("grant %s: the provider takes it back (%s)", grant.pk, lost.code)
        if ours.update(failure=lost.code, failed_at=now(), access_token="", refreshing_until=None):
            raise
        return None
    except OAuthError as trouble:
        logger.warning("grant %s: no new token (%s)", grant.pk, trouble.code)
        ours.update(refreshing_until=None)
        if isinstance(trouble, ProviderAway) and (old := _still_good(grant, but)):
            return old
        raise
    except BaseException:
        ours.update(refreshing_until=None)
        raise
    return _store(grant, tokens)


def _refresh_token(grant: Grant) -> str:
    token = decrypt(grant.refresh_token)
    if not token:
        raise GrantLost("unreadable")  # no key opens it any more
    return token


def _store(grant: Grant, tokens: oauth.Tokens) -> Token | None:
    moment = now()
    ours = Grant.objects.filter(pk=grant.pk, connected_at=grant.connected_at)
    changes = {
        "access_token": encrypt(tokens.access_token),
        "refresh_token": encrypt(tokens.refresh_token) if tokens.refresh_token else grant.refresh_token,
        "expires_at": moment + timedelta(seconds=tokens.seconds),
        "refreshed_at": moment,
        "scopes": tokens.scopes or grant.scopes,
        "refreshing_until": None,
    }
    for pause in KEEP_SECONDS:
        try:
            stored = ours.update(**changes)
            break
        except (OperationalError, InterfaceError):
            # Google lets an old refresh token live, Microsoft for a while; others end it with its first use.
            connection.close()
            time.sleep(pause)
    else:
        raise ProviderAway("not_stored")
    for name, value in changes.items():
        setattr(grant, name, value)
    return _fresh(grant, "") or _still_good(grant, "") or Token(tokens.access_token, moment) if stored else None
