"""A second look at a server that failed a test, so that the advice is what is so, and no guess. Never logs in."""

import asyncio
import contextlib
from dataclasses import dataclass, replace

from mail.connection import Connection
from mail.endpoint import Endpoint
from mail.exceptions import DeliveryError, Phase

LOOK_SECONDS = 5.0

_SHOW_CERTIFICATE = ("certificate_name", "certificate_expired", "certificate_not_yet", "certificate_untrusted")
# What a port that waits for TLS does to those who wait for its greeting.
_MAYBE_TLS = ("no_greeting", "timeout", "dropped", "protocol_error")
_MAYBE_PLAIN = ("tls_not_spoken", "tls_failed")


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is: the server's certificate (DER), how its port speaks, and what it offers."""

    certificate: bytes | None = None
    speaks_tls: bool = False
    speaks_plainly: bool = False
    features: frozenset[str] = frozenset()


async def look_again(connection: Connection, cause: str, phase: Phase) -> Seen:
    """What explains this failure, as far as it can be seen within a few seconds."""
    endpoint = connection.endpoint
    if cause in _SHOW_CERTIFICATE:
        return await _look(endpoint, "starttls")
    if cause in _MAYBE_TLS and phase == "greeting" and endpoint.security != "tls":
        return await _look(replace(endpoint, security="tls"), "starttls")
    if cause in _MAYBE_PLAIN and endpoint.security == "tls":
        return await _look(replace(endpoint, security="none"), "ehlo")
    return Seen(features=frozenset(connection.extensions))


async def _look(endpoint: Endpoint, last: Phase) -> Seen:
    """What shows up to this phase, or as far as one comes; knows and says no secret, and trusts nobody."""
    strange = replace(
        endpoint,
        username="",
        password="",
        tokens=None,
        client_certificate="",
        client_key="",
        verify_certificate=False,
        connect_seconds=min(endpoint.connect_seconds, LOOK_SECONDS),
        command_seconds=min(endpoint.command_seconds, LOOK_SECONDS),
    )
    connection = Connection(strange)
    try:
        with contextlib.suppress(DeliveryError, TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                for phase, step in connection.steps():
                    await step()
                    if phase == last:
                        break
        return Seen(
            certificate=connection.certificate,
            speaks_tls=bool(connection.tls),
            speaks_plainly=connection.greeted is not None,
            features=frozenset(connection.extensions),
        )
    finally:
        await connection.abort()
