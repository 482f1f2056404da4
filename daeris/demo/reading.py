"""A captured mail, read as its recipient's program would."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from functools import cached_property
from typing import TypeAlias

from mail.html import text_to_html

# The newer policies read headers into objects, and stumble over hostile ones; this one leaves them as they came.
AnyMessage: TypeAlias = "Message[str, str]"
NAMELESS = "attachment"


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment: its place in the message, and what it says of itself."""

    number: int
    name: str
    content_type: str
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)


class Reading:
    """The headers, the body and the attachments of raw bytes; broken ones give what can be read of them."""

    def __init__(self, raw: bytes) -> None:
        try:
            self._message: AnyMessage = message_from_bytes(raw)
        except RecursionError:  # parts within parts, thousands deep: its headers, and the rest as text
            self._message = BytesHeaderParser().parsebytes(raw)
        self._leaves = list(_leaves(self._message))

    def header(self, name: str) -> str:
        """A header as text, the first of its name; "" when there is none."""
        values = (str(value) for key, value in self._message.raw_items() if key.lower() == name.lower())
        return _decoded(next(values, ""))

    @cached_property
    def html(self) -> str:
        """The body as HTML, images of the mail itself put in; plain text becomes paragraphs."""
        texts = {leaf.get_content_type(): leaf for leaf in reversed(self._leaves) if _is_body(leaf)}
        if "text/html" in texts:
            html = _text(texts["text/html"])
            for content_id, image in self._images:
                data = b64encode(_bytes(image)).decode()
                html = html.replace(f"cid:{content_id}", f"data:{image.get_content_type()};base64,{data}")
            return html
        return text_to_html(_text(texts["text/plain"])) if "text/plain" in texts else ""

    @cached_property
    def attachments(self) -> list[Part]:
        """What the recipient may save, in order."""
        shown = {id(image) for content_id, image in self._images if f"cid:{content_id}" in self._sources}
        return [
            Part(number, _name(leaf), _clean(leaf.get_content_type()), _bytes(leaf))
            for number, leaf in enumerate(self._leaves)
            if not _is_body(leaf) and id(leaf) not in shown
        ]

    @cached_property
    def _images(self) -> list[tuple[str, AnyMessage]]:
        found = [(str(leaf.get("Content-ID", "")).strip("<> \t"), leaf) for leaf in self._leaves]
        return [
            (content_id, leaf) for content_id, leaf in found if content_id and leaf.get_content_maintype() == "image"
        ]

    @cached_property
    def _sources(self) -> str:
        return "".join(_text(leaf) for leaf in self._leaves if _is_body(leaf) and leaf.get_content_subtype() == "html")


def _leaves(message: AnyMessage) -> Iterator[AnyMessage]:
    """The parts that hold something; a forwarded message is one of them."""
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting = [*part.get_payload(), *waiting]
        else:
            yield part


def _is_body(leaf: AnyMessage) -> bool:
    return (
        leaf.get_content_type() in {"text/plain", "text/html"}
        and not leaf.is_multipart()
        and leaf.get_content_disposition() != "attachment"
        and not _filename(leaf)
    )


def _name(leaf: AnyMessage) -> str:
    return _decoded(_filename(leaf)).replace("/", "_").replace("\\", "_") or NAMELESS


def _filename(leaf: AnyMessage) -> str:
    try:
        return leaf.get_filename() or ""
    except (TypeError, ValueError, LookupError):  # pieces of a name that do not fit together (RFC 2231)
        return ""


def _text(leaf: AnyMessage) -> str:
    data = _bytes(leaf)
    try:
        return data.decode(str(leaf.get_content_charset() or "utf-8"), "replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or no charset at all
        return data.decode("utf-8", "replace")


def _bytes(leaf: AnyMessage) -> bytes:
    if leaf.is_multipart():  # a forwarded message, or a report
        return b"\n".join(part.as_bytes() for part in leaf.get_payload())  # type: ignore[union-attr]  # parts again
    data = leaf.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _decoded(value: str) -> str:
    """RFC 2047 words as the letters that they mean, 8-bit letters as UTF-8."""
    try:
        pieces = decode_header(_clean(value))
    except (HeaderParseError, ValueError):
        return _clean(value)
    return _clean("".join(_letters(piece, charset) for piece, charset in pieces))


def _letters(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        # Without a charset it stood between the words, in what decode_header makes of letters beyond ASCII.
        return piece.decode(charset or "raw_unicode_escape", "replace")
    except (LookupError, ValueError):
        return piece.decode("utf-8", "replace")


def _clean(text: str) -> str:
    """One line of letters that any page and any header can carry."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = text.encode("utf-8", "replace")
    letters = data.decode("utf-8", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in letters).split())
