"""Certificates as people and servers read them: a private CA, and the one by which we log in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

LARGEST = 256 * 1024
# Days before the end at which one is told, and told again.
WARNINGS = (1, 7, 30)
Part = Literal["certificate", "key", "password"]


class CertificateInvalid(ValueError):
    """Says what is wrong, and with which of the files: the certificate, its key, or the password of either."""

    def __init__(self, part: Part, code: str, words: str) -> None:
        self.part: Part = part
        self.code = code
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a person recognises a certificate by."""

    subject: str
    issuer: str
    expires: datetime

    @property
    def is_expired(self) -> bool:
        return self.expires < datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate, those that vouch for it, and its private key; all PEM, the key in the clear."""

    chain: str
    key: str

    def __repr__(self) -> str:
        return "Pair(…)"


# -- What is kept --------------------------------------------------------------------------------------


def certificates_in(pem: str) -> list[Certificate]:
    """The certificates of a stored text, the first one first; none when it is not readable."""
    try:
        return [_facts(one) for one in x509.load_pem_x509_certificates(pem.encode())] if pem else []
    except ValueError:
        return []


def warning_stage(expires: datetime, at: datetime) -> int | None:
    """Which warning is due: 30, 7 or 1 day before the end, 0 when it is over; None while there is time."""
    left = (expires - at).total_seconds() / 86400
    if left <= 0:
        return 0
    return next((days for days in WARNINGS if left <= days), None)


def expiry_warning(pem: str, at: datetime | None = None) -> tuple[int, str] | None:
    """The stage and a sentence about the certificate that we log in by; None while there is nothing to say."""
    found = certificates_in(pem)
    at = at or datetime.now(UTC)
    stage = warning_stage(found[0].expires, at) if found else None
    if stage is None:
        return None
    if stage == 0:
        return stage, _("Its SSL certificate has expired: upload the new one.")
    days = _days_left(found[0], at)
    words = ngettext(
        "Its SSL certificate ends in %(days)s day: upload the new one.",
        "Its SSL certificate ends in %(days)s days: upload the new one.",
        days,
    )
    return stage, words % {"days": days}


def authority_warning(pem: str, at: datetime | None = None) -> tuple[int, str] | None:
    """The same about a private CA. Of several certificates the first to end counts, and what is over only with all."""
    at = at or datetime.now(UTC)
    # A renewed one lies beside the old one for a while, under the same name.
    newest = {one.subject: one for one in sorted(certificates_in(pem), key=_end)}
    lasting = [one for one in newest.values() if one.expires > at]
    if newest and not lasting:
        return 0, _("The private CA has expired: upload the new one.")
    first = min(lasting, key=_end, default=None)
    stage = warning_stage(first.expires, at) if first else None
    if first is None or stage is None:
        return None
    days = _days_left(first, at)
    words = ngettext(
        "The private CA “%(name)s” ends in %(days)s day: upload the new one.",
        "The private CA “%(name)s” ends in %(days)s days: upload the new one.",
        days,
    )
    return stage, words % {"name": first.subject, "days": days}


def _end(one: Certificate) -> datetime:
    return one.expires


def _days_left(one: Certificate, at: datetime) -> int:
    return max(1, round((one.expires - at).total_seconds() / 86400))


# -- What is uploaded ----------------------------------------------------------------------------------


def read_authorities(data: bytes) -> str:
    """The certificates of a PEM file, and nothing else that lay in it."""
    found = _certificates(data)
    if all(one.not_valid_after_utc < datetime.now(UTC) for one in found):
        raise CertificateInvalid("certificate", "expired", _("The certificate has expired."))
    # Written anew: a private key in the same file is not kept.
    return _pem(found)


def read_pair(certificate: bytes, key: bytes = b"", *, password: str = "") -> Pair:
    """The pair of these files: PEM, both in one or apart, or PKCS#12, which holds the key itself."""
    if certificate and b"-----BEGIN" not in certificate:
        found, private = _from_pkcs12(certificate, password)
        if key:
            private = _private_key(key, password)
    else:
        found = _certificates(certificate)
        private = _private_key(key or _key_beside(certificate), password)
    chain = _chain_of(found, private)
    _refuse_wrong_time(chain[0])
    return Pair(_pem(chain), _key_pem(private))


