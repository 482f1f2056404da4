"""Who wins when several want the same mail: only a real database tells."""

import os
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


MODEL = """
import sys
import hypothesis
from hypothesis.stateful import run_state_machine_as_test
from tests.mail.state_machine import Mails

run_state_machine_as_test(
    Mails,
    settings=hypothesis.settings(
        max_examples=int(sys.argv[1]), stateful_step_count=30, deadline=None, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    ),
)
"""


def test_the_model_of_a_mails_moves_agrees_with_postgresql(start_stack: StartStack) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")
    stack.python(MODEL, "100" if os.environ.get("DAERIS_LONG") else "15")


CHANGED = """
import json
from django.db import NotSupportedError, close_old_connections, connection
from mail.glance import glance

seen = [len(glance().servers)]
with connection.copy().cursor() as cursor:  # as a migration does, which is not this process
    cursor.execute("ALTER TABLE mail_server ALTER COLUMN max_connections TYPE bigint")
for _ in range(2):
    try:
        seen.append(len(glance().servers))
    except NotSupportedError:
        seen.append("again")
    close_old_connections()  # as a worker and a request do after a failure
print(json.dumps(seen))
"""


def test_a_kept_plan_whose_table_was_changed_is_made_anew(start_stack: StartStack) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")
    fill(stack, 1)

    assert stack.python(CHANGED) == [1, "again", 1]
