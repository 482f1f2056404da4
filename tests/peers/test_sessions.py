"""How PostgreSQL treats our connections: nobody keeps rows for ever, and nobody's wishes come to others."""

import signal
import sys

import pytest

from tests.lab.fixtures import StartStack
from tests.lab.waiting import eventually
from tests.peers.installation import fill

pytestmark = pytest.mark.peers

HOLD_A_ROW = """
import django, time
django.setup()
from django.db import transaction
from mail.models import Mail

with transaction.atomic():
    Mail.objects.select_for_update().get()
    print("held", flush=True)
    time.sleep(600)
"""

WISHES = """
import json
from django.db import connection
from mail.desk import Desk

desk = Desk()
desk.close()
desk.serve()
with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('plan_cache_mode'), current_setting('enable_bitmapscan')")
    print(json.dumps(cursor.fetchone()))
"""


def test_whoever_is_gone_in_the_middle_of_a_transaction_keeps_no_rows(start_stack: StartStack) -> None:
    # A page, a task or a command; what a worker claims with has its own test.
    stack = start_stack("postgres", MAIL_LEASE_SECONDS=1)
    fill(stack, 1, copies=1)
    holder = stack.start("holder", [sys.executable, "-c", HOLD_A_ROW])
    holder.wait_for_output("held")
    holder.signal(signal.SIGSTOP)

    try:
        eventually(lambda: stack.sql("SELECT id FROM mail_mail FOR UPDATE SKIP LOCKED"))
    finally:
        holder.kill()


@pytest.mark.parametrize(
    ("pooler", "wishes"), [("false", ["force_generic_plan", "off"]), ("true", ["auto", "on"])], ids=["alone", "pooler"]
)
def test_a_worker_plans_for_itself_alone(start_stack: StartStack, pooler: str, wishes: list[str]) -> None:
    # A pooler gives the connection, with whatever was said on it, to the next page.
    stack = start_stack("postgres", DISABLE_SERVER_SIDE_CURSORS=pooler)

    assert stack.python(WISHES) == wishes
