"""Plain values: where a server is and how to enter, what it is given, what it answered."""

import os
import secrets
import ssl
import tempfile
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from mail import headers
from mail.addresses import normalise_host
from mail.certificates import certificates_in
from mail.environment import environment_password
from mail.exceptions import Reply
from mail.extra_headers import headers_of
from mail.fields import decrypt
from mail.models import Provider, Server
from mail.oauth_login import GrantTokens, TokenSource


class ClientCertificateUnusable(ValueError):
    """We cannot show the certificate by which we log in; `kind` is the one of the DeliveryError to raise."""

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


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
    # What we show to be let in, PEM; the key is None where there is one and nothing opens it.
    client_certificate: str = field(default="", repr=False)
    client_key: str | None = field(default="", repr=False)
    # Where the token comes from, for those who log in by OAuth: tokens change, and connections stay.
    tokens: TokenSource | None = None
    ehlo_name: str = ""
    connect_seconds: float = 10
    command_seconds: float = 60
    data_seconds: float = 600
    max_connections: int = 10
    # What the form says, beside what the server itself says in EHLO; None is without limit.
    largest_mail: int | None = None
    # What every mail carries besides.
    extra_headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, server: Server) -> Self:
        """The endpoint that a row describes; the time limits it leaves open are those of the settings."""
        way = server.authentication
        logs_in, shows = way == Server.Authentication.PASSWORD, way == Server.Authentication.CERTIFICATE
        by_token = way in Provider.values
        password = environment_password() if server.is_environment else server.open_password()
        return cls(
            host=server.host,
            port=server.port,
            security=server.security,
            username=server.username if logs_in or by_token else "",
            password=password if logs_in else "",
            tokens=GrantTokens.of(server) if by_token else None,
            verify_certificate=server.verify_certificate,
            ca_certificate=server.ca_certificate,
            client_certificate=server.client_certificate if shows else "",
            client_key=decrypt(server.client_key) if shows else "",
            ehlo_name=server.ehlo_name,
            connect_seconds=server.connect_seconds or settings.MAIL_CONNECT_SECONDS,
            command_seconds=server.command_seconds or settings.MAIL_COMMAND_SECONDS,
            data_seconds=server.data_seconds or settings.MAIL_DATA_SECONDS,
            max_connections=server.max_connections,
            largest_mail=server.largest_mail,
            extra_headers=headers_of(server.extra_headers),
        )

    def dressed(self, envelope: "Envelope") -> "Envelope":
        """The mail as this server gets it: with the header lines of the server that it does not have itself."""
        if not self.extra_headers:
            return envelope
        head = envelope.message[: envelope.message.find(b"\r\n\r\n") + 2].lower()
        lines = [
            headers.text(name, value).encode()
            for name, value in self.extra_headers
            if not (b"\r\n" + head).count(b"\r\n" + name.lower().encode() + b":")
        ]
        return replace(envelope, message=b"".join(lines) + envelope.message)

    def leads_to(self, server: Server) -> bool:
        """Whether the row still says what this was made from; how many connections it may have does not matter."""
        return replace(Endpoint.of(server), max_connections=self.max_connections) == self

    def tls_context(self) -> ssl.SSLContext:
        """How TLS is checked, and what we show of ourselves.

        Raises ClientCertificateUnusable for our own certificate, ValueError for a private CA that is no certificate.
        """
        if not self.client_certificate:
            return _tls_context(self.verify_certificate, self.ca_certificate)
        # Made anew each time: a context that is kept would keep the private key of a server long deleted.
        context = _new_context(self.verify_certificate, self.ca_certificate)
        _show(context, self.client_certificate, self.client_key)
        return context


def normalise_ehlo_name(text: str) -> str:
    """The name to say in EHLO: a host name, or an address as RFC 5321 §4.1.3 writes it. Raises InvalidAddress."""
    name = normalise_host(text.strip().removeprefix("[").removesuffix("]").removeprefix("IPv6:"))
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _show(context: ssl.SSLContext, chain: str, key: str | None) -> None:
    """Give the context our certificate and its key, which OpenSSL takes from a file only."""
    if key is None:
        raise ClientCertificateUnusable("credentials_unreadable", "No key opens the stored private key")
    found = certificates_in(chain)
    if found and found[0].is_expired:
        raise ClientCertificateUnusable("client_certificate_expired", "The client certificate has expired")
    # Even if this program is killed now: what lies in the file is of no use without a password that was never there.
    password = secrets.token_urlsafe(32).encode()
    handle, path = tempfile.mkstemp(prefix="daeris-")
    try:
        locked = load_pem_private_key(key.encode(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
        )
        with os.fdopen(handle, "wb") as file:
            file.write(chain.encode() + locked)
        context.load_cert_chain(path, password=password)
    except (ValueError, TypeError, ssl.SSLError) as error:
        raise ClientCertificateUnusable(
            "client_certificate_invalid", "The client certificate and its private key cannot be used"
        ) from error
    finally:
        Path(path).unlink(missing_ok=True)


@lru_cache(maxsize=64)  # reading the system's authorities takes some 20 ms
def _tls_context(verify_certificate: bool, ca_certificate: str) -> ssl.SSLContext:
    return _new_context(verify_certificate, ca_certificate)


def _new_context(verify_certificate: bool, ca_certificate: str) -> ssl.SSLContext:
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
    """One mail for one recipient; `message` has CRLF line ends.

    What it has in common with other copies may come apart from it, in `shared`, ready for the wire as
    `wire.dot_stuffed` makes it: so that many copies of a large mail are many heads and one body.
    """

    sender: str
    recipient: str
    message: bytes = field(repr=False)
    smtputf8: bool = False
    shared: bytes = field(default=b"", repr=False)

    @property
    def size(self) -> int:
        """How many bytes it has, to some dots that are doubled on the wire."""
        return len(self.message) + len(self.shared)

    @property
    def is_ascii(self) -> bool:
        return self.message.isascii() and self.shared.isascii()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took responsibility for the mail."""

    reply: Reply
    tls: str  # "TLSv1.3", or "" for a connection in the clear
