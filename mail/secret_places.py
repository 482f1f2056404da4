"""Where a stored secret may be used: with what it was saved for, and nowhere else (design §8)."""

from typing import Any

from mail.models import Server

# Whoever changes any of these must know the secret, for a test as well.
BELONGS_TO = ("host", "port", "username", "security", "verify_certificate", "ca_certificate")


def place_of(server: Server) -> tuple[Any, ...]:
    """What a secret of this server belongs to; compare before and after."""
    return (server.host.lower().removesuffix("."), *(getattr(server, name) for name in BELONGS_TO[1:]))
