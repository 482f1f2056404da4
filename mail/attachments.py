"""Files from upload to sweep: bytes stored once, names that are safe to show, downloads that never run."""

import hashlib
import mimetypes
import re
import secrets
import tempfile
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from io import SEEK_END
from typing import IO, Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from django.utils.timezone import now
from django.utils.translation import gettext as _

from mail.models import Attachment, Blob

CHUNK = 256 * 1024
IN_MEMORY = 1024 * 1024
NAME_LIMIT = 150
GENERIC = "application/octet-stream"
CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*", re.IGNORECASE)
# What a browser may show by itself: pictures and text that cannot carry script.
HARMLESS = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "text/plain"}
# What a download may be called; the rest of the active types (HTML, SVG, XML, script) goes without its name.
ACTIVE = re.compile(r"html|xml|svg|script|multipart/|message/|x-shockwave|java", re.IGNORECASE)
SPACES = re.compile(r"\s+")
UPLOADS_LAST = timedelta(hours=24)
BLOBS_LAST = timedelta(hours=1)


class TooLarge(Exception):
    """The file is larger than MAIL_MAX_UPLOAD_BYTES; the message says what the limit is."""

    def __init__(self, name: str, limit: int) -> None:
        self.limit = limit
        super().__init__(
            _("“%(name)s” is too large: a file may have %(limit)s at most.")
            % {"name": name, "limit": filesizeformat(limit)}
        )


def store(
    file: "File[Any]", *, name: str, content_type: str = "", owner: AbstractBaseUser | None = None, content_id: str = ""
) -> Attachment:
    """The file, kept. Its bytes are stored once however often they arrive; raises TooLarge."""
    safe_name = clean_name(name)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy:
        sha256 = _read_through(file, copy, safe_name)
        # Written before the transaction: it may take a while, and SQLite has one writer.
        path = "" if Blob.objects.filter(pk=sha256).exists() else _saved(sha256, copy)
        with transaction.atomic():
            # The lock on the blob keeps the sweep away until the attachment holds it.
            blob = _blob(sha256, copy, path)
            return Attachment.objects.create(
                blob=blob,
                name=safe_name,
                content_type=clean_content_type(content_type, safe_name),
                content_id=content_id,
                owner_id=owner.pk if owner else None,
            )


def post(attachments: Iterable[Attachment]) -> None:
    """Say that these uploads are used now, so that the sweep leaves them."""
    Attachment.objects.filter(pk__in=[attachment.pk for attachment in attachments]).update(posted=True)


def release(attachment_ids: Iterable[int]) -> None:
    """Let go of these where nothing uses them any more: they go as if nobody had posted them."""
    Attachment.objects.filter(_unused(), pk__in=attachment_ids).update(posted=False)


def sweep_uploads() -> int:
    """Forget uploads that nobody posted within a day, and what was released. Answers how many."""
    old = Attachment.objects.pending().filter(created_at__lt=now() - UPLOADS_LAST)
    count, _by_model = old.filter(_unused()).delete()
    return count


def _unused() -> Q:
    """That no row of any app uses it: contents, and whatever others attach it to."""
    return Q(**{relation.name: None for relation in Attachment._meta.related_objects})


def sweep_blobs() -> int:
    """Delete bytes that nothing uses. Answers how many."""
    unused = Blob.objects.filter(attachments=None, created_at__lt=now() - BLOBS_LAST)
    return sum(_delete_if_unused(pk) for pk in unused.values_list("pk", flat=True).iterator())


def clean_name(name: str) -> str:
    """A file name without path, control or direction-changing characters, of a length every disk takes."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(char for char in unicodedata.normalize("NFC", last) if not _unseen(char))
    visible = SPACES.sub(" ", visible).strip(" .") or _("file")
    if len(visible) <= NAME_LIMIT:
        return visible
    stem, dot, extension = visible.rpartition(".")
    if not stem or len(extension) > 15:
        return visible[:NAME_LIMIT]
    return stem[: NAME_LIMIT - len(extension) - 1] + dot + extension


def _unseen(char: str) -> bool:
    # Controls, marks that turn the direction of writing, half characters, line and paragraph separators.
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and not char.isspace()


def clean_content_type(content_type: str, name: str) -> str:
    """The type as given when it is one, else as the name suggests. Never a reason to trust the bytes."""
    given = content_type.partition(";")[0].strip().lower()
    if given == GENERIC or len(given) > 100 or not CONTENT_TYPE.fullmatch(given):
        given = mimetypes.guess_type(name)[0] or GENERIC
    return given


def download_headers(attachment: Attachment, *, inline: bool = False) -> dict[str, str]:
    """Headers under which a browser saves the file, or shows it when that is harmless, and never runs it."""
    content_type = attachment.content_type
    if ACTIVE.search(content_type) or not CONTENT_TYPE.fullmatch(content_type):
        content_type = GENERIC
    shown = inline and content_type in HARMLESS
    if content_type == "text/plain":
        content_type = "text/plain; charset=utf-8"
    return {
        "Content-Type": content_type,
        "Content-Length": str(attachment.size),
        "Content-Disposition": _disposition("inline" if shown else "attachment", attachment.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=3600",
    }


def _disposition(kind: str, name: str) -> str:
    # RFC 6266: an ASCII name for old clients, and the real one as RFC 8187 has it.
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^\w .()+,=@!#$&~^{}-]", "_", plain, flags=re.ASCII).strip() or "file"
    header = f'{kind}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"


def _read_through(file: "File[Any]", copy: IO[bytes], name: str) -> str:
    limit = settings.MAIL_MAX_UPLOAD_BYTES
    digest = hashlib.sha256()
    size = 0
    for chunk in file.chunks(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(name, limit)
        digest.update(chunk)
        copy.write(chunk)
    return digest.hexdigest()


def _blob(sha256: str, copy: IO[bytes], path: str) -> Blob:
    """The blob of these bytes, locked; made from the file at `path` when there is none."""
    blob = _held(sha256)
    if blob is None:
        path = path or _saved(sha256, copy)
        try:
            with transaction.atomic():
                return Blob.objects.create(sha256=sha256, size=_size(copy), file=path)
        except IntegrityError:
            blob = Blob.objects.select_for_update().get(pk=sha256)
    if path:
        # Someone else stored the same bytes meanwhile: theirs count.
        default_storage.delete(path)
    return blob


def _held(sha256: str) -> Blob | None:
    return Blob.objects.select_for_update().filter(pk=sha256).first()


def _saved(sha256: str, copy: IO[bytes]) -> str:
    copy.seek(0)
    # A name of its own each time: the sweep of the last blob of these bytes may still be deleting its file.
    return default_storage.save(f"blobs/{sha256[:2]}/{sha256}-{secrets.token_hex(4)}", File(copy))


def _size(copy: IO[bytes]) -> int:
    return copy.seek(0, SEEK_END)


def _delete_if_unused(pk: str) -> bool:
    with transaction.atomic():
        blob = _held(pk)
        # Asked only with the lock held: an upload of the same bytes may have been quicker.
        if blob is None or blob.attachments.exists():
            return False
        path = str(blob.file.name)
        blob.delete()
        # The row first: a file without a row is only lost space, a row without its file is a lost attachment.
        transaction.on_commit(lambda: default_storage.delete(path))
    return True
