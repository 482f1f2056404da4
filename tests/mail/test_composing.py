"""A mail becomes MIME bytes; the standard library reads them back and is the judge."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message, MIMEPart
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from mail import attachments, mime
from mail.addresses import Mailbox
from mail.composing import (
    AttachmentPart,
    Composed,
    Letter,
    MessageInvalid,
    compose,
    encode_body,
    letter_of,
    new_message_id,
)
from mail.models import Content

ANA = Mailbox("Ana Gómez", "ana@miempresa.example")
JULIA = Mailbox("Julia Ferrer", "j.ferrer@grupolevante.example")
MESSAGE_ID = "<0195-abc@miempresa.example>"
DATE = datetime(2026, 3, 5, 14, 30, 15, tzinfo=UTC)
# What people write: anything but line breaks, NUL and half characters.
ONE_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=150)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=400)


def letter(**given: Any) -> Letter:
    return Letter(**{"subject": "Quote", "text": "Good morning", "message_id": MESSAGE_ID, **given})


def composed(of: Letter, **given: Any) -> Composed:
    return compose(of, encode_body(of), **{"header_from": ANA, "recipient": JULIA, "date": DATE, **given})


def read(of: Letter, **given: Any) -> EmailMessage:
    """The composed letter, read back; whatever it is, it must be fit to travel."""
    return parsed(composed(of, **given))


def parsed(copy: Composed) -> EmailMessage:
    assert_fit_to_travel(copy.message)
    message = message_from_bytes(copy.message, policy=default)
    assert isinstance(message, EmailMessage)
    assert_without_defects(message)
    return message


def assert_fit_to_travel(message: bytes) -> None:
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(set(line) & {0, 10, 13} for line in lines)
    _head, _blank, body = message.partition(b"\r\n\r\n")
    assert body.isascii()


def assert_without_defects(message: Message) -> None:
    for part in message.walk():
        assert not part.defects
        for name, value in part.items():
            assert not getattr(value, "defects", ()), (name, value)


@given(words=TEXT.filter(bool), rich=st.booleans())
def test_the_standard_library_reads_what_it_would_have_written(words: str, rich: bool) -> None:
    judge = EmailMessage(policy=SMTP)
    judge.set_content(words, subtype="html" if rich else "plain")
    theirs = message_from_bytes(judge.as_bytes(), policy=default)
    head, data = mime.encode("x", words, ()) if rich else mime.encode(words, "", ())
    ours = message_from_bytes(head + b"\r\n" + data, policy=default)
    [shown] = [part for part in ours.walk() if part.get_content_type() == theirs.get_content_type()] or [ours]
    assert shown.get_content() == theirs.get_content()


def attached(name: str, data: bytes = b"data", content_type: str = "application/pdf", cid: str = "") -> AttachmentPart:
    # Storage may give less at a time than it is asked for.
    pieces = [data[start : start + 100] for start in range(0, len(data), 100)]
    return AttachmentPart(name, content_type, cid, lambda: pieces)


def header_lines(message: bytes, name: str) -> list[str]:
    """A header as it is written, line by line."""
    head = message.partition(b"\r\n\r\n")[0].decode() + "\r\n"
    match = re.search(rf"^{name}:.*?\r\n(?![ \t])", head, re.MULTILINE | re.DOTALL)
    return match[0].rstrip("\r\n").split("\r\n") if match else []


def test_a_letter_reads_as_it_was_written() -> None:
    message = read(
        letter(
            subject="Renovación — 42 €", text="Buenos días\n¿Qué tal?", in_reply_to="<a@b>", references="<r@b> <a@b>"
        )
    )

    assert message["From"] == "Ana Gómez <ana@miempresa.example>"
    assert message["To"] == "Julia Ferrer <j.ferrer@grupolevante.example>"
    assert message["Subject"] == "Renovación — 42 €"
    assert message["Message-ID"] == MESSAGE_ID
    assert message["In-Reply-To"] == "<a@b>"
    assert message["References"] == "<r@b> <a@b>"
    assert message["MIME-Version"] == "1.0"
    assert parsedate_to_datetime(message["Date"]) == DATE
    assert message.get_content_type() == "text/plain"
    assert words(message) == "Buenos días\n¿Qué tal?\n"
    assert not {"Cc", "Bcc", "Reply-To", "Auto-Submitted", "X-Original-From"} & set(message.keys())


@given(ONE_LINE)
@settings(deadline=None)
def test_any_subject_survives(subject: str) -> None:
    assert str(read(letter(subject=subject))["Subject"]) == subject


@pytest.mark.parametrize(
    "subject",
    [
        "",
        " ",
        " leading and trailing ",
        "two  spaces   inside",
        "tab\tinside",
        "=?utf-8?q?not_a_word?=",
        "not a =?word",
        "x" * 200,
        "x" * 2000,
        "word " * 60,
        "ñ" * 300,
        "👩‍👩‍👧‍👦 " * 40,
        "a\x0bb\x0cc\x1cd\x85e\u2028f",
        "Re: [Ventas] «Presupuesto» S00042: ¿seguimos?",
    ],
)
def test_odd_subjects_survive_in_lines_of_a_decent_length(subject: str) -> None:
    copy = composed(letter(subject=subject))

    assert str(parsed(copy)["Subject"]) == subject
    if len(subject.split(" ")[0]) < 200:
        assert max(map(len, header_lines(copy.message, "Subject"))) <= 78


@given(ONE_LINE.map(lambda name: name[:12]))
@settings(deadline=None)
def test_any_name_survives(name: str) -> None:
    message = read(letter(), header_from=Mailbox(name, "ana@miempresa.example"), recipient=Mailbox(name, "j@x.example"))

    for field in ("From", "To"):
        (address,) = message[field].addresses
        assert address.addr_spec in {"ana@miempresa.example", "j@x.example"}
        # Controls are written as space, and the reader makes one space of several.
        assert address.display_name.split() == re.sub(r"[\x01-\x1f\x7f]", " ", name).split()


@pytest.mark.parametrize(
    "name",
    [
        'Ferrer, Julia "la jefa"',
        "back\\slash",
        "O'Neil & <script>",
        "a@b.example",
        "=?utf-8?q?x?=",
        "名前",
    ],
)
def test_odd_names_stay_with_their_address(name: str) -> None:
    message = read(
        letter(cc=(Mailbox(name, "c@x.example"), Mailbox("", "d@x.example"))), recipient=Mailbox(name, "j@x.example")
    )

    assert [(a.display_name, a.addr_spec) for a in message["To"].addresses] == [(name, "j@x.example")]
    assert [a.addr_spec for a in message["Cc"].addresses] == ["c@x.example", "d@x.example"]


@pytest.mark.parametrize("name", ["ñ" * 200, "x" * 200, "Ana María de la Concepción " * 7 + "y", "名" * 100])
def test_long_names_are_split_into_words_of_a_legal_length(name: str) -> None:
    copy = composed(letter(), recipient=Mailbox(name, "j@x.example"))
    lines = header_lines(copy.message, "To")

    # Read by hand: the address parser of Python 3.11 keeps the space between two encoded words.
    phrase, address = "".join(lines).removeprefix("To: ").rsplit(" ", 1)
    assert str(make_header(decode_header(phrase))) == name
    assert address == "<j@x.example>"
    assert max(map(len, lines)) <= 78


@given(TEXT, TEXT)
@settings(deadline=None)
def test_any_body_survives(text: str, html: str) -> None:
    message = read(letter(text=text, html=html))

    plain = message.get_body(("plain",))
    assert plain is not None
    if text:
        assert words(plain) == _as_lines(text)
    if html:
        rich = message.get_body(("html",))
        assert rich is not None
        assert words(rich) == _as_lines(html)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        ".",
        ".\r\n..\r\n.",
        "a\rb",
        "a\r\nb\nc\rd",
        "x" * 5000,
        "ñ" * 5000,
        "From here\nFrom there",
        "👩‍👩‍👧‍👦",
        "tab\t \nspace ",
        "=3D",
        "--\n-- ",
    ],
)
def test_odd_bodies_survive(text: str) -> None:
    assert words(read(letter(text=text))) == _as_lines(text)


def words(part: MIMEPart) -> str:
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def _as_lines(text: str) -> str:
    """The text as mail has it: every kind of line break is one, and the last line ends."""
    lines = re.split(r"\r\n|\r|\n", text)
    return "".join(f"{line}\n" for line in (lines if lines[-1] else lines[:-1] or [""]))


def test_html_alone_gets_a_plain_twin() -> None:
    message = read(letter(text="", html="<p>Hello <b>Julia</b></p><ul><li>one</li></ul>"))

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    plain = message.get_body(("plain",))
    assert plain is not None
    assert words(plain) == "Hello Julia\n\n- one\n"


def test_images_travel_beside_the_html_and_files_behind_it() -> None:
    logo = attached("logo.png", b"\x89PNG", "image/png", cid="logo@miempresa.example")
    unused = attached("other.png", b"\x89PNG2", "image/png", cid="other@miempresa.example")
    message = read(
        letter(
            html='<p>Hi <img src="cid:logo@miempresa.example"></p>', attachments=(logo, unused, attached("quote.pdf"))
        )
    )

    assert message.get_content_type() == "multipart/mixed"
    alternative, *files = message.iter_parts()
    assert [part.get_filename() for part in files] == ["other.png", "quote.pdf"]
    assert {part.get_content_disposition() for part in files} == {"attachment"}
    _plain, related = alternative.iter_parts()
    assert related.get_content_type() == "multipart/related"
    _html, image = related.iter_parts()
    assert image["Content-ID"] == "<logo@miempresa.example>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == b"\x89PNG"


@given(ONE_LINE.filter(bool), st.binary(max_size=300))
@settings(deadline=None)
def test_any_file_survives(name: str, data: bytes) -> None:
    (file,) = read(letter(attachments=(attached(name, data),))).iter_attachments()

    assert file.get_filename() == name.strip()  # the reader strips it
    assert file.get_content() == data


@pytest.mark.parametrize(
    "name",
    [
        "Presupuesto ñandú.pdf",
        'with "quotes".pdf',
        "back\\slash.pdf",
        "a" * 140 + ".pdf",
        "ñ" * 140 + ".pdf",
        "semi;colon='x'.pdf",
        "50%.pdf",
        "👍.pdf",
        " x ",
        "a\tb",
    ],
)
def test_odd_file_names_survive(name: str) -> None:
    (file,) = read(letter(attachments=(attached(name),))).iter_attachments()

    assert file.get_filename() == name.strip()  # the reader strips it


@pytest.mark.parametrize(
    ("content_type", "data", "expected"),
    [
        ("text/csv", b"a;b\r\nc;d\n\xff\x00", "text/csv"),
        ("text/plain; charset=latin-1", b"\xf1\n", "text/plain"),
        ("text/html", b"<script>x</script>", "text/html"),
        ("multipart/mixed", b"x", "application/octet-stream"),
        ("message/partial", b"x", "application/octet-stream"),
        ("message/rfc822", b"Subject: x\n\nbare line feeds\n", "application/octet-stream"),
        ("message/rfc822", b"Subject: \xc3\xb1\r\n\r\nx\r\n", "application/octet-stream"),
        ("message/rfc822", b"Subject: x\r\n\r\n" + b"x" * 999, "application/octet-stream"),
        ("nonsense", b"x", "application/octet-stream"),
        ("a/b\r\nBcc: x@x.example", b"x", "application/octet-stream"),
        ("", b"", "application/octet-stream"),
        ("APPLICATION/PDF", b"x", "application/pdf"),
    ],
)
def test_bytes_of_any_type_arrive_as_they_were(content_type: str, data: bytes, expected: str) -> None:
    (file,) = read(letter(attachments=(attached("file", data, content_type),))).iter_attachments()

    assert file.get_content_type() == expected
    assert file.get_payload(decode=True) == data


def test_an_attached_message_travels_as_a_message_byte_for_byte() -> None:
    inner = b"From: a@b.example\r\nSubject: =?utf-8?q?=C3=B1?=\r\nX:  odd   spacing\r\n\r\n.\r\n--boundary--\r\n"
    copy = composed(letter(attachments=(attached("forwarded.eml", inner, "message/rfc822"),)))

    (file,) = parsed(copy).iter_attachments()
    assert file.get_content_type() == "message/rfc822"
    assert file["Content-Transfer-Encoding"] == "7bit"
    assert file.get_content()["Subject"] == "ñ"
    assert copy.message.count(b"\r\n\r\n" + inner + b"\r\n--") == 1


LONG = f"<{'x' * 240}@miempresa.example>"


def test_identifiers_are_folded_between_and_never_encoded() -> None:
    references = " ".join([LONG, "<root@miempresa.example>", *(f"<{n}@grupolevante.example>" for n in range(12))])
    copy = composed(letter(message_id=LONG, in_reply_to=LONG, references=references))

    assert header_lines(copy.message, "Message-ID") == [f"Message-ID: {LONG}"]
    assert header_lines(copy.message, "In-Reply-To") == [f"In-Reply-To: {LONG}"]
    lines = header_lines(copy.message, "References")
    assert "".join(lines) == f"References: {references}"
    assert all(len(line) <= 78 for line in lines if LONG not in line)
    assert parsed(copy)["Message-ID"] == LONG


def test_what_is_no_identifier_is_left_out_of_the_references() -> None:
    message = read(letter(references="<a@b> nonsense <ñ@b> <c@d>", in_reply_to="nonsense"))

    assert message["References"] == "<a@b> <c@d>"
    assert "In-Reply-To" not in message


def test_a_new_message_id_is_at_the_domain_and_new() -> None:
    first, second = new_message_id("miempresa.example"), new_message_id("miempresa.example")

    assert re.fullmatch(r"<[0-9a-f-]{36}@miempresa\.example>", first)
    assert first != second


def test_a_copy_names_its_own_recipient_unless_to_was_given() -> None:
    given = letter(to=(Mailbox("", "a@x.example"), Mailbox("B", "b@x.example")), cc=(Mailbox("", "c@x.example"),))

    assert read(letter())["To"] == "Julia Ferrer <j.ferrer@grupolevante.example>"
    assert read(given)["To"] == "a@x.example, B <b@x.example>"
    assert read(given)["Cc"] == "c@x.example"


def test_many_recipients_are_folded_between_addresses() -> None:
    copy = composed(letter(to=tuple(Mailbox(f"Persona número {n}", f"p{n}@x.example") for n in range(40))))

    assert len(parsed(copy)["To"].addresses) == 40
    assert max(map(len, header_lines(copy.message, "To"))) <= 78


def test_an_explicit_reply_to_is_never_touched() -> None:
    token = Mailbox("Ana Gómez", "catchall+x@miempresa.example")
    own = letter(reply_to=(Mailbox("", "boss@miempresa.example"),))

    assert read(letter(), reply_to=token)["Reply-To"] == "Ana Gómez <catchall+x@miempresa.example>"
    assert read(own, reply_to=token).get_all("Reply-To") == ["boss@miempresa.example"]


def test_a_rewritten_from_keeps_the_original_beside_it() -> None:
    message = read(letter(), original_from=Mailbox("Ana", "ana@gmail.example"))

    assert message["X-Original-From"] == "Ana <ana@gmail.example>"


def test_only_what_the_machine_wrote_says_so() -> None:
    assert "Auto-Submitted" not in read(letter())
    assert read(letter(auto_submitted=True))["Auto-Submitted"] == "auto-generated"


def test_further_headers_are_written_and_ours_win() -> None:
    extra = (
        ("X-Thing", "ñ"),
        ("Bcc", "secret@x.example"),
        ("SUBJECT", "other"),
        ("Content-Type", "text/evil"),
        ("List-Unsubscribe", "<https://x.example/u>"),
    )
    message = read(letter(extra_headers=extra), extra=(("X-Copy", "1"), ("bcc", "secret@x.example")))

    assert message["X-Thing"] == "ñ"
    assert message["X-Copy"] == "1"
    assert message["List-Unsubscribe"] == "<https://x.example/u>"
    assert message.get_all("Subject") == ["Quote"]
    assert message.get_all("Content-Type") == ['text/plain; charset="utf-8"']
    assert "secret" not in str(message)


EVIL = ["a\r\nBcc: x@x.example", "a\nb", "a\rb", "a\0b"]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("Subject", lambda evil: {"subject": evil}),
        ("Message-ID", lambda evil: {"message_id": f"<{evil}@x>"}),
        ("In-Reply-To", lambda evil: {"in_reply_to": f"<{evil}@x>"}),
        ("References", lambda evil: {"references": f"<a@b>{evil}"}),
        ("To", lambda evil: {"to": (Mailbox(evil, "a@x.example"),)}),
        ("To", lambda evil: {"to": (Mailbox("", f"a{evil}@x.example"),)}),
        ("Cc", lambda evil: {"cc": (Mailbox(evil, "a@x.example"),)}),
        ("Reply-To", lambda evil: {"reply_to": (Mailbox(evil, "a@x.example"),)}),
        ("X-Thing", lambda evil: {"extra_headers": (("X-Thing", evil),)}),
        ("filename", lambda evil: {"attachments": (attached(evil),)}),
    ],
)
def test_a_line_break_in_any_field_of_the_letter_is_refused(field: str, given: Any, evil: str) -> None:
    with pytest.raises(MessageInvalid) as refusal:
        encode_body(letter(**given(evil)))

    assert refusal.value.field == field
    assert refusal.value.cause == "message_invalid"


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("From", lambda evil: {"header_from": Mailbox(evil, "a@x.example")}),
        ("From", lambda evil: {"header_from": Mailbox("", f"a@x.example{evil}")}),
        ("To", lambda evil: {"recipient": Mailbox(evil, "a@x.example")}),
        ("Reply-To", lambda evil: {"reply_to": Mailbox(evil, "a@x.example")}),
        ("X-Original-From", lambda evil: {"original_from": Mailbox(evil, "a@x.example")}),
        ("X-Copy", lambda evil: {"extra": [("X-Copy", evil)]}),
    ],
)
def test_a_line_break_in_any_field_of_a_copy_is_refused(field: str, given: Any, evil: str) -> None:
    with pytest.raises(MessageInvalid) as refusal:
        composed(letter(), **given(evil))

    assert refusal.value.field == field


@pytest.mark.parametrize("name", ["", "X Thing", "X-Thing:", "X\r\nBcc", "ñ", "X" * 100])
def test_what_cannot_name_a_header_is_refused(name: str) -> None:
    with pytest.raises(MessageInvalid):
        encode_body(letter(extra_headers=((name, "x"),)))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "@x.example",
        "a@",
        "a@b@c",
        "a b@x.example",
        "a@x.example, b@x.example",
        "<a@x.example>",
        "a@x.example>",
        "a@x y",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with translation.override("en"), pytest.raises(MessageInvalid, match="not an address") as refusal:
        composed(letter(), recipient=Mailbox("Julia", address))

    assert refusal.value.field == "To"


@pytest.mark.parametrize(
    "given",
    [
        {"subject": "a\ud800"},
        {"text": "a\ud800"},
        {"html": "<p>\udfff"},
        {"attachments": (attached("a\ud800.pdf"),)},
        {"cc": (Mailbox("\ud800", "a@x.example"),)},
    ],
)
def test_half_characters_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(MessageInvalid):
        encode_body(letter(**given))


@pytest.mark.parametrize("message_id", ["", "x", "<>", "a@b", "<a b@c>", "<a@b> <c@d>", "<ñ@b>"])
def test_a_letter_without_a_sound_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(MessageInvalid) as refusal:
        encode_body(letter(message_id=message_id))

    assert refusal.value.field == "Message-ID"


def test_an_image_whose_identifier_could_break_out_is_refused() -> None:
    evil = attached("x.png", b"", "image/png", cid="a>\r\nBcc: x")
    with pytest.raises(MessageInvalid):
        encode_body(letter(html='<img src="cid:a>\r\nBcc: x">', attachments=(evil,)))


INTERNATIONAL = Mailbox("Julia", "júlia@grupolevante.example")


@pytest.mark.parametrize(
    "given", [{"recipient": INTERNATIONAL}, {"header_from": INTERNATIONAL}, {"reply_to": INTERNATIONAL}]
)
def test_a_local_part_beyond_ascii_needs_smtputf8(given: dict[str, Mailbox]) -> None:
    copy = composed(letter(subject="ñ"), **given)

    assert copy.smtputf8
    assert "Julia <júlia@grupolevante.example>".encode() in copy.message
    assert_fit_to_travel(copy.message)


def test_a_shared_cc_beyond_ascii_needs_smtputf8() -> None:
    assert composed(letter(cc=(INTERNATIONAL,))).smtputf8
    # The envelope names the recipient even where no header does.
    assert composed(letter(to=(ANA,)), recipient=INTERNATIONAL).smtputf8


def test_everything_else_travels_in_seven_bits() -> None:
    copy = composed(
        letter(subject="ñ", text="ñ", attachments=(attached("ñ.pdf", b"\xff"),)),
        recipient=Mailbox("ñ", "ana@señal.example"),
        original_from=INTERNATIONAL,
    )

    assert not copy.smtputf8
    assert copy.message.isascii()
    assert parsed(copy)["To"].addresses[0].addr_spec == "ana@xn--seal-hqa.example"
    assert parsed(copy)["X-Original-From"] == "Julia <júlia@grupolevante.example>"


def test_copies_share_the_bytes_of_the_body() -> None:
    shared = encode_body(letter())
    copies = [
        compose(letter(), shared, header_from=ANA, recipient=Mailbox("", f"r{n}@x.example"), date=DATE)
        for n in range(2)
    ]

    assert copies[0].data is copies[1].data is shared.data
    assert len(copies[0].message) == copies[0].size
    assert b"r0@x.example" not in copies[1].message


def test_a_stored_content_becomes_a_letter(db: None) -> None:
    content = Content.objects.create(
        subject="Quote",
        html="<p>Hi</p>",
        to='"Ferrer, Julia" <j@x.example>, k@x.example',
        cc="",
        reply_to="Ana <ana@miempresa.example>",
        message_id=MESSAGE_ID,
        extra_headers=[["X-Thing", "1"]],
    )
    content.attachments.add(attachments.store(ContentFile(b"%PDF"), name="quote.pdf", content_type="application/pdf"))
    message = read(letter_of(content))

    assert message["To"] == '"Ferrer, Julia" <j@x.example>, k@x.example'
    assert message["Reply-To"] == "Ana <ana@miempresa.example>"
    assert message["X-Thing"] == "1"
    (file,) = message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("quote.pdf", b"%PDF")


@pytest.mark.parametrize("to", ["not an address", "a@x.example\r\nBcc: b@x.example", "a@x.example, nobody"])
def test_a_stored_content_that_is_wrong_is_refused_when_encoded_not_when_read(db: None, to: str) -> None:
    broken = letter_of(Content.objects.create(subject="x", message_id=MESSAGE_ID, to=to))

    with pytest.raises(MessageInvalid) as refusal:
        encode_body(broken)
    assert refusal.value.field == "To"
