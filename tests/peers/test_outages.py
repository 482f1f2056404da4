"""A worker whose surroundings fail: stopped, frozen, or left without its database."""

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.fixtures import StartStack
from tests.lab.postgres import Postgres
from tests.lab.redis import Redis
from tests.lab.stack import Stack
from tests.lab.waiting import eventually
from tests.peers.installation import fill
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("options", [["--until-empty"], []], ids=["until empty", "until stopped"])
@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "ctrl+c"])
def test_a_stopped_command_finishes_what_is_on_the_wire_and_hands_back_the_rest(
    start_stack: StartStack, smtp_double: SmtpDouble, options: list[str], with_signal: signal.Signals
) -> None:
    stack = start_stack("sqlite", EMAIL_URL=smtp_double.url, MAIL_CONNECTIONS=2)
    smtp_double.delay("FINAL", 0.2)
    fill(stack, 200)
    command = stack.start("mail_work", [sys.executable, "manage.py", "mail_work", *options])
    smtp_double.wait_for(4)

    assert command.stop(with_signal) == 0

    sent = len(smtp_double.mails)
    assert sent < 200
    assert stack.states() == {"sent": sent, "queued": 200 - sent}
    assert stack.sql("SELECT max(uncertain) FROM mail_mail") == [(0,)]


@pytest.fixture
def own_postgres(nothing_left: None) -> Iterator[Postgres]:
    """A PostgreSQL for one test alone, which may stop and start it."""
    server = Postgres().start()
    yield server
    server.stop()


def test_a_worker_outlives_its_database(
    smtp_double: SmtpDouble, own_postgres: Postgres, redis: Redis, tmp_path: Path
) -> None:
    stack = Stack(
        tmp_path / "outage",
        database_url=own_postgres.create_database(),
        redis_url=redis.url,
        EMAIL_URL=smtp_double.url,
        MAIL_CONNECTIONS=4,
        MAIL_LEASE_SECONDS=6,
    )
    with closing(stack):
        stack.manage("migrate", "-v0", "--skip-checks")
        smtp_double.delay("FINAL", 0.05)
        customers = fill(stack, 400)
        worker = stack.worker()
        smtp_double.wait_for(50)

        own_postgres.crash()
        worker.wait_for_output("did not answer")
        before = len(smtp_double.mails)
        own_postgres.start()

        eventually(lambda: stack.states() == {"sent": 400}, deadline=60, says=lambda: str(stack.states()))
        assert before < 400
        # It knew the outcomes all the while: none is lost, and none is sent again.
        assert Counter(mail.recipients[0] for mail in smtp_double.mails) == Counter(customers)
        assert worker.stop() == 0


def test_a_worker_frozen_for_longer_than_its_lease_sends_nothing_that_was_taken_over(
    start_stack: StartStack, smtp_double: SmtpDouble
) -> None:
    # Not on SQLite, whose one write lock it may hold when it freezes; then nobody can write.
    stack = start_stack(
        "postgres", EMAIL_URL=smtp_double.url, MAIL_CONNECTIONS=4, MAIL_LEASE_SECONDS=3, MAIL_BACKOFF_SECONDS=1
    )
    customers = fill(stack, 300)
    smtp_double.delay("FINAL", 0.05)
    frozen = stack.worker(name="frozen")
    smtp_double.wait_for(20)
    frozen.signal(signal.SIGSTOP)
    held = {address for (address,) in stack.sql("SELECT recipient_address FROM mail_mail WHERE state = 'sending'")}

    stack.worker(name="other")
    eventually(lambda: stack.states() == {"sent": 300}, deadline=60, says=lambda: str(stack.states()))
    before = len(smtp_double.mails)
    [(attempts,)] = stack.sql("SELECT count(*) FROM mail_attempt")
    frozen.signal(signal.SIGCONT)
    fill(stack, 20)  # something for it to do, so that it is known to be awake
    eventually(lambda: stack.states() == {"sent": 320}, deadline=30, says=lambda: str(stack.states()))
    frozen.stop()

    got = Counter(mail.recipients[0] for mail in smtp_double.mails[:before])
    assert set(got) == customers
    # Only what it had handed over before it froze came twice, and nothing came later.
    assert {address for address, times in got.items() if times > 1} <= held
    assert len(smtp_double.mails) == before + 20
    assert stack.sql("SELECT count(*) FROM mail_attempt") == [(attempts + 20,)]
