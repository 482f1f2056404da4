"""What people and programs do inside an installation, by one process that is there already when it is needed."""

import io
import random
import time
from functools import partial

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import close_old_connections, transaction  # noqa: E402

from mail import queue  # noqa: E402
from mail.addresses import Mailbox  # noqa: E402
from mail.composing import new_message_id  # noqa: E402
from mail.models import Content, Domain, Mail, Options, Server  # noqa: E402
from tests.peers.faults.talking import answer_on_stdin  # noqa: E402

COPIES = 10


def found(**server: object) -> None:
    """Begin with one server of the table."""
    Options.load()
    Options.objects.update(custom_servers=True)
    Domain.objects.get_or_create(name="miempresa.test", defaults={"default_from": "info", "is_default": True})
    Server.objects.create(**{"name": "Faulty", "host": "127.0.0.1", **server})
    Options.raise_version()


def change_server(*, name: str = "Faulty", **changes: object) -> None:
    """Write these fields of the server."""
    Server.objects.filter(name=name).update(**changes)
    Options.raise_version()


def fill(prefix: str, total: int, author: str = "alicia@miempresa.test") -> None:
    """Queue so many mails, as posts with some followers each."""
    for start in range(0, total, COPIES):
        numbers = range(start, min(start + COPIES, total))
        with transaction.atomic():
            content = Content.objects.create(
                subject=f"Mail {start}",
                text="Hello",
                html="<p>Hello</p>" + "<p>Some words more.</p>\n" * 90,
                author_name="Alicia",
                author_address=author,
                message_id=new_message_id("miempresa.test"),
            )
            queue.enqueue(content, [queue.Recipient(Mailbox("", f"{prefix}{n}@acme.test")) for n in numbers])


def fill_one_by_one(prefix: str, total: int) -> None:
    """Queue so many mails, each by itself."""
    for number in range(total):
        fill(f"{prefix}{number}-", 1)


def post(number: int) -> list[float]:
    """Post so often on an opportunity that one customer follows; the seconds each took."""
    from daeris.documents.models import Opportunity
    from daeris.models import User
    from mail.models import Contact

    user, _ = User.objects.get_or_create(username="alicia", defaults={"email": "alicia@miempresa.test"})
    customer, _ = Contact.objects.get_or_create(name="Julia", email="julia@acme.test")
    opportunity, _ = Opportunity.objects.get_or_create(name="Fleet", customer=customer, responsible=user)
    opportunity.follow(customer)
    seconds = []
    for count in range(number):
        began = time.perf_counter()
        opportunity.post(author=user, body=f"<p>Offer {count}</p>")
        seconds.append(time.perf_counter() - began)
    return seconds


def send_now(prefix: str) -> int:
    """A person presses "send now" for whatever of these waits."""
    return queue.retry(Mail.objects.filter(recipient_address__startswith=prefix))


def test_server() -> None:
    """A person tests the server; its waiting mail goes when that goes well."""
    call_command("mail_test", "Faulty", json=True, stdout=io.StringIO())


def meddle(prefix: str, times: int, seed: int) -> dict[str, object]:
    """A person cancels and retries so often what is not sent yet: what stays cancelled, and how often it was done.

    What is told to have been cancelled stays so until it is retried; every third mail never is.
    """
    chance = random.Random(seed)
    unsent = Mail.objects.filter(recipient_address__startswith=prefix).exclude(state=Mail.State.SENT)
    cancelled: set[str] = set()
    cancels = retries = 0
    for _ in range(times):
        # Those that a worker takes next or has just taken, and those that were cancelled.
        mail = chance.choice(unsent.order_by("due_at", "pk")[:30] or [None])
        if mail is None:
            break
        if mail.pk % 3 == 0 or chance.random() < 0.5:
            if mail.cancel():
                cancels += 1
                cancelled.add(mail.recipient_address)
        elif queue.retry(Mail.objects.filter(pk=mail.pk)):
            retries += 1
            cancelled.discard(mail.recipient_address)
    return {"cancelled": sorted(cancelled), "cancels": cancels, "retries": retries}


DUTIES = {
    "found": found,
    "change_server": change_server,
    "fill": fill,
    "fill_one_by_one": fill_one_by_one,
    "post": post,
    "send_now": send_now,
    "test_server": test_server,
    "meddle": meddle,
}


def main() -> None:
    def with_a_living_connection(duty, **what):  # type: ignore[no-untyped-def]
        close_old_connections()
        return duty(**what)

    answer_on_stdin({name: partial(with_a_living_connection, duty) for name, duty in DUTIES.items()})


if __name__ == "__main__":
    main()
