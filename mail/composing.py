"""A mail becomes MIME bytes: the body once for all copies, the headers of each copy around it.

Bodies (`mime.py`) and headers (`headers.py`) are our own: the standard library's policies fold long Message-IDs into
encoded words, which breaks threads, and it takes twenty times as long. In the tests it reads what is written here.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, getaddresses
from functools import lru_cache

from mail import headers, mime
from mail.addresses import Mailbox
from mail.headers import MessageInvalid
from mail.mime import AttachmentPart
from mail.models import Attachment, Content
from mail.wire import PIECE, dot_stuffed

__all__ = [
    "AttachmentPart",
    "Body",
    "Composed",
    "FileGone",
    "Letter",
    "MessageInvalid",
    "compose",
    "encode_body",
    "letter_of",
    "new_message_id",
]


class FileGone(MessageInvalid):
    """A file of the message is not in storage any more."""

    cause = "file_gone"

    def __init__(self, name: str) -> None:
        super().__init__(name, name)


# Characters of text and HTML together.
SMALL = 64 * 1024
# Written by us or never written; what a caller gives under these names is left out.
RESERVED = {
    *("from", "to", "cc", "bcc", "resent-bcc", "subject", "date", "message-id", "in-reply-to", "references"),
    *("reply-to", "x-original-from", "mime-version", "return-path", "content-type", "content-transfer-encoding"),
    *("content-disposition", "content-id"),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What all copies of an e-mail have in common, as plain values."""

    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[AttachmentPart, ...] = ()
    message_id: str = ""
    in_reply_to: str = ""
    references: str = ""
    reply_to: tuple[Mailbox, ...] = ()
    # Empty: a copy names its own recipient only.
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    extra_headers: tuple[tuple[str, str], ...] = ()
    auto_submitted: bool = False
    language: str = ""

    @property
    def is_small(self) -> bool:
        """Whether it is words only, and few: encoded in less time than it takes to hand it to another thread."""
        return not self.attachments and len(self.text) + len(self.html) <= SMALL

    @property
    def weight(self) -> int:
        """About how many bytes it has when it is encoded: 78 for every 57 of a file."""
        return len(self.text) + len(self.html) + sum(file.size for file in self.attachments) * 78 // 57


@dataclass(frozen=True, slots=True)
class Body:
    """What the copies share, encoded: header lines and the body beneath them."""

    headers: bytes
    data: bytes
    # The same as DATA wants it; nearly always the very same bytes.
    on_the_wire: bytes


@dataclass(frozen=True, slots=True)
class Composed:
    """One copy, ready to be sent: its own header block, and the bytes it shares with the other copies."""

    head: bytes
    data: bytes
    smtputf8: bool

    @property
    def message(self) -> bytes:
        return self.head + self.data

    @property
    def size(self) -> int:
        return len(self.head) + len(self.data)


def letter_of(content: Content, files: Iterable[Attachment] | None = None) -> Letter:
    """The stored content as plain values, with these files, or those that the database knows.

    What is wrong with it shows when it is encoded, and files are read then.
    """
    attachments = content.attachments.all() if files is None else files
    return Letter(
        subject=content.subject,
        text=content.text,
        html=content.html,
        attachments=tuple(_part_of(attachment) for attachment in attachments),
        message_id=content.message_id,
        in_reply_to=content.in_reply_to,
        references=content.references,
        reply_to=_mailboxes(content.reply_to),
        to=_mailboxes(content.to),
        cc=_mailboxes(content.cc),
        extra_headers=tuple((str(name), str(value)) for name, value in content.extra_headers),
        auto_submitted=content.auto_submitted,
        language=content.language,
    )


def new_message_id(domain: str) -> str:
    """A new Message-ID at this domain, with its angle brackets."""
    return f"<{uuid.uuid4()}@{domain}>"


def encode_body(letter: Letter) -> Body:
    """Everything that the copies of this letter share, encoded once."""
    lines = [
        headers.text("Subject", letter.subject),
        headers.message_ids("Message-ID", letter.message_id, required=True),
        headers.message_ids("In-Reply-To", letter.in_reply_to),
        headers.message_ids("References", letter.references),
        headers.mailboxes("To", letter.to),
        headers.mailboxes("Cc", letter.cc),
        headers.mailboxes("Reply-To", letter.reply_to),
        headers.text("Auto-Submitted", "auto-generated") if letter.auto_submitted else "",
        *_extra(letter.extra_headers),
        "MIME-Version: 1.0\r\n",
    ]
    structure, data = mime.encode(letter.text, letter.html, letter.attachments)
    return Body("".join(lines).encode() + structure + b"\r\n", data, dot_stuffed(data))


def compose(
    letter: Letter,
    body: Body,
    *,
    header_from: Mailbox,
    recipient: Mailbox,
    date: datetime,
    reply_to: Mailbox | None = None,
    original_from: Mailbox | None = None,
    extra: Sequence[tuple[str, str]] = (),
) -> Composed:
    """One copy of the letter. An explicit Reply-To of the letter is kept; Bcc is never written."""
    lines = [headers.mailboxes("From", (header_from,))]
    if not letter.to:
        lines.append(headers.mailboxes("To", (recipient,)))
    if reply_to and not letter.reply_to:
        lines.append(headers.mailboxes("Reply-To", (reply_to,)))
    if original_from:
        lines.append(headers.text("X-Original-From", headers.shown(original_from)))
    lines.append(_date(date.replace(microsecond=0)))
    lines += _extra(extra)
    head = "".join(lines).encode() + body.headers
    # Bytes beyond ASCII come from an address whose local part needs them; names and subject are encoded words.
    smtputf8 = not head.isascii() or not recipient.address.rpartition("@")[0].isascii()
    return Composed(head, body.data, smtputf8)


@lru_cache(maxsize=8)
def _date(second: datetime) -> str:
    return f"Date: {format_datetime(second)}\r\n"


def _extra(given: Iterable[tuple[str, str]]) -> list[str]:
    return [headers.text(name, value) for name, value in given if name.lower() not in RESERVED]


def _mailboxes(text: str) -> tuple[Mailbox, ...]:
    if not text:
        return ()
    found = tuple(Mailbox(name, address) for name, address in getaddresses([text]) if name or address)
    # What is no list of addresses is kept as it is, so that composing refuses it by the name of its field.
    broken = headers.BREAKS.search(text) or (text.strip() and not found)
    return (Mailbox("", text),) if broken else found


def _part_of(attachment: Attachment) -> AttachmentPart:
    # Found now: the thread that reads the file later has no database.
    storage, path = attachment.blob.file.storage, str(attachment.blob.file.name)

    def read() -> Iterator[bytes]:
        try:
            with storage.open(path, "rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        except FileNotFoundError:
            raise FileGone(attachment.name) from None

    return AttachmentPart(attachment.name, attachment.content_type, attachment.content_id, read, attachment.size)
