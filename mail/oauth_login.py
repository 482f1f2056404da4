"""What a connection asks for when it logs in by OAuth: a token, as late as possible and from whoever has it."""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from aiosmtplib.auth import auth_xoauth2_encode
from django.db import InterfaceError, OperationalError, connections
from django.utils.timezone import now

from mail import oauth_tokens
from mail.exceptions import DeliveryError, Reply
from mail.models import Server
from mail.oauth_errors import ClientRefused, GrantLost, NotConnected, OAuthError
from mail.oauth_tokens import Token
from mail.wire import without_secrets

# The kind of DeliveryError that each is; whatever else went wrong may pass.
KINDS: dict[type[OAuthError], str] = {
    NotConnected: "not_connected",
    GrantLost: "grant_lost",
    ClientRefused: "oauth_client",
}


class TokenSource(Protocol):
    """Where a connection gets its token. Equal sources are the same account's: their users may share connections."""

    async def get(self, *, but: str = "") -> str:
        """A token to log in with, other than `but`, which a server did not take. Raises DeliveryError."""


async def show(say: Callable[..., Awaitable[Reply]], username: str, token: str) -> Reply:
    """What the server answers to a token by XOAUTH2, without any word of it."""
    answer = auth_xoauth2_encode(username, token)
    reply = await say(b"AUTH", b"XOAUTH2", answer)
    if reply.code == 334 and not reply.text:  # it takes no answer before its question
        reply = await say(answer)
    if reply.code == 334:  # why not, in JSON; the refusal itself follows an empty line
        reply = await say(b"")
    return without_secrets(reply, [answer.decode(), token])


@dataclass(frozen=True, slots=True)
class GrantTokens:
    """The tokens of one grant. They change under it; an account that is connected anew is another source."""

    grant_id: int | None = None
    connected_at: datetime | None = None

    @classmethod
    def of(cls, server: Server) -> Self:
        """The tokens that the server may use as it stands."""
        grant = oauth_tokens.grant_of(server)
        return cls(grant.pk, grant.connected_at) if grant else cls()

    async def get(self, *, but: str = "") -> str:
        """See TokenSource. Blocks nobody: a thread with a database connection of its own looks, and asks if it must."""
        known = _known.get(self)
        if known and known.value != but and known.fresh_until > now():
            return known.value
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Token] = loop.create_future()

        def tell(found: Token | Exception) -> None:
            if answer.done():
                return
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def ask() -> None:
            found = self._look(but)
            with contextlib.suppress(RuntimeError):  # nobody waits any more, the loop is closed
                loop.call_soon_threadsafe(tell, found)

        # Not one of the loop's few threads: a provider that does not answer would fill them.
        threading.Thread(target=ask, daemon=True, name=f"token of grant {self.grant_id}").start()
        try:
            return (await answer).value
        except OAuthError as error:
            kind = KINDS.get(type(error), "provider_away")
            raise DeliveryError("auth", kind, detail=f"OAuth: {error.code}") from None
        except (OperationalError, InterfaceError):
            raise DeliveryError("auth", "provider_away", detail="OAuth: the database did not answer") from None

    def _look(self, but: str) -> Token | Exception:
        try:
            if self.grant_id is None:
                return NotConnected("not_connected")
            with _turns[self]:  # one of this process is enough
                known = _known.get(self)
                if known and known.value != but and known.fresh_until > now():
                    return known
                token = oauth_tokens.take(self.grant_id, self.connected_at, but=but)
                _remember(self, token)
                return token
        except Exception as error:
            return error
        finally:
            connections.close_all()


# What this process has seen; the database is asked again when a token is nearly over, or was refused.
_known: dict[GrantTokens, Token] = {}
_turns: defaultdict[GrantTokens, threading.Lock] = defaultdict(threading.Lock)


def _remember(source: GrantTokens, token: Token) -> None:
    # An account that was connected anew has another source; the old one's token is of no use to anybody.
    for old in [other for other in list(_known) if other.grant_id == source.grant_id and other != source]:
        _known.pop(old, None)
        _turns.pop(old, None)
    _known[source] = token
