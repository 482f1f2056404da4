"""Who wins when several want the same mail: only a real database tells."""

from typing import Literal

import pytest

from tests.lab.fixtures import StartStack
from tests.peers.installation import fill

pytestmark = pytest.mark.peers

RACE = """
import json, threading
from django.db import connection
from mail import claiming
from mail.claiming import Hands
from mail.models import Mail, Server

Server.objects.update(max_connections=2)
mails = list(Mail.objects.all())
begin = threading.Barrier(3)
claimed, cancelled = [], []
# Both sides have their first before either has its last, whoever the machine favours.
first_claim, first_cancel = threading.Event(), threading.Event()

def work(owner):
    begin.wait()
    while taken := claiming.claim("transactional", owner=owner, hands=Hands()):
        claimed.extend(mail.id for mail in taken)
        first_claim.set()
        first_cancel.wait(60)
    connection.close()

def cancel():
    begin.wait()
    for mail in reversed(mails):
        if mail.cancel():
            cancelled.append(mail.pk)
            first_cancel.set()
            first_claim.wait(60)
    connection.close()

threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")] + [threading.Thread(target=cancel)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
print(json.dumps([claimed, cancelled]))
"""


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_a_person_and_two_workers_never_both_have_a_mail(
    start_stack: StartStack, database: Literal["sqlite", "postgres"]
) -> None:
    stack = start_stack(database, EMAIL_URL="smtp://127.0.0.1:9")
    fill(stack, 200)

    claimed, cancelled = stack.python(RACE)

    everyone = [row[0] for row in stack.sql("SELECT id FROM mail_mail ORDER BY id")]
    assert sorted(claimed + cancelled) == everyone
    assert claimed
    assert cancelled
    assert stack.states() == {"sending": len(claimed), "cancelled": len(cancelled)}
