"""A mail becomes MIME bytes: the body once for all copies, the headers of each copy around it.

The standard library builds the body; headers are written here. Its policies fold long Message-IDs into encoded
words, which breaks threads, and they would be built anew for each copy, though only a few lines differ.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import MIMEPart
from email.policy import SMTP
from email.utils import format_datetime, getaddresses

from django.utils.translation import gettext as _

from mail import headers, html
from mail.addresses import Mailbox
from mail.headers import MessageInvalid
from mail.models import Attachment, Content

__all__ = ["AttachmentPart", "Body", "Composed", "Letter", "MessageInvalid", "compose", "encode_body", "letter_of"]

# 7 bits and short lines pass through every server; CRLF from the start saves a conversion of each copy.
POLICY = SMTP.clone(max_line_length=78, cte_type="7bit", refold_source="none")
# Written by us or never written; what a caller gives under these names is left out.
RESERVED = {
    *("from", "to", "cc", "bcc", "resent-bcc", "subject", "date", "message-id", "in-reply-to", "references"),
    *("reply-to", "x-original-from", "mime-version", "return-path", "content-type", "content-transfer-encoding"),
    *("content-disposition", "content-id"),
}
CONTENT_TYPE = re.compile(r"([a-z0-9][\w!#$&^.+-]*)/([a-z0-9][\w!#$&^.+-]*)", re.ASCII | re.IGNORECASE)
CONTENT_ID = re.compile(r"[\w!#$%&'*+/=?^`{|}~.@-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AttachmentPart:
    """A file as the mail carries it. `read` is called once, when the body is encoded."""

    name: str
    content_type: str
    content_id: str
    read: Callable[[], bytes]


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


@dataclass(frozen=True, slots=True)
class Body:
    """What the copies share, encoded: header lines and the body beneath them."""

    headers: bytes
    data: bytes


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


def letter_of(content: Content) -> Letter:
    """The stored content as plain values. What is wrong with it shows when it is encoded, and files are read then."""
    return Letter(
        subject=content.subject,
        text=content.text,
        html=content.html,
        attachments=tuple(_part_of(attachment) for attachment in content.attachments.all()),
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
    root = _root(letter)
    structure, _blank, data = root.as_bytes(policy=POLICY).partition(b"\r\n\r\n")
    return Body("".join(lines).encode() + structure + b"\r\n\r\n", data)


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
    lines.append(f"Date: {format_datetime(date)}\r\n")
    lines += _extra(extra)
    head = "".join(lines).encode() + body.headers
    # Bytes beyond ASCII come from an address whose local part needs them; names and subject are encoded words.
    smtputf8 = not head.isascii() or not recipient.address.rpartition("@")[0].isascii()
    return Composed(head, body.data, smtputf8)


def _extra(given: Iterable[tuple[str, str]]) -> list[str]:
    return [headers.text(name, value) for name, value in given if name.lower() not in RESERVED]


def _mailboxes(text: str) -> tuple[Mailbox, ...]:
    found = tuple(Mailbox(name, address) for name, address in getaddresses([text]) if name or address)
    # What is no list of addresses is kept as it is, so that composing refuses it by the name of its field.
    broken = headers.BREAKS.search(text) or (text.strip() and not found)
    return (Mailbox("", text),) if broken else found


def _part_of(attachment: Attachment) -> AttachmentPart:
    # Found now: the thread that reads the file later has no database.
    stored = attachment.blob.file

    def read() -> bytes:
        with stored.storage.open(stored.name, "rb") as file:
            data: bytes = file.read()
            return data

    return AttachmentPart(attachment.name, attachment.content_type, attachment.content_id, read)


# -- The body: text, its HTML twin, the images shown in it, the files beside it ----------------------


def _root(letter: Letter) -> MIMEPart:
    inline = [part for part in letter.attachments if part.content_id and f"cid:{part.content_id}" in letter.html]
    files = [part for part in letter.attachments if part not in inline]
    root = _words(letter, inline)
    if files:
        root = _multipart("mixed", [root, *(_file(part) for part in files)])
    return root


def _words(letter: Letter, inline: list[AttachmentPart]) -> MIMEPart:
    plain = _text(letter.text or html.to_text(letter.html), "plain")
    if not letter.html:
        return plain
    rich = _text(letter.html, "html")
    if inline:
        rich = _multipart("related", [rich, *(_file(part, inline=True) for part in inline)])
    return _multipart("alternative", [plain, rich])


def _multipart(subtype: str, parts: list[MIMEPart]) -> MIMEPart:
    whole = MIMEPart(policy=POLICY)
    whole["Content-Type"] = f"multipart/{subtype}"
    for part in parts:
        whole.attach(part)
    return whole


def _text(words: str, subtype: str) -> MIMEPart:
    part = MIMEPart(policy=POLICY)
    try:
        # NUL may not travel (RFC 5321 §4.5.2), and no reader would show it.
        part.set_content(words.replace("\0", ""), subtype=subtype)
    except UnicodeEncodeError:
        raise MessageInvalid("body", _("The text holds characters that are no text (lone surrogates).")) from None
    return part


def _file(file: AttachmentPart, *, inline: bool = False) -> MIMEPart:
    part = MIMEPart(policy=POLICY)
    data = file.read()
    maintype, subtype = _content_type(file.content_type)
    encoding = "base64"
    if maintype == "message":
        # RFC 2046 §5.2.1 forbids base64 here; what cannot travel as it is goes as a plain file.
        if subtype == "rfc822" and _travels_as_it_is(data):
            encoding = "7bit"
        else:
            maintype, subtype = "application", "octet-stream"
    part.set_content(data, maintype, subtype, cte=encoding)
    # Raw: the library's own writing of these loses blanks, line separators and long identifiers.
    part.set_raw("Content-Disposition", headers.disposition("inline" if inline else "attachment", file.name))
    if inline:
        part.set_raw("Content-ID", _content_id(file.content_id))
    return part


def _content_type(text: str) -> tuple[str, str]:
    match = CONTENT_TYPE.fullmatch(text.partition(";")[0].strip())
    if not match or match[1].lower() == "multipart":
        return "application", "octet-stream"
    return match[1].lower(), match[2].lower()


def _content_id(text: str) -> str:
    if not CONTENT_ID.fullmatch(text):
        raise MessageInvalid("Content-ID", _("The identifier of an image cannot be written in a mail."))
    return f"<{text}>"


def _travels_as_it_is(data: bytes) -> bool:
    lines = data.split(b"\r\n")
    return data.isascii() and not any(len(line) > 998 or set(line) & {0, 10, 13} for line in lines)