def _from_pkcs12(data: bytes, password: str) -> tuple[list[x509.Certificate], PrivateKeyTypes]:
    _refuse_too_large(data)
    try:
        private, own, others = pkcs12.load_key_and_certificates(data, password.encode() or None)
    except (ValueError, UnsupportedAlgorithm):
        if password:
            words = _("The file cannot be opened: the password is wrong, or it is neither PEM nor PKCS#12.")
        else:
            words = _("The file cannot be opened: it needs its password, or it is neither PEM nor PKCS#12.")
        raise CertificateInvalid("password" if _looks_like_pkcs12(data) else "certificate", "pkcs12", words) from None
    if own is None or private is None:
        raise CertificateInvalid(
            "certificate", "incomplete", _("The PKCS#12 file must hold both the certificate and its private key.")
        )
    return [own, *others], private


def _looks_like_pkcs12(data: bytes) -> bool:
    return data[:1] == b"\x30"  # an ASN.1 sequence


def _certificates(data: bytes) -> list[x509.Certificate]:
    _refuse_too_large(data)
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise CertificateInvalid(
            "certificate",
            "not_pem",
            _("This is not a certificate in PEM format (a text that begins with “-----BEGIN CERTIFICATE-----”)."),
        ) from None


def _key_beside(certificate: bytes) -> bytes:
    if b"PRIVATE KEY-----" not in certificate:
        raise CertificateInvalid("key", "missing", _("Upload the private key, too."))
    return certificate


def _private_key(data: bytes, password: str) -> PrivateKeyTypes:
    _refuse_too_large(data, "key")
    try:
        try:
            return load_pem_private_key(data, password.encode() or None)
        except TypeError:
            if not password:
                words = _("The private key is encrypted: write its password.")
                raise CertificateInvalid("password", "needed", words) from None
            return load_pem_private_key(data, None)  # a password that nothing asked for
    except CertificateInvalid:
        raise
    except (ValueError, UnsupportedAlgorithm):
        if password and b"ENCRYPTED" in data:
            raise CertificateInvalid("password", "wrong", _("The password does not open the private key.")) from None
        words = _("This is not a private key in PEM format (a text that begins with “-----BEGIN PRIVATE KEY-----”).")
        raise CertificateInvalid("key", "not_pem", words) from None


def _chain_of(found: list[x509.Certificate], private: PrivateKeyTypes) -> list[x509.Certificate]:
    """The certificate of this key, then the others as they came."""
    mine = _public(private.public_key())
    own = next((one for one in found if _public(one.public_key()) == mine), None)
    if own is None:
        raise CertificateInvalid("key", "mismatch", _("This private key does not belong to the certificate."))
    return [own, *(one for one in found if one is not own)]


def _refuse_wrong_time(one: x509.Certificate) -> None:
    now = datetime.now(UTC)
    if one.not_valid_after_utc < now:
        raise CertificateInvalid("certificate", "expired", _("The certificate has expired."))
    if one.not_valid_before_utc > now:
        raise CertificateInvalid("certificate", "too_early", _("The certificate is not valid yet."))


def _refuse_too_large(data: bytes, part: Part = "certificate") -> None:
    if len(data) > LARGEST:
        raise CertificateInvalid(part, "too_large", _("The file is too large for a certificate."))


def _public(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined, no-any-return]


def _pem(certificates: Iterable[x509.Certificate]) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def _key_pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _facts(one: x509.Certificate) -> Certificate:
    return Certificate(_name(one.subject), _name(one.issuer), one.not_valid_after_utc)


def _name(name: x509.Name) -> str:
    named = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(named[0].value) if named else name.rfc4514_string()
