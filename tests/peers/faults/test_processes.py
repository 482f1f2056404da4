"""Workers and the schedule die, freeze or are told to end, while mail goes out."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.peers.faults.site import CONNECTIONS, HELD, IS_LONG, LEASE_SECONDS, REPETITIONS, SEED, Site

pytestmark = [pytest.mark.peers, pytest.mark.parametrize("time_", REPETITIONS)]

# Where a mail is when its worker dies: each step is made long enough to be hit.
STEPS = ["EHLO", "MAIL", "RCPT", "DATA", "FINAL"] if IS_LONG else ["FINAL"]
MEDDLINGS = 3_000 if IS_LONG else 300
ENDS = {"sent", "cancelled"}


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_is_killed(site: Site, step: str, time_: int) -> None:
    site.receiver.order("delay", step, 0.03)
    with site.row(f"kill -9 of a worker at {step}", may_repeat=HELD) as row:
        row.at_some_moment()
        site.workers[0].kill()
        died = time.time()
        # Nobody rings: the other worker finds out by itself.
        row.until_settled(rings=False)

        last = row.site.stack.sql(
            "SELECT EXTRACT(EPOCH FROM max(a.started_at)) FROM mail_attempt a JOIN mail_mail m ON m.id = a.mail_id"
            " WHERE a.cause = 'worker_lost' AND m.recipient_address LIKE %s",
            row.like,
        )[0][0]
        if last:  # else it had nothing in hand
            row.when.append(f"moved on after {float(last) - died:.1f} s")
            # A second more for a busy machine.
            assert float(last) - died < LEASE_SECONDS + 5 + 1


def test_all_workers_are_killed(site: Site, time_: int) -> None:
    site.receiver.order("delay", "FINAL", 0.03)
    with site.row("kill -9 of all workers", may_repeat=2 * HELD) as row:
        row.at_some_moment()
        for worker in site.workers:
            worker.kill()
        site.staff()


def test_the_schedule_is_killed(site: Site, time_: int) -> None:
    site.receiver.order("delay", "FINAL", 0.03)
    schedule = site.schedule or site.start_schedule()
    with site.row("kill -9 of the schedule") as row:
        row.at_some_moment()
        schedule.kill()
        row.until_settled(rings=False)
    site.start_schedule()


def test_a_worker_told_to_end_hands_the_rest_back(site: Site, time_: int) -> None:
    site.receiver.order("delay", "FINAL", 0.03)
    with site.row("SIGTERM of a worker") as row:
        row.at_some_moment()
        leaving = site.workers[0]
        began = time.monotonic()
        assert leaving.stop(deadline=30) == 0
        row.when.append(f"gone after {time.monotonic() - began:.1f} s")
    assert row.uncertain == 0


def test_people_cancel_and_retry_while_a_worker_dies(site: Site, time_: int) -> None:
    site.receiver.order("delay", "FINAL", 0.03)
    with ThreadPoolExecutor() as pool, site.row("cancelled, retried, kill -9", may_repeat=HELD, ends_as=ENDS) as row:
        row.at_some_moment(0.05, 0.3)
        meddling = pool.submit(
            site.office.ask, "meddle", deadline=600, prefix=row.prefix, times=MEDDLINGS, seed=SEED + time_
        )
        row.at_some_moment(0.3, 0.4)
        site.workers[0].kill()
        told = meddling.result()
        row.until_settled()
        # Who was told that a mail was given up was told the truth, and so was who was not.
        given_up = "SELECT recipient_address FROM mail_mail WHERE state = 'cancelled' AND recipient_address LIKE %s"
        assert {address for (address,) in site.stack.sql(given_up, row.like)} == set(told["cancelled"])
        row.when.append(f"{told['cancels']} times cancelled, {told['retries']} retried")
        assert told["cancelled"]


def test_a_frozen_worker_touches_nothing_that_was_taken_over(site: Site, time_: int) -> None:
    site.receiver.order("delay", "FINAL", 0.03)
    with site.row("SIGSTOP for longer than the lease", may_repeat=HELD) as row:
        row.at_some_moment()
        with site.frozen(site.workers[0]):
            row.until_settled()
            before = row.snapshot()
        _is_at_work(site)
        assert row.snapshot() == before


def test_a_worker_frozen_before_it_hands_over_does_not_do_so_later(site: Site, time_: int) -> None:
    # It would wait for the answer for longer than its lease lasts.
    site.office.ask("change_server", command_seconds=60)
    try:
        with site.row("SIGSTOP before the answer to DATA", may_repeat=HELD) as row:
            row.at_some_moment()
            site.receiver.order("delay", "DATA", 1)
            site.receiver.wait_until_heard("DATA", 2 * CONNECTIONS)
            with site.frozen(site.workers[0]):
                site.receiver.order("behave")
                row.until_settled()
                before = row.snapshot()
            _is_at_work(site)
            assert row.snapshot() == before
    finally:
        site.office.ask("change_server", command_seconds=None)


def _is_at_work(site: Site) -> None:
    """The worker that was frozen sends something that nobody else can, and so has seen all that it had in hand."""
    with site.frozen(site.workers[1]), site.row("… and once awake", total=20):
        pass
