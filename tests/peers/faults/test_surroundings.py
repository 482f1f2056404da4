"""The broker and the database go away, and clocks are set, while mail goes out."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from mail.bell import MOMENT_SECONDS
from tests.lab.postgres import Postgres
from tests.lab.proc import MissingPackageError
from tests.lab.redis import Redis
from tests.lab.waiting import eventually
from tests.peers.faults.site import HELD, IS_LONG, LEASE_SECONDS, MAILS, REPETITIONS, Row, Site

pytestmark = [pytest.mark.peers, pytest.mark.parametrize("time_", REPETITIONS)]


@pytest.fixture(autouse=True)
def _slow_enough(site: Site) -> None:
    """Mail takes its time, so that whatever happens, happens in the middle."""
    site.receiver.order("delay", "FINAL", 0.03)


# -- Redis ------------------------------------------------------------------------------------------


def test_redis_is_killed_and_started_again(site: Site, site_redis: Redis, time_: int) -> None:
    with site.row("Redis: kill -9, and back") as row:
        row.at_some_moment()
        site_redis.kill()
        row.wait_for(int(row.total * 0.8))
        site_redis.start()


def test_redis_forgets_everything(site: Site, site_redis: Redis, time_: int) -> None:
    with site.row("Redis: flushed, three times") as row:
        for part in (0.1, 0.3, 0.5):
            row.at_some_moment(part, part + 0.2)
            site_redis.ask("FLUSHALL")


def test_redis_is_unreachable(site: Site, site_redis: Redis, time_: int) -> None:
    with site_redis.frozen(), site.row("Redis: unreachable from before the mail was queued") as row:
        if IS_LONG:
            site.wait_seconds(150)
        row.until_settled(rings=False)


# -- PostgreSQL -------------------------------------------------------------------------------------


@contextmanager
def _away(row: Row) -> Iterator[None]:
    """A database away for longer than a lease: who is back first takes over what the other had handed over."""
    began = time.monotonic()
    yield
    seconds = time.monotonic() - began
    row.when.append(f"away for {seconds:.1f} s")
    if seconds > LEASE_SECONDS / 3:
        row.may_repeat = 2 * HELD


def test_postgresql_is_restarted(site: Site, postgres: Postgres, time_: int) -> None:
    with site.row("PostgreSQL: restarted") as row:
        row.at_some_moment()
        with _away(row):
            postgres.crash()
            postgres.start()


def test_postgresql_crashes(site: Site, postgres: Postgres, time_: int) -> None:
    with site.row("PostgreSQL: kill -9 of a session, which restarts them all") as row:
        row.at_some_moment()
        [(session,)] = site.stack.sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() LIMIT 1"
        )
        with _away(row):
            os.kill(session, signal.SIGKILL)
            eventually(lambda: _answers(site), deadline=30)


def _answers(site: Site) -> bool:
    try:
        return bool(site.stack.sql("SELECT 1"))
    except psycopg.Error:
        return False


def test_connections_to_postgresql_are_cut(site: Site, time_: int) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    with site.row("PostgreSQL: connections cut, five times") as row:
        for part in (0.1, 0.2, 0.3, 0.4, 0.5):
            row.at_some_moment(part, part + 0.1)
            with psycopg.connect(site.stack.database_url) as connection:
                connection.execute(cut, (connection.info.backend_pid,))  # type: ignore[arg-type]


def test_many_posts_are_few_tasks(site: Site, site_redis: Redis, time_: int) -> None:
    fast, slow = (8_000, 2_000) if IS_LONG else (100, 10)
    site.receiver.order("behave")
    site.staff()
    site_redis.ask("CONFIG", "RESETSTAT")
    began = time.monotonic()
    # As bulk mail is queued, a transaction each; and as a person posts, whose page does more than that.
    site.office.ask("fill_one_by_one", prefix="one-by-one", total=fast, deadline=600)
    site.office.ask("post", number=slow, deadline=600)
    seconds = time.monotonic() - began

    unsent = "SELECT count(*) FROM mail_mail WHERE state <> 'sent'"
    eventually(lambda: site.stack.sql(unsent) == [(0,)], deadline=60)

    tasks = site_redis.ask("INFO", "commandstats")["cmdstat_lpush"]["calls"]
    assert tasks <= seconds / MOMENT_SECONDS
    if IS_LONG:  # a busy machine takes longer than a moment for a few posts
        assert tasks < (fast + slow) / 4


# -- Clocks -----------------------------------------------------------------------------------------


def test_the_clock_is_set_back(site: Site, tmp_path: Path, time_: int) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        raise MissingPackageError("libfaketime is not installed: apt-get install faketime")
    site.dismiss()
    site.staff(
        LD_PRELOAD=str(libraries[0]),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_CACHE_DURATION="1",  # in seconds: how soon it hears of a change
        # The clock of the day is set; the one that counts since the start goes on, as it really does.
        DONT_FAKE_MONOTONIC="1",
    )
    site.receiver.order("behave")
    # Mail goes out for longer than it takes them to hear of it.
    site.receiver.order("delay", "FINAL", 0.05 if IS_LONG else 0.4)
    with site.row("clock of both workers set back an hour", total=MAILS // 2) as row:
        row.at_some_moment(0.05, 0.3)
        clock.write_text("-1h")
        row.until_settled(rings=False)
        # What is written is the workers' time, and so it was really set.
        late = "SELECT count(*) FROM mail_mail WHERE settled_at < created_at AND recipient_address LIKE %s"
        assert site.stack.sql(late, row.like)[0][0] > 0
    site.dismiss()
