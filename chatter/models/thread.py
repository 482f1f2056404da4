"""The conversation of one record."""

import uuid

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _


class Thread(models.Model):
    """The conversation of one record; made when the record is first followed, written to or shown."""

    document_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
    document_id = models.PositiveBigIntegerField()
    document = GenericForeignKey("document_type", "document_id")
    # The stable root of every References header in this conversation (RFC 5322 §3.6.4).
    root = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        verbose_name = _("conversation")
        permissions = [("use_notes", _("Read and write internal notes"))]
        constraints = [models.UniqueConstraint(fields=["document_type", "document_id"], name="thread_of_document")]

    def __str__(self) -> str:
        return f"{self.document_type_id}/{self.document_id}"
