"""Uploads and the sweep at once, in many threads of a real installation."""

from typing import Any, Literal

import pytest

from tests.lab.fixtures import StartStack

pytestmark = pytest.mark.peers

TOGETHER = """
import hashlib, json, threading
from datetime import timedelta
from functools import partial
from pathlib import Path
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.utils.timezone import now
from mail.attachments import store, sweep_blobs
from mail.models import Attachment, Blob

raised = []

def together(*actions):
    start = threading.Barrier(len(actions))

    def run(action):
        start.wait(timeout=10)
        try:
            action()
        except Exception as error:
            raised.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

def upload(data):
    return store(ContentFile(data), name="x.bin")

together(*[partial(upload, b"x" * 3_000_000)] * 6)
once = [Attachment.objects.count(), Blob.objects.count()]

for number in range(20):
    data = f"round {number}".encode()
    upload(data).delete()
    Blob.objects.update(created_at=now() - timedelta(hours=2))
    again = partial(upload, data)
    together(again, sweep_blobs, again, sweep_blobs)

broken = 0
for attachment in Attachment.objects.select_related("blob"):
    with attachment.open() as file:
        broken += hashlib.sha256(file.read()).hexdigest() != attachment.blob_id
files = sum(path.is_file() for path in Path(settings.MEDIA_ROOT).rglob("*"))
print(json.dumps({"raised": raised, "once": once, "attachments": Attachment.objects.count(), "broken": broken,
                  "blobs": Blob.objects.count(), "files": files}))
"""


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_uploads_at_once_are_stored_once_and_never_swept_away(
    start_stack: StartStack, database: Literal["sqlite", "postgres"]
) -> None:
    found: dict[str, Any] = start_stack(database).python(TOGETHER)

    assert found["raised"] == []
    assert found["once"] == [6, 1]
    assert found["attachments"] == 6 + 20 * 2
    assert found["broken"] == 0
    assert found["files"] == found["blobs"]
