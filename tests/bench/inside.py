"""What happens inside our installation, in a process of its own that the benchmark talks to.

Mail is queued as projects queue it: by `send_mail` and its backend, by `post()`, by the queue's own function.
"""

import random
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.files.base import ContentFile  # noqa: E402
from django.core.mail import EmailMultiAlternatives, get_connection, send_mail  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from chatter.models import Follower  # noqa: E402
from daeris.documents.models import Opportunity  # noqa: E402
from daeris.models import User  # noqa: E402
from mail import pauses  # noqa: E402
from mail.addresses import Mailbox  # noqa: E402
from mail.attachments import store  # noqa: E402
from mail.composing import new_message_id  # noqa: E402
from mail.configuration import import_configuration  # noqa: E402
from mail.models import Contact, Content, Lane  # noqa: E402
from mail.queue import Recipient, enqueue  # noqa: E402
from mail.tasks import deliver_due  # noqa: E402
from tests.bench import letter  # noqa: E402
from tests.bench.talking import serve  # noqa: E402


def configure(configuration: str) -> None:
    """Replace servers, domains and options by these, in the words of `mail_config`."""
    import_configuration(configuration, replace=True)


def empty() -> None:
    """Forget all mail, and let none go until `go`."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE mail_mail, mail_content, mail_attempt CASCADE")
    pauses.pause(Lane.values, paused=True)


def queue_distinct(total: int) -> float:
    """Queue mails that all say something else, by Django's own bulk call; the seconds it took."""
    messages = [_message(number) for number in range(total)]
    began = time.perf_counter()
    get_connection().send_messages(messages)
    return time.perf_counter() - began


def queue_same(total: int, each: int = 0, lane: str = Lane.TRANSACTIONAL) -> float:
    """Queue one mail to so many people, or another one for `each` so many of them; the seconds it took."""
    began, each = time.perf_counter(), each or total
    for first in range(0, total, each):
        with transaction.atomic():
            content = _content(first)
            people = range(first, min(first + each, total))
            enqueue(content, [Recipient(Mailbox("", letter.recipient(number))) for number in people], lane=lane)
    return time.perf_counter() - began


def queue_files(total: int, contents: int, size: int) -> None:
    """Queue mails with a file of this size, so many contents shared out among them."""
    for first in range(contents):
        file = ContentFile(random.Random(first).randbytes(size))
        with transaction.atomic():
            content = _content(first)
            content.attachments.add(store(file, name=f"Plano {first}.pdf", content_type="application/pdf"))
            people = range(first, total, contents)
            enqueue(content, [Recipient(Mailbox("", letter.recipient(number))) for number in people])


def queue_singly(total: int) -> float:
    """Queue mails by one `send_mail` each; the seconds it took."""
    _send(0)  # its connections stand
    began = time.perf_counter()
    for number in range(total):
        _send(number)
    return time.perf_counter() - began


def queue_slowly(total: int, every: float, first: int = 0) -> dict[str, float]:
    """One `send_mail` after each pause, to recipients from this number on; when each recipient's began."""
    moments, began = {}, time.time()
    for number in range(total):
        time.sleep(max(0, began + number * every - time.time()))
        moments[letter.recipient(first + number)] = time.time()
        _send(first + number)
    return moments


def post(followers: int, times: int) -> float:
    """Post so often on a record with so many followers; the seconds it took."""
    user = User.objects.create_user(f"ana{time.time_ns()}", letter.SENDER)
    record = Opportunity.objects.create(name="Factura", responsible=user)
    contacts = Contact.objects.bulk_create(
        [Contact(name=f"Cliente {number}", email=letter.recipient(number)) for number in range(followers)]
    )
    record.post(author=user, body=letter.HTML)  # its connections stand, its templates are read
    Follower.objects.bulk_create([Follower(thread=record.thread, contact=contact) for contact in contacts])
    began = time.perf_counter()
    for _ in range(times):
        record.post(author=user, body=letter.HTML)
    return time.perf_counter() - began


def settle_down() -> None:
    """What the database would tidy up in the midst of the measuring, it does now."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def go(lanes: list[str], workers: int = 1) -> float:
    """Let the mail go; when that was. One bell for each worker of the lane, as the next posts would bring them."""
    moment = time.time()
    pauses.pause(lanes, paused=False)
    for lane in lanes * (workers - 1):
        deliver_due.apply_async(args=(lane,), queue=lane)
    return moment


def is_settled() -> bool:
    """Whether every mail is sent, or at least given up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT NOT EXISTS (SELECT 1 FROM mail_mail WHERE state IN ('queued', 'sending'))")
        return bool(cursor.fetchone()[0])


def outcome() -> dict[str, Any]:
    """How many mails there are in each state, and how many attempts of each outcome."""
    found = {}
    for table, column in (("mail_mail", "state"), ("mail_attempt", "outcome")):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {column}, count(*) FROM {table} GROUP BY {column}")
            found[table] = dict(cursor.fetchall())
    return found


def _content(number: int) -> Content:
    return Content.objects.create(
        subject=letter.subject(number),
        text=letter.TEXT,
        html=letter.HTML,
        author_address=letter.SENDER,
        message_id=new_message_id("miempresa.test"),
    )


def _send(number: int) -> None:
    send_mail(letter.subject(number), letter.TEXT, letter.SENDER, [letter.recipient(number)], html_message=letter.HTML)


def _message(number: int) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(letter.subject(number), letter.TEXT, letter.SENDER, [letter.recipient(number)])
    message.attach_alternative(letter.HTML, "text/html")
    return message


if __name__ == "__main__":
    queueing: list[Callable[..., Any]] = [queue_distinct, queue_same, queue_files, queue_singly, queue_slowly, post]
    serve([configure, empty, *queueing, settle_down, go, is_settled, outcome])
