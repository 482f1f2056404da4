"""Header lines as RFC 5322 and RFC 2047 want them; anything that could smuggle in another line is refused."""

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote

from django.utils.translation import gettext as _

from mail.addresses import Mailbox, normalise

BREAKS = re.compile(r"[\r\n\0]")
CONTROLS = re.compile(r"[\x01-\x1f\x7f]")
NAME = re.compile(r"[!-9;-~]{1,76}")
MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
# Printable ASCII that reads the same after folding: no space at either end.
PLAIN_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")
LONG_WORD = re.compile(r"\S{900}")
ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
# A dot-string or a quoted string, then a name or an address literal. What is beyond ASCII needs SMTPUTF8.
ADDRESS = re.compile(
    r"""(?:"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])+"|[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+)"""
    r"""@(?:[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|\[[!-Z^-~]+\])"""
)
# Quotes and backslashes inside quotes, and what looks like an encoded word, are read in too many ways.
QUOTED_NAME = re.compile(r'["\\]|=\?')
Q_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
# How each byte of UTF-8 stands in a Q encoded word.
Q_BYTES = ["_" if byte == 32 else chr(byte) if chr(byte) in Q_SAFE else f"={byte:02X}" for byte in range(256)]
LINE = 76
T = TypeVar("T", str, bytes)


class MessageInvalid(Exception):
    """The message cannot be written as mail; `field` names what is wrong with it."""

    cause = "message_invalid"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def refuse_breaks(field: str, value: str) -> None:
    """Raise MessageInvalid when the value would end its line and begin another."""
    if BREAKS.search(value):
        raise MessageInvalid(field, _("The field %(field)s holds a line break or a NUL.") % {"field": field})


def text(name: str, value: str) -> str:
    """A header line of free text, folded, with encoded words where ASCII does not suffice."""
    if not NAME.fullmatch(name):
        raise MessageInvalid(repr(name), _("%(field)r is not the name of a header.") % {"field": name})
    refuse_breaks(name, value)
    if not value:
        return f"{name}: \r\n"
    if PLAIN_TEXT.fullmatch(value) and "=?" not in value and not LONG_WORD.search(value):
        return _folded(name, re.findall(r" *[^ ]+", value))
    return _folded(name, [f" {word}" for word in _words(name, value)])


def message_ids(name: str, value: str, *, required: bool = False) -> str:
    """A header line of message identifiers, folded between them and never encoded. Nothing when there are none."""
    refuse_breaks(name, value)
    found = MESSAGE_ID.findall(value)
    if required and [value] != found:
        raise MessageInvalid(name, _("The field %(field)s holds no valid identifier.") % {"field": name})
    return _folded(name, [f" {identifier}" for identifier in found]) if found else ""


def mailboxes(name: str, given: Iterable[Mailbox]) -> str:
    """A header line of mailboxes. Nothing when there are none."""
    written = [_mailbox(name, mailbox.name, mailbox.address) for mailbox in given]
    if not written:
        return ""
    pieces = [f" {piece}" for piece in written[0]]
    for mailbox in written[1:]:
        pieces[-1] += ","
        pieces += [f" {piece}" for piece in mailbox]
    return _folded(name, pieces)


def disposition(kind: str, name: str) -> str:
    """The value of Content-Disposition: plain names in quotes, all others as RFC 2231 has it, in pieces when long."""
    refuse_breaks("filename", name)
    if PLAIN_TEXT.fullmatch(name) and len(name) <= 200 and not QUOTED_NAME.search(name):
        return f'{kind};\r\n filename="{name}"'
    try:
        encoded = [quote(char, safe="") for char in name]
    except UnicodeEncodeError:
        raise MessageInvalid("filename", _("A file name holds characters that are no text.")) from None
    chunks = ["".join(chunk) for chunk in _chunks(encoded, 54)]
    if len(chunks) == 1:
        return f"{kind};\r\n filename*=utf-8''{chunks[0]}"
    chunks[0] = f"utf-8''{chunks[0]}"
    pieces = [f" filename*{number}*={chunk}" for number, chunk in enumerate(chunks)]
    return ";\r\n".join([kind, *pieces])


