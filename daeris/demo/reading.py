"""A captured mail, read as its recipient's program would."""

from base64 import b64encode
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property

from mail.html import text_to_html


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
        self.raw = raw
        message = message_from_bytes(raw, policy=default)
        self.message: EmailMessage = message  # type: ignore[assignment]  # what policy.default makes

    def header(self, name: str) -> str:
        """A header as text; "" when there is none or it cannot be read."""
        try:
            return str(self.message.get(name, ""))
        except (ValueError, IndexError, AttributeError):  # the parser's own defects on hostile input
            return ""

    @cached_property
    def html(self) -> str:
        """The body as HTML, images of the mail itself put in; plain text becomes paragraphs."""
        part = self.message.get_body(("html", "plain"))
        if part is None:
            return ""
        text = _text(part)
        if part.get_content_type() == "text/plain":
            return text_to_html(text)
        for image in self.message.walk():
            content_id = str(image.get("Content-ID", "")).strip("<> ")
            if content_id and image.get_content_maintype() == "image":
                data = b64encode(image.get_payload(decode=True) or b"").decode()
                text = text.replace(f"cid:{content_id}", f"data:{image.get_content_type()};base64,{data}")
        return text

    @cached_property
    def attachments(self) -> list[Part]:
        """What the recipient may save, in order."""
        parts = self.message.iter_attachments() if self.message.is_multipart() else iter(())
        return [
            Part(number, part.get_filename() or "attachment", part.get_content_type(), _bytes(part))
            for number, part in enumerate(parts)
            if not part.get("Content-ID") or part.get_content_disposition() == "attachment"
        ]


def _text(part: EmailMessage) -> str:
    data = part.get_payload(decode=True) or b""
    try:
        return bytes(data).decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:  # a charset nobody knows
        return bytes(data).decode("utf-8", "replace")


def _bytes(part: EmailMessage) -> bytes:
    data = part.get_payload(decode=True)
    return bytes(data) if data is not None else part.as_bytes()
