"""The receiving server hangs up, says 421, is slow or silent, or shows another certificate, while mail goes out."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.lab.ca import Authority
from tests.lab.waiting import eventually
from tests.peers.faults.site import COMMAND_SECONDS, CONNECTIONS, IS_LONG, REPETITIONS, Row, Site

pytestmark = pytest.mark.peers

POINTS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "FINAL")
# Connections live long: after these answers the server hangs up, and so hears new ones.
ANEW = "close", "FINAL", {"after": True, "times": 2 * CONNECTIONS}


CAUSES = """
    SELECT a.cause FROM mail_attempt a JOIN mail_mail m ON m.id = a.mail_id
    WHERE a.outcome = %s AND m.recipient_address LIKE %s
"""


@pytest.fixture(scope="module")
def hung(site: Site) -> Iterator[tuple[Row, list[Future[int]]]]:
    """Workers told to end while the server owes them answers. Their half minute passes beside the other rows."""
    site.office.ask("change_server", data_seconds=600)
    with ExitStack() as rows, ThreadPoolExecutor() as pool:
        row = rows.enter_context(site.row("SIGTERM, three final dots unanswered", may_repeat=3))
        row.at_some_moment(0, 0.3)
        site.receiver.order("hang", "FINAL", times=3)
        site.receiver.wait_until_obeyed()
        leaving, site.workers = site.workers, []
        ended = [pool.submit(worker.stop, deadline=30) for worker in leaving]
        site.office.ask("change_server", data_seconds=COMMAND_SECONDS)
        site.staff()
        yield row, ended


@dataclass(frozen=True)
class Fault:
    name: str
    orders: Sequence[tuple[str, str, dict[str, object]]]
    # Of how many mails nobody can tell whether they were accepted, and how many of them were.
    uncertain: int = 0
    accepted: int = 0


FAULTS = [
    Fault("closes before the banner", [ANEW, ("close", "CONNECT", {"times": 2})]),
    Fault("closes after EHLO", [ANEW, ("close", "EHLO", {"after": True, "times": 2})]),
    Fault("closes after MAIL", [("close", "MAIL", {"after": True, "times": 2})]),
    Fault("closes after RCPT", [("close", "RCPT", {"after": True, "times": 2})]),
    # A short message leaves in one piece with its final dot; that it was cut before, only the server knows.
    Fault("closes in the middle of DATA", [("close", "BODY", {"times": 2})], uncertain=2),
    Fault("closes after the final dot", [("close", "FINAL", {"times": 5})], uncertain=5, accepted=5),
    Fault(
        "never answers",
        [("hang", "MAIL", {"times": 1}), ("hang", "DATA", {"times": 1}), ("hang", "FINAL", {"times": 2})],
        uncertain=2,
        accepted=2,
    ),
]


@pytest.mark.parametrize("time_", REPETITIONS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_server(site: Site, hung: object, fault: Fault, time_: int) -> None:
    with site.row(f"the server {fault.name}", may_repeat=fault.accepted) as row:
        row.at_some_moment(0, 0.5)
        for order, point, options in fault.orders:
            site.receiver.order(order, point, **options)
    assert (row.uncertain, row.twice) == (fault.uncertain, fault.accepted)


@pytest.mark.parametrize("time_", REPETITIONS)
def test_the_server_says_421_at_every_point(site: Site, hung: object, time_: int) -> None:
    with site.row("the server says 421 at every point") as row:
        for number, point in enumerate(POINTS):
            row.at_some_moment(number / 10, number / 10 + 0.1)
            site.receiver.order("answer", point, "421 4.3.2 Going down", times=1)
            # Hung up on, they come back, and hear the next banner and the next EHLO.
            site.receiver.order("close", "FINAL", after=True, times=3)
    assert row.uncertain == row.twice == 0


@pytest.mark.parametrize("time_", REPETITIONS)
def test_the_server_answers_late_but_in_time(site: Site, hung: object, time_: int) -> None:
    late = 10 if IS_LONG else 1
    site.office.ask("change_server", command_seconds=60, data_seconds=60)
    with site.row(f"the server answers {late} s late") as row:
        row.at_some_moment(0, 0.5)
        for point in POINTS:
            site.receiver.order("delay", point, late, times=3)
        site.receiver.order("close", "FINAL", after=True, times=3)
    site.office.ask("change_server", command_seconds=None, data_seconds=COMMAND_SECONDS)
    assert row.uncertain == row.twice == 0


@pytest.mark.parametrize("time_", REPETITIONS)
def test_the_server_answers_byte_by_byte(site: Site, hung: object, time_: int) -> None:
    with site.row("the server answers in single bytes") as row:
        row.at_some_moment(0, 0.3)
        site.receiver.speak_slowly(True)
    site.receiver.speak_slowly(False)
    assert row.uncertain == row.twice == 0


@pytest.mark.parametrize("time_", REPETITIONS)
def test_the_certificate_is_changed(site: Site, hung: object, authority: Authority, time_: int) -> None:
    site.receiver.offer_tls(authority.server)
    site.office.ask("change_server", security="starttls", ca_certificate=authority.pem)
    site.receiver.order("delay", "DATA", 0.03)
    with site.row("the certificate is renewed, then wrong, then right again") as row:
        row.at_some_moment(0.05, 0.2)
        site.receiver.change_certificate(authority.issue("renewed"))
        _hang_up(site)
        row.at_some_moment(0.3, 0.5)
        site.receiver.change_certificate(authority.untrusted)
        _hang_up(site)
        blocked = "SELECT blocked_cause FROM mail_server WHERE name = 'Faulty'"
        eventually(lambda: site.stack.sql(blocked) == [("certificate_untrusted",)])
        # As for any person, what others find out in the same moment is long written down when it is mended.
        eventually(lambda: "sending" not in row.states())
        site.receiver.change_certificate(authority.server)
        site.office.ask("test_server")
    assert row.uncertain == row.twice == 0
    site.office.ask("change_server", security="none")
    site.receiver.offer_tls(None)


def _hang_up(site: Site) -> None:
    site.receiver.order("close", "FINAL", after=True, times=2 * CONNECTIONS)


def test_workers_told_to_end_do_so_in_half_a_minute_and_own_up_to_what_they_do_not_know(
    hung: tuple[Row, list[Future[int]]], site: Site
) -> None:
    row, ended = hung
    assert [worker.result() for worker in ended] == [0, 0]
    row.until_settled()
    row.judge()
    assert row.uncertain == row.twice == 3
    assert set(site.stack.sql(CAUSES, "uncertain", row.like)) == {("worker_stopped",)}
