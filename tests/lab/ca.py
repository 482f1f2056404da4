"""A certification authority for tests, and the certificates that go wrong in each way that matters."""

import datetime as dt
import functools
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = ("localhost", "mx.lab.test", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.certificate.read_text()

    @property
    def fingerprint(self) -> str:
        """SHA-256, as Postfix writes it."""
        found = x509.load_pem_x509_certificate(self.certificate.read_bytes()).fingerprint(hashes.SHA256())
        return found.hex(":").upper()

    def server_context(self) -> ssl.SSLContext:
        """What a TLS server with this certificate listens with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """One root. `server` is good for every loopback name; the others are wrong in the way their name says."""

    def __init__(self, folder: Path, name: str = "Daeris test CA", *, days: tuple[int, int] = (-1, 30)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._root = self._sign_root(days)
        self.certificate = folder / "ca.crt"
        self.certificate.write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    @property
    def pem(self) -> str:
        return self.certificate.read_text()

    @functools.cached_property
    def server(self) -> Certificate:
        return self.issue("server")

    @functools.cached_property
    def expired(self) -> Certificate:
        return self.issue("expired", days=(-20, -10))

    @functools.cached_property
    def wrong_host(self) -> Certificate:
        return self.issue("wronghost", hosts=("mail.elsewhere.test",))

    @functools.cached_property
    def untrusted(self) -> Certificate:
        """Issued by another root, which nobody trusts."""
        return Authority(self.folder / "stranger", "Somebody else's CA").server

    @functools.cached_property
    def client(self) -> Certificate:
        """For logging in: the one that servers of the laboratory let in."""
        return self.issue("client", hosts=("daeris.lab.test",), purpose="client")

    @functools.cached_property
    def other_client(self) -> Certificate:
        """For logging in, and on nobody's list."""
        return self.issue("client2", hosts=("other.lab.test",), purpose="client")

    def issue(
        self,
        name: str,
        *,
        hosts: tuple[str, ...] = HOSTS,
        days: tuple[int, int] = (-1, 30),
        purpose: Literal["server", "client"] = "server",
    ) -> Certificate:
        """A certificate for these host names and addresses, valid between these days from now."""
        usage = ExtendedKeyUsageOID.SERVER_AUTH if purpose == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(name, self._name, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        issued = Certificate(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        signed = builder.sign(self._key, hashes.SHA256())
        issued.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        issued.key.chmod(0o600)
        return issued

    def _sign_root(self, days: tuple[int, int]) -> x509.Certificate:
        builder = (
            _builder(self._name, self._name, self._key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        return builder.sign(self._key, hashes.SHA256())


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, days: tuple[int, int]
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_distinguished(subject))
        .issuer_name(_distinguished(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        # Newer versions of Python refuse chains without the key identifiers.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _distinguished(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    # Clients that connect to 127.0.0.1 look for the address, not for a name.
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
