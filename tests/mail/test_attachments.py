"""Files from upload to sweep: stored once, shown safely, gone when nothing uses them."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import translation
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from daeris.models import User
from mail import attachments
from mail.attachments import clean_content_type, clean_name, download_headers, post, store, sweep_blobs, sweep_uploads
from mail.models import Attachment, Blob, Content


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def upload(
    data: bytes = b"%PDF-1.7", name: str = "quote.pdf", content_type: str = "application/pdf", **given: Any
) -> Attachment:
    return store(ContentFile(data), name=name, content_type=content_type, **given)


def stored_files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def age(things: Any, **by: float) -> None:
    things.update(created_at=now() - timedelta(**by))


def test_a_file_is_kept_with_its_name_type_and_owner(alice: User) -> None:
    attachment = upload(owner=alice)

    with attachment.open() as file:
        assert file.read() == b"%PDF-1.7"
    assert (attachment.name, attachment.content_type, attachment.owner) == ("quote.pdf", "application/pdf", alice)
    assert attachment.size == 8
    assert attachment.blob.sha256 == hashlib.sha256(b"%PDF-1.7").hexdigest()
    assert not attachment.posted


def test_the_same_bytes_are_stored_once(db: None, media: Path) -> None:
    first, second = upload(name="a.pdf"), upload(name="b.pdf")

    assert first.blob == second.blob
    assert (first.name, second.name) == ("a.pdf", "b.pdf")
    assert len(stored_files(media)) == 1


def test_an_empty_file_is_a_file(db: None) -> None:
    assert upload(b"").size == 0


def test_a_file_is_read_in_pieces_and_refused_as_soon_as_it_is_too_large(
    db: None, settings: Settings, media: Path
) -> None:
    settings.MAIL_MAX_UPLOAD_BYTES = 2 * 1024 * 1024
    read = 0

    class Endless(ContentFile):
        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            nonlocal read
            while True:
                read += 1
                yield b"x" * (chunk_size or 1024)

    with translation.override("en"), pytest.raises(attachments.TooLarge) as refusal:
        store(Endless(b""), name="big.bin")

    assert str(refusal.value) == "“big.bin” is too large: a file may have 2.0\xa0MB at most."
    assert refusal.value.limit == settings.MAIL_MAX_UPLOAD_BYTES
    assert read == settings.MAIL_MAX_UPLOAD_BYTES // attachments.CHUNK + 1
    assert not Attachment.objects.exists()
    assert not stored_files(media)


def test_a_file_of_just_the_limit_is_taken(db: None, settings: Settings) -> None:
    settings.MAIL_MAX_UPLOAD_BYTES = 10

    assert upload(b"x" * 10).size == 10
    with pytest.raises(attachments.TooLarge):
        upload(b"x" * 11)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("quote.pdf", "quote.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Documents\\quote.pdf", "quote.pdf"),
        ("a\r\nb\0c.pdf", "a bc.pdf"),
        ("\u202egpj.exe", "gpj.exe"),
        ("  .hidden. ", "hidden"),
        ("", "file"),
        ("..", "file"),
        ("/", "file"),
        ("\u200b", "file"),
        ("\ud800.pdf", "pdf"),
        ("año.pdf", "año.pdf"),
        ("an\u0303o.pdf", "año.pdf"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("x" * 300, "x" * 150),
        ("x" * 10 + "." + "y" * 300, "x" * 10 + "." + "y" * 139),
        ("much   space.pdf", "much space.pdf"),
        ('<script>"quoted".pdf', '<script>"quoted".pdf'),
    ],
)
def test_names_are_made_safe(given: str, kept: str) -> None:
    with translation.override("en"):
        assert clean_name(given) == kept


@given(st.text())
def test_any_name_becomes_a_usable_one(name: str) -> None:
    clean = clean_name(name)

    assert 0 < len(clean) <= 150
    assert not set(clean) & set("/\\\r\n\0")
    assert clean.encode()
    assert clean_name(clean) == clean


@pytest.mark.parametrize(
    ("given", "name", "kept"),
    [
        ("application/pdf", "x", "application/pdf"),
        ("TEXT/HTML; charset=utf-8", "x", "text/html"),
        ("", "x.png", "image/png"),
        ("application/octet-stream", "x.pdf", "application/pdf"),
        ("application/octet-stream", "x.unknown", "application/octet-stream"),
        ("nonsense", "x", "application/octet-stream"),
        ("a/b\r\nX-Evil: 1", "x", "application/octet-stream"),
        ("a/" + "b" * 300, "x", "application/octet-stream"),
    ],
)
def test_types_are_types(given: str, name: str, kept: str) -> None:
    assert clean_content_type(given, name) == kept


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [
        ("application/pdf", "application/pdf"),
        ("image/png", "image/png"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/csv", "text/csv"),
        *(
            (active, "application/octet-stream")
            for active in (
                "text/html",
                "image/svg+xml",
                "application/xhtml+xml",
                "text/xml",
                "text/javascript",
                "application/x-javascript",
                "application/ecmascript",
                "text/vbscript",
                "application/x-shockwave-flash",
                "message/rfc822",
                "multipart/x-mixed-replace",
                "nonsense",
                "a/b\r\nX-Evil: 1",
            )
        ),
    ],
)
def test_a_download_never_runs(content_type: str, sent: str) -> None:
    headers = download_headers(_unsaved("x", content_type))

    assert headers["Content-Type"] == sent
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["Content-Length"] == "3"


@pytest.mark.parametrize(
    ("content_type", "is_shown"),
    [
        ("image/png", True),
        ("text/plain", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("application/pdf", False),
    ],
)
def test_only_the_harmless_is_shown_by_itself(content_type: str, is_shown: bool) -> None:
    disposition = download_headers(_unsaved("x", content_type), inline=True)["Content-Disposition"]

    assert disposition.startswith("inline;") is is_shown


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("quote.pdf", 'attachment; filename="quote.pdf"'),
        ("año 2026.pdf", "attachment; filename=\"ano 2026.pdf\"; filename*=UTF-8''a%C3%B1o%202026.pdf"),
        ("名前.pdf", "attachment; filename=\".pdf\"; filename*=UTF-8''%E5%90%8D%E5%89%8D.pdf"),
        ('a"b;c.pdf', "attachment; filename=\"a_b_c.pdf\"; filename*=UTF-8''a%22b%3Bc.pdf"),
        ("50%.pdf", "attachment; filename=\"50_.pdf\"; filename*=UTF-8''50%25.pdf"),
        ("a\r\nX: 1", "attachment; filename=\"a__X_ 1\"; filename*=UTF-8''a%0D%0AX%3A%201"),
    ],
)
def test_downloads_are_named_for_old_and_new_browsers(name: str, disposition: str) -> None:
    assert download_headers(_unsaved(name))["Content-Disposition"] == disposition


def _unsaved(name: str, content_type: str = "application/pdf") -> Attachment:
    return Attachment(name=name, content_type=content_type, blob=Blob(sha256="0" * 64, size=3))


def test_uploads_that_nobody_posted_go_after_a_day(db: None) -> None:
    old, posted, fresh = upload(name="old"), upload(name="posted"), upload(name="fresh")
    in_a_mail = upload(name="in a mail")
    Content.objects.create(message_id="<a@b>").attachments.add(in_a_mail)
    post([posted])
    age(Attachment.objects.exclude(pk=fresh.pk), hours=25)

    assert sweep_uploads() == 1
    assert not Attachment.objects.filter(pk=old.pk).exists()
    assert Attachment.objects.count() == 3
    assert sweep_uploads() == 0


def test_bytes_that_nothing_uses_go_after_an_hour(
    db: None, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    used, unused = upload(b"used"), upload(b"unused")
    fresh = upload(b"fresh")
    for attachment in (unused, fresh):
        attachment.delete()
    age(Blob.objects.exclude(pk=fresh.blob.pk), hours=2)

    with django_capture_on_commit_callbacks(execute=True):
        assert sweep_blobs() == 1

    assert set(Blob.objects.all()) == {used.blob, fresh.blob}
    assert {default_storage.size(str(path.relative_to(media))) for path in stored_files(media)} == {4, 5}


def test_bytes_in_use_are_never_swept(db: None) -> None:
    attachment = upload()
    age(Blob.objects, days=400)

    assert sweep_blobs() == 0
    with attachment.open() as file:
        assert file.read() == b"%PDF-1.7"
