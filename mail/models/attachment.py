"""Bytes stored once, and the uses that are made of them."""

from typing import Self

from django.conf import settings
from django.core.files.base import File
from django.db import models
from django.utils.translation import gettext_lazy as _


def blob_path(blob: "Blob", name: str) -> str:
    return f"blobs/{blob.sha256[:2]}/{blob.sha256}"


class Blob(models.Model):
    """Bytes, stored once however often they are attached; known by their SHA-256."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField()
    file = models.FileField(upload_to=blob_path, max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def pending(self) -> Self:
        """Uploads that were not posted yet."""
        return self.filter(posted=False)


class Attachment(models.Model):
    """A named use of a blob. A message and the contents made from it share it."""

    blob = models.ForeignKey(Blob, models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255, default="application/octet-stream")
    # Set for an image that the HTML shows by `cid:`; it travels inside multipart/related.
    content_id = models.CharField(max_length=255, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    posted = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("attachment")
        indexes = [
            # Uploads nobody posted, swept a day later.
            models.Index(fields=["created_at"], condition=models.Q(posted=False), name="attachment_pending"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        return self.blob.size

    def open(self) -> "File[bytes]":
        """The stored bytes, for reading; a file of the caller's own, to be closed by it."""
        # Not `blob.file.open`: that hands out one file for one row, and mails encoded at the same time share rows.
        return self.blob.file.storage.open(str(self.blob.file.name), "rb")
