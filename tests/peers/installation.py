"""Things that the tests do inside a running installation, each in a process of its own."""

from typing import Any

from tests.lab.stack import Stack

FILL = """
import sys
from django.db import transaction
from mail.addresses import Mailbox
from mail.composing import new_message_id
from mail.models import Content
from mail.queue import Recipient, enqueue

total, copies = int(sys.argv[1]), int(sys.argv[2])
for start in range(0, total, copies):
    with transaction.atomic():
        content = Content.objects.create(
            subject=f"Mail {start}", text="Hello", html="<p>Hello</p>",
            author_name="Alicia", author_address="alicia@miempresa.test", message_id=new_message_id("miempresa.test"),
        )
        enqueue(content, [Recipient(Mailbox("", f"customer{n}@acme.test")) for n in range(start, start + copies)])
"""


def fill(stack: Stack, total: int, *, copies: int = 20) -> set[str]:
    """Queue this many mails, each to another customer, as that many posts with `copies` followers; their addresses."""
    stack.python(FILL, str(total), str(copies))
    return {f"customer{number}@acme.test" for number in range(total)}


POST = """
import json, sys, time
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact

user, _ = User.objects.get_or_create(username="alicia", defaults={"email": "alicia@miempresa.test"})
customer, _ = Contact.objects.get_or_create(name="Julia", email="julia@acme.test")
opportunity, _ = Opportunity.objects.get_or_create(name="Fleet", customer=customer, responsible=user)
opportunity.follow(customer)
seconds = []
for number in range(int(sys.argv[1])):
    began = time.perf_counter()
    opportunity.post(author=user, body=f"<p>Offer {number}</p>")
    seconds.append(time.perf_counter() - began)
print(json.dumps(seconds))
"""


def post(stack: Stack, number: int = 1) -> list[float]:
    """Post on an opportunity that one customer follows, so many times in one process; the seconds each took."""
    seconds: list[float] = stack.python(POST, str(number))
    return seconds


def mails(stack: Stack, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of every mail, oldest first."""
    return stack.sql(f"SELECT {', '.join(columns)} FROM mail_mail ORDER BY id")
