"""What happens inside our installation, in a process of its own that the benchmark talks to.

Mail is queued as projects queue it: by `send_mail`'s backend, by the queue's own function.
"""

import time
from typing import Any

import django

django.setup()

from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from mail import pauses  # noqa: E402
from mail.addresses import Mailbox  # noqa: E402
from mail.composing import new_message_id  # noqa: E402
from mail.configuration import import_configuration  # noqa: E402
from mail.models import Content, Lane  # noqa: E402
from mail.queue import Recipient, enqueue  # noqa: E402
from mail.tasks import deliver_due  # noqa: E402
from tests.bench import letter  # noqa: E402
from tests.bench.talking import serve  # noqa: E402

LANE = Lane.TRANSACTIONAL


def configure(configuration: str) -> None:
    """Replace servers, domains and options by these, in the words of `mail_config`."""
    import_configuration(configuration, replace=True)


def empty() -> None:
    """Forget all mail, and let none go until `go`."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE mail_mail, mail_content, mail_attempt CASCADE")
    pauses.pause([LANE], paused=True)


def queue_distinct(total: int) -> float:
    """Queue mails that all say something else, by Django's own bulk call; the seconds it took."""
    messages = [_message(number) for number in range(total)]
    began = time.perf_counter()
    get_connection().send_messages(messages)
    return time.perf_counter() - began


def queue_same(total: int) -> float:
    """Queue one mail to so many people; the seconds it took."""
    began = time.perf_counter()
    with transaction.atomic():
        content = Content.objects.create(
            subject=letter.subject(0),
            text=letter.TEXT,
            html=letter.HTML,
            author_address=letter.SENDER,
            message_id=new_message_id("miempresa.test"),
        )
        enqueue(content, [Recipient(Mailbox("", letter.recipient(number))) for number in range(total)], lane=LANE)
    return time.perf_counter() - began


def settle_down() -> None:
    """What the database would tidy up in the midst of the measuring, it does now."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def go(workers: int) -> float:
    """Let the mail go; when that was. One bell for each worker, as the next posts would bring them."""
    moment = time.time()
    pauses.pause([LANE], paused=False)
    for _ in range(workers - 1):
        deliver_due.apply_async(args=(LANE,), queue=LANE)
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


def _message(number: int) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(letter.subject(number), letter.TEXT, letter.SENDER, [letter.recipient(number)])
    message.attach_alternative(letter.HTML, "text/html")
    return message


if __name__ == "__main__":
    serve([configure, empty, queue_distinct, queue_same, settle_down, go, is_settled, outcome])
