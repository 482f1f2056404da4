"""The certificate that a server shows, in a few words."""

import contextlib
from datetime import UTC, datetime

from cryptography import x509
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def about(der: bytes) -> str:
    """Whose certificate it is, and for how long."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return _("a certificate that cannot be read")
    return ", ".join([_("certificate of %(name)s") % {"name": ", ".join(_names(certificate))}, _validity(certificate)])


def _validity(certificate: x509.Certificate) -> str:
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    days = abs(left).days
    if left.total_seconds() < 0:
        words = ngettext("expired %(days)s day ago", "expired %(days)s days ago", days)
    else:
        words = ngettext("valid for %(days)s more day", "valid for %(days)s more days", days)
    return words % {"days": days}


def names_of(der: bytes) -> list[str]:
    """The names that it is for; its subject when it lists none."""
    try:
        return _names(x509.load_der_x509_certificate(der))
    except ValueError:
        return []


def _names(certificate: x509.Certificate) -> list[str]:
    with contextlib.suppress(x509.ExtensionNotFound, ValueError):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.DNSName) or [str(ip) for ip in names.get_values_for_type(x509.IPAddress)]
        if found:
            return found[:3]
    return [certificate.subject.rfc4514_string()]
