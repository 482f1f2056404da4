"""Attachments read by several at once."""

import pytest
from django.core.files.base import ContentFile

from daeris.models import User
from mail.attachments import store
from mail.models import Attachment


@pytest.mark.django_db
def test_two_mails_read_the_same_bytes_without_disturbing_each_other(alice: User) -> None:
    for name in ("first.pdf", "second.pdf"):
        store(ContentFile(b"the same bytes"), name=name, content_type="application/pdf", owner=alice)
    # As the engine fetches them: the rows of attachments with equal bytes share one blob.
    first, second = Attachment.objects.prefetch_related("blob")

    with first.open() as one, second.open() as other:
        assert one.read(4) == b"the "
        assert other.read() == b"the same bytes"
        assert one.read() == b"same bytes"
