"""Plain values: where a server is and how to enter, what it is given, what it answered."""

import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from django.conf import settings

from mail.environment import environment_password
from mail.exceptions import Reply
from mail.models import Server


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server to speak to. Two equal endpoints may share connections; different credentials never do."""

    host: str
    port: int
    security: str = "none"  # none, starttls, tls
    username: str = ""
    # None: there is one, but no key opens it.
    password: str | None = field(default="", repr=False)
    verify_certificate: bool = True
    ca_certificate: str = field(default="", repr=False)
    ehlo_name: str = ""
    connect_seconds: float = 10
    command_seconds: float = 60
    data_seconds: float = 600
    max_connections: int = 10

    @classmethod
    def of(cls, server: Server) -> Self:
        """The endpoint that a row describes, with the time limits of the settings."""
        logs_in = server.authentication == Server.Authentication.PASSWORD
        password = environment_password() if server.is_environment else server.open_password()
        return cls(
            host=server.host,
            port=server.port,
            security=server.security,
            username=server.username if logs_in else "",
            password=password if logs_in else "",
            verify_certificate=server.verify_certificate,
            ca_certificate=server.ca_certificate,
            connect_seconds=settings.MAIL_CONNECT_SECONDS,
            command_seconds=settings.MAIL_COMMAND_SECONDS,
            data_seconds=settings.MAIL_DATA_SECONDS,
            max_connections=server.max_connections,
        )

    def tls_context(self) -> ssl.SSLContext:
        """How TLS is checked. Raises ValueError for a private CA that is no certificate."""
        return _tls_context(self.verify_certificate, self.ca_certificate)


@lru_cache(maxsize=64)  # reading the system's authorities takes some 20 ms
def _tls_context(verify_certificate: bool, ca_certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Python 3.13 began to refuse what many private CAs issue (no key identifiers); the same rules everywhere.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_certificate:
        # Whoever uploads an intermediate certificate means to trust it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(cadata=ca_certificate)
        except (ssl.SSLError, TypeError) as error:
            raise ValueError("Not a certificate in PEM form") from error
    if not verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail for one recipient; `message` has CRLF line ends."""

    sender: str
    recipient: str
    message: bytes = field(repr=False)
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took responsibility for the mail."""

    reply: Reply
    tls: str  # "TLSv1.3", or "" for a connection in the clear
