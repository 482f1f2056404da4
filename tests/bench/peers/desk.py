"""What happens inside the peers' project, in a process that the benchmark talks to."""

import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.peers.settings")

import django

django.setup()

import mailer  # noqa: E402
import post_office.mail  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from tests.bench import letter  # noqa: E402
from tests.bench.peers.models import Row  # noqa: E402
from tests.bench.peers.tasks import send_row  # noqa: E402
from tests.bench.talking import serve  # noqa: E402

TABLES = ("post_office_email", "post_office_log", "mailer_message", "mailer_messagelog", "peers_row")
LEFT = {
    "post_office": "SELECT count(*) FROM post_office_email WHERE status IS DISTINCT FROM 0",
    "mailer": "SELECT count(*) FROM mailer_message",
    "celery": "SELECT count(*) FROM peers_row WHERE state <> 'sent'",
}


def empty() -> None:
    """The tables, made when they are not there, without a row."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY CASCADE")


def queue(kind: str, total: int) -> float:
    """Queue mails one by one, as the peer's own call does it; the seconds it took."""
    began = time.perf_counter()
    for number in range(total):
        ONE[kind](number)
    return time.perf_counter() - began


def queue_bulk(total: int) -> float:
    """Queue mails by django-post_office's own bulk call, the only one there is among them."""
    mails = [_keywords(number) | {"recipients": letter.recipient(number)} for number in range(total)]
    began = time.perf_counter()
    post_office.mail.send_many(mails)
    return time.perf_counter() - began


def queue_slowly(kind: str, total: int, every: float) -> dict[str, float]:
    """Queue one mail after each pause; when each recipient's was queued."""
    moments, began = {}, time.time()
    for number in range(total):
        time.sleep(max(0, began + number * every - time.time()))
        moments[letter.recipient(number)] = time.time()
        ONE[kind](number)
    return moments


def settle_down() -> None:
    """What the database would tidy up in the midst of the measuring, it does now."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def command(name: str, arguments: list[str]) -> None:
    """Work through the queue by this management command."""
    call_command(name, *arguments)


def ready() -> None:
    """Connect, so that it is in nobody's figures."""
    connection.ensure_connection()


def left(kind: str) -> int:
    """Mails that the peer's own table does not show as sent."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT[kind])
        return int(cursor.fetchone()[0])


def _post_office(number: int) -> None:
    post_office.mail.send(letter.recipient(number), **_keywords(number))


def _mailer(number: int) -> None:
    mailer.send_html_mail(letter.subject(number), letter.TEXT, letter.HTML, letter.SENDER, [letter.recipient(number)])


def _celery(number: int) -> None:
    row = Row.objects.create(
        sender=letter.SENDER,
        recipient=letter.recipient(number),
        subject=letter.subject(number),
        text=letter.TEXT,
        html=letter.HTML,
    )
    send_row.delay(row.pk)


def _keywords(number: int) -> dict[str, Any]:
    return {
        "sender": letter.SENDER,
        "subject": letter.subject(number),
        "message": letter.TEXT,
        "html_message": letter.HTML,
    }


ONE: dict[str, Callable[[int], None]] = {"post_office": _post_office, "mailer": _mailer, "celery": _celery}

if __name__ == "__main__":
    serve([empty, queue, queue_bulk, queue_slowly, settle_down, command, ready, left])
