"""A large file for many: what the worker holds more than idle, in a real worker with a real receiving server."""

from collections.abc import Iterator

import pytest

from tests.bench.machine import HighWater
from tests.bench.sinks import Sink
from tests.lab.ca import Authority
from tests.lab.fixtures import StartStack
from tests.lab.waiting import eventually
from tests.peers.installation import fill

pytestmark = pytest.mark.peers

SIZE, COPIES = 25 * 2**20, 20
QUEUE = """
import random, sys
from django.core.files.base import ContentFile
from django.db import transaction
from mail.addresses import Mailbox
from mail.attachments import store
from mail.models import Content
from mail.queue import Recipient, enqueue

size, copies = map(int, sys.argv[1:])
with transaction.atomic():
    content = Content.objects.create(
        subject="Plano", text="Hello", author_address="alicia@miempresa.test", message_id="<1@miempresa.test>"
    )
    content.attachments.add(store(ContentFile(random.randbytes(size)), name="plano.pdf"))
    enqueue(content, [Recipient(Mailbox("", f"customer{n}@acme.test")) for n in range(copies)])
"""


@pytest.fixture
def sink(authority: Authority) -> Iterator[Sink]:
    """Postfix's own receiving server, which keeps nothing."""
    sink = Sink("plain", authority)
    yield sink
    sink.stop()


def test_a_file_of_25_mb_for_many_is_in_memory_about_once(start_stack: StartStack, sink: Sink) -> None:
    stack = start_stack("postgres", EMAIL_URL=f"smtp://127.0.0.1:{sink.address.port}", MAIL_MAX_UPLOAD_BYTES=SIZE)
    worker = stack.worker()
    fill(stack, COPIES)
    eventually(lambda: stack.states() == {"sent": COPIES})  # its connections stand
    water = HighWater(worker.pid)

    stack.python(QUEUE, str(SIZE), str(COPIES))
    eventually(lambda: stack.states() == {"sent": 2 * COPIES}, deadline=30)

    # 34 MiB of base64, pieces of it on every connection, and nothing for each copy.
    assert water.more < 140
    sink.wait_for(2 * COPIES, deadline=5)
