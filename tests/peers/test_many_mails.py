"""Thousands of mails, several workers, and workers that die: none is lost, and none is sent twice without need."""

from collections import Counter
from typing import Literal

import pytest

from tests.lab.fixtures import StartStack
from tests.lab.stack import Stack
from tests.lab.waiting import eventually
from tests.peers.installation import fill
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.peers

MAILS = 2_000
CONNECTIONS = 10


def all_sent(stack: Stack, number: int, deadline: float) -> None:
    eventually(
        lambda: stack.states() == {"sent": number}, deadline=deadline, says=lambda: str(stack.states()), every=0.1
    )


def received(double: SmtpDouble) -> Counter[str]:
    """How often each recipient got a mail."""
    return Counter(mail.recipients[0] for mail in double.mails)


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_two_workers_deliver_each_mail_exactly_once(
    start_stack: StartStack, smtp_double: SmtpDouble, database: Literal["sqlite", "postgres"]
) -> None:
    stack = start_stack(database, EMAIL_URL=smtp_double.url, MAIL_CONNECTIONS=CONNECTIONS)
    workers = [stack.worker(name="first"), stack.worker(name="second")]

    customers = fill(stack, MAILS)
    all_sent(stack, MAILS, deadline=90)

    assert received(smtp_double) == Counter(customers)
    assert stack.sql("SELECT outcome, count(*) FROM mail_attempt GROUP BY outcome") == [("accepted", MAILS)]
    # Both had their share, over connections that stayed open.
    assert len(stack.sql("SELECT DISTINCT worker FROM mail_attempt")) == len(workers)
    assert smtp_double.most_open <= CONNECTIONS * len(workers)
    assert smtp_double.connections <= MAILS / 20
    assert [worker.stop() for worker in workers] == [0, 0]


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_a_killed_worker_loses_nothing_and_repeats_little(
    start_stack: StartStack, smtp_double: SmtpDouble, database: Literal["sqlite", "postgres"]
) -> None:
    stack = start_stack(
        database, EMAIL_URL=smtp_double.url, MAIL_CONNECTIONS=CONNECTIONS, MAIL_LEASE_SECONDS=3, MAIL_BACKOFF_SECONDS=1
    )
    customers = fill(stack, MAILS)
    worker = stack.worker(name="doomed")
    smtp_double.wait_for(MAILS // 2, deadline=60)
    # One answer that does not come, so that it surely dies with something in hand.
    smtp_double.hang("FINAL", times=1)
    smtp_double.wait_for(MAILS // 2 + 100, deadline=60)
    worker.kill()
    known = dict(stack.sql("SELECT recipient_address, state FROM mail_mail"))
    assert set(known.values()) >= {"queued", "sending", "sent"}

    stack.worker(name="successor")
    all_sent(stack, MAILS, deadline=90)

    got = received(smtp_double)
    assert set(got) == customers
    # What the dead worker held is all that may come twice: at most one per open connection and what two group
    # commits hold. The engine claims no more than twice its connections, which is less.
    held = {address for address, state in known.items() if state == "sending"}
    assert {address for address, times in got.items() if times > 1} <= held
    assert max(got.values()) <= 2
    assert len(held) <= 2 * CONNECTIONS
    # Whoever looks is told the truth: of these, nobody knows whether they had been accepted.
    lost = "SELECT m.recipient_address FROM mail_attempt a JOIN mail_mail m ON m.id = a.mail_id WHERE a.cause = %s"
    assert {row[0] for row in stack.sql(lost, "worker_lost")} == held