def shown(mailbox: Mailbox) -> str:
    """A mailbox as free text, for a header that no server reads as an address."""
    return f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address


def _folded(name: str, pieces: list[str]) -> str:
    # Folds only before a piece; a piece longer than a line stands on its own.
    lines = [f"{name}:"]
    for position, piece in enumerate(pieces):
        spaced = piece if position or piece.startswith(" ") else f" {piece}"
        if position and len(lines[-1]) + len(spaced) > LINE:
            lines.append(spaced)
        else:
            lines[-1] += spaced
    return "\r\n".join(lines) + "\r\n"


@lru_cache(maxsize=4096)
def _mailbox(field: str, name: str, address: str) -> tuple[str, ...]:
    refuse_breaks(field, name)
    refuse_breaks(field, address)
    written = address if address.isascii() else normalise(address)
    if not ADDRESS.fullmatch(written) or len(written) > 320:
        raise MessageInvalid(field, _("The field %(field)s holds something that is not an address.") % {"field": field})
    seen = CONTROLS.sub(" ", name)
    if not seen.strip():
        return (written,)
    return (*_phrase(field, seen), f"<{written}>")


def _phrase(field: str, name: str) -> list[str]:
    if len(name) < LINE and ATOMS.fullmatch(name) and "=?" not in name:
        return [name]
    if len(name) < LINE and PLAIN_TEXT.fullmatch(name) and "=?" not in name:
        return ['"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"']
    return _words(field, name)


def _words(field: str, value: str) -> list[str]:
    """RFC 2047 encoded words, the shorter of Q and B; none ends within a character."""
    return _one_word(field, value) or _several_words(field, value)


def _one_word(field: str, value: str) -> list[str]:
    """The whole of it as one word, as most names and subjects are; nothing when it does not fit."""
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        return []
    room = _room(field)
    q = "".join([Q_BYTES[byte] for byte in raw])
    if len(q) <= len(raw) * 4 / 3:
        return [f"=?utf-8?q?{q}?="] if len(q) <= room else []
    return [f"=?utf-8?b?{base64.b64encode(raw).decode()}?="] if len(raw) <= room // 4 * 3 else []


def _room(field: str) -> int:
    # A word and the name of its field fit on a line, and no word is longer than 75 (RFC 2047 §2).
    return max(20, min(63, LINE - len(field) - 14))


def _several_words(field: str, value: str) -> list[str]:
    try:
        encoded = [(char if char in Q_SAFE else _q(char), char.encode()) for char in value]
    except UnicodeEncodeError:
        raise MessageInvalid(
            field, _("The field %(field)s holds characters that are no text.") % {"field": field}
        ) from None
    q_length = sum(len(q) for q, _raw in encoded)
    raw_length = sum(len(raw) for _q, raw in encoded)
    room = _room(field)
    if q_length <= raw_length * 4 / 3:
        return [f"=?utf-8?q?{''.join(chunk)}?=" for chunk in _chunks([q for q, _raw in encoded], room)]
    chunks = _chunks([raw for _q, raw in encoded], room // 4 * 3)
    return [f"=?utf-8?b?{base64.b64encode(b''.join(chunk)).decode()}?=" for chunk in chunks]


def _q(char: str) -> str:
    return "_" if char == " " else "".join(f"={byte:02X}" for byte in char.encode())


def _chunks(pieces: list[T], limit: int) -> list[list[T]]:
    chunks: list[list[T]] = [[]]
    length = 0
    for piece in pieces:
        if length + len(piece) > limit:
            chunks.append([])
            length = 0
        chunks[-1].append(piece)
        length += len(piece)
    return chunks
