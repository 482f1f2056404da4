"""Signed tokens in addresses: who an answer or a bounce belongs to."""

import hmac
from base64 import b32decode, b32encode

from django.conf import settings
from django.utils.translation import gettext as _

from mail.addresses import InvalidAddress, normalise

MAC_BYTES = 10  # 80 bits
# A token of up to 30 characters and a separator stand beside the local part of an address, which has room for 64.
MAX_TOKEN_PART = 32


def make(kind: str, number: int) -> str:
    """A lower-case base32 token (RFC 4648 §6, without padding) for this number, good for one kind of use."""
    data = number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
    return b32encode(data + _mac(_keys()[0], kind, data)).decode().rstrip("=").lower()


def read(kind: str, token: str) -> int | None:
    """The number inside a token of this kind, whichever key signed it; None when the token is not ours."""
    try:
        raw = b32decode(token.upper() + "=" * (-len(token) % 8))
    except ValueError:
        return None
    data, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    if not data or not any(hmac.compare_digest(mac, _mac(key, kind, data)) for key in _keys()):
        return None
    return int.from_bytes(data, "big")


def clean_part(text: str) -> str:
    """What stands beside a token before the @: ASCII, and short enough; "" stays "". Raises InvalidAddress."""
    part = text.strip()
    if not part:
        return ""
    if "@" in part:
        raise InvalidAddress(_("Only what stands before the @ is expected here."))
    if not part.isascii():
        raise InvalidAddress(_("Only letters without accents, digits and . _ - are possible here."))
    if len(part) > MAX_TOKEN_PART:
        raise InvalidAddress(_("At most %(most)s characters: a token is added to it.") % {"most": MAX_TOKEN_PART})
    return normalise(f"{part}@x.example").removesuffix("@x.example")


def _keys() -> list[str]:
    """The keys of DAERIS_TOKEN_KEY, newest first: it signs, and the older ones still verify."""
    return [key.strip() for key in settings.DAERIS_TOKEN_KEY.split(",")]


def _mac(key: str, kind: str, data: bytes) -> bytes:
    return hmac.digest(key.encode(), kind.encode() + b"\0" + data, "sha256")[:MAC_BYTES]
