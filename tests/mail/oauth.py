"""Servers that log in by OAuth, for the tests."""

from collections.abc import Callable
from typing import Any

import pytest

from mail import oauth_tokens
from mail.models import Grant, Server
from mail.oauth import Tokens
from tests.lab.ca import Authority
from tests.lab.identity import Identity
from tests.smtp_double import SmtpDouble


def connect(server: Server, identity: Identity, account: str = "") -> Grant:
    """Connect the server's account, without a browser."""
    server.username = account or identity.account
    server.save(update_fields=["username"])
    access, refresh = identity.grant(server.username)
    tokens = Tokens(access, refresh, identity.seconds, "mail", server.username)
    return oauth_tokens.keep(server, tokens, None)


@pytest.fixture
def gmail(smtp_doubles: Callable[..., SmtpDouble], identity: Identity, authority: Authority) -> SmtpDouble:
    """A mail server that lets in whoever has a token of `identity`."""
    tls = authority.server.server_context()
    return smtp_doubles(security="starttls", tls=tls, accepts_token=identity.accepts)


def row(double: SmtpDouble, authority: Authority, **fields: Any) -> dict[str, Any]:
    """The columns of a server that logs in at the double."""
    return {
        "name": "Gmail ventas",
        "host": double.host,
        "port": double.port,
        "security": double.security,
        "authentication": "google",
        "ca_certificate": authority.pem,
        **fields,
    }
