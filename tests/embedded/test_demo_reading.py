"""A captured mail read as its recipient would, whatever came."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daeris.demo.reading import Reading
from mail.html import body_document
from tests.embedded.letters import PNG, letter


def test_headers_read_as_a_person_reads_them() -> None:
    reading = Reading(letter(subject="Presupuesto nº 3", sender="José Pérez <jose@x.example>"))

    assert reading.header("subject") == "Presupuesto nº 3"
    assert reading.header("From") == "José Pérez <jose@x.example>"
    assert reading.header("Reply-To") == ""


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("=?utf-8?q?Presupuesto_n=C2=BA?= 3 y =?utf-8?b?w6E=?=", "Presupuesto nº 3 y á"),
        ("=?utf-8?q?par?=\r\n =?utf-8?q?tido?=", "partido"),
        ("José ñ €", "José ñ €"),  # SMTPUTF8 sends it as it is
        ("=?x-nobody?q?Hola?=", "Hola"),
        ("=?utf-8?b?broken!?=", None),
        ("dos\r\n\tlíneas", "dos líneas"),
        ("con \x00 y \x1b[31m", "con y [31m"),
    ],
)
def test_a_subject_however_it_is_written(header: str, read: str | None) -> None:
    found = Reading(f"Subject: {header}\r\n\r\nHola".encode()).header("Subject")

    assert found.isprintable()
    assert read is None or found == read


def test_the_html_is_shown_with_its_pictures_and_the_rest_can_be_saved() -> None:
    reading = Reading(letter(html='<p>Hola <img src="cid:logo"></p>', picture="logo", files={"oferta ñ.pdf": b"%PDF-"}))

    assert "data:image/png;base64," in reading.html
    (pdf,) = reading.attachments
    assert (pdf.name, pdf.content_type, pdf.data, pdf.size) == ("oferta ñ.pdf", "application/pdf", b"%PDF-", 5)


def test_a_picture_that_the_body_does_not_show_can_be_saved() -> None:
    (picture,) = Reading(letter(html="<p>Hola</p>", picture="logo")).attachments

    assert picture.data == PNG


def test_plain_text_becomes_paragraphs() -> None:
    assert "<script>" not in Reading(b"Subject: x\r\n\r\n1 < 2 <script>").html
    assert "1 &lt; 2" in Reading(b"Subject: x\r\n\r\n1 < 2 <script>").html


def test_a_forwarded_mail_is_an_attachment() -> None:
    inner, outer = EmailMessage(), EmailMessage()
    inner["Subject"] = "Dentro"
    inner.set_content("Hola")
    outer.set_content("Te reenvío esto")
    outer.add_attachment(inner)

    (forwarded,) = Reading(outer.as_bytes()).attachments

    assert forwarded.content_type == "message/rfc822"
    assert b"Subject: Dentro" in forwarded.data


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\b.exe", "x\r\nSet-Cookie: a=b", "", " ", "\x00"])
def test_a_name_is_only_a_name(name: str) -> None:
    raw = b'Content-Type: image/png\r\nContent-Disposition: attachment; filename="' + name.encode() + b'"\r\n\r\nx'

    for part in Reading(raw).attachments:
        assert part.name
        assert part.name.isprintable()
        assert not {"/", "\\"} & set(part.name)


@pytest.mark.large
def test_parts_within_parts_without_end_are_not_followed() -> None:
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(2000))

    reading = Reading(b"Subject: Hondo\r\n" + deep)

    assert reading.header("Subject") == "Hondo"
    assert reading.html is not None
    assert reading.attachments is not None


PIECES = [
    *(b"\r\n", b"\r\n\r\n", b"\x00", b"\xff\xfe", b'"', b";", b"<", b">", b"=?utf-8?q?", b"?=", b"--b\r\n", b"--b--"),
    *(b"Content-Type: ", b"multipart/mixed; boundary=b", b"text/html", b"text/plain", b"image/png", b"; charset="),
    *(b"message/rfc822", b"message/delivery-status", b"message/external-body", b"utf-16", b"rot13", b"hex"),
    *(b"Content-Transfer-Encoding: ", b"base64", b"x-uuencode", b"quoted-printable", b"Content-ID: <a>", b"cid:a"),
    *(b"Content-Disposition: attachment; filename*0*=utf-8''a%C3; filename*1*=", b"; filename*=a'b", b'; filename="'),
    *(b"From: ", b"Subject: ", b"Message-ID: ", b"aGVsbG8=", b"Hola", b"=C3=A9", b"<p>"),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4)), max_size=40))
@pytest.mark.large
def test_whatever_comes_can_be_shown(pieces: list[bytes]) -> None:
    reading = Reading(b"".join(pieces))

    for name in ("From", "Subject", "Message-ID", "Content-Type"):
        reading.header(name).encode()
    assert "<html>" in body_document(reading.html)
    for part in reading.attachments:
        assert part.name.encode()
        assert part.content_type.isprintable()
        assert part.size == len(part.data)
