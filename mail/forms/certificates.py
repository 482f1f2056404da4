"""The private CA that an administrator uploads."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ValidationError
from django.utils.timezone import now
from django.utils.translation import gettext as _

LARGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a person recognises a certificate by."""

    subject: str
    expires: datetime

    @property
    def is_expired(self) -> bool:
        return self.expires < now()


def clean_pem(data: bytes) -> str:
    """The certificates of a PEM file, and nothing else that lay in it; ValidationError when there are none."""
    if len(data) > LARGEST:
        raise ValidationError(_("The file is too large for a certificate."), code="too_large")
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ValidationError(
            _("This is not a certificate in PEM format (a text that begins with “-----BEGIN CERTIFICATE-----”)."),
            code="not_pem",
        ) from None
    if all(one.not_valid_after_utc < now() for one in found):
        raise ValidationError(_("The certificate has expired."), code="expired")
    # Written anew: a private key in the same file is not kept.
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in found)


def certificates_in(pem: str) -> list[Certificate]:
    """The certificates kept for a server; none when the text is not readable."""
    if not pem:
        return []
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []
    return [Certificate(_name(one.subject), one.not_valid_after_utc) for one in found]


def _name(subject: x509.Name) -> str:
    named = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(named[0].value) if named else subject.rfc4514_string()
