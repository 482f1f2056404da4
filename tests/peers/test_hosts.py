"""Two hosts with networks of their own, one database and one Redis; and one host is cut off in the middle.

Nobody is told: packets vanish, and connections stay as they were. Whoever waits for them has to notice.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab.clock import clock
from tests.lab.hosts import ADDRESS, NETWORK, Host, Network
from tests.lab.ports import free_port
from tests.lab.postgres import FOLDERS, Postgres
from tests.lab.proc import Process, program
from tests.lab.redis import Redis
from tests.lab.stack import CELERY, Stack
from tests.lab.waiting import eventually
from tests.peers.faults.matrix import PROPERTY
from tests.peers.faults.receiver import Entry, Receiver
from tests.peers.faults.site import COMMAND_SECONDS, CONNECTIONS, HELD, IS_LONG, LEASE_SECONDS, SETTINGS, Row
from tests.peers.faults.talking import Talker
from tests.peers.test_limits import most_within

pytestmark = pytest.mark.peers

# Whoever queues mail is ahead of the database, and the workers are ahead of both.
DATABASE_CLOCK, WEB_CLOCK = "-10m", "-5m"
LIMIT, MOST_CONNECTIONS = 40, 3
MAILS = {"free": 3_000 if IS_LONG else 400, "counted": 3 * LIMIT if IS_LONG else 2 * LIMIT, "few": 80}
# How long a worker waits for a database that has gone without a word (daeris/settings.py).
NOTICED_SECONDS = 20
# What saying goodbye takes of a connection; no message is as short.
GOODBYES = 200


@dataclass
class Company:
    """An installation on several hosts, and what they share."""

    stack: Stack
    receiver: Receiver
    office: Talker
    network: Network
    hosts: dict[str, Host] = field(default_factory=dict)
    workers: dict[str, Process] = field(default_factory=dict)

    def staff(self, *names: str) -> None:
        """Hosts of these names, with a worker each."""
        command = [*CELERY, "worker", "-P", "threads", "-c", "2", "-l", "INFO", "--without-mingle", "--without-gossip"]
        for name in names:
            self.hosts[name] = self.network.host(name)
            with self.hosts[name].inside():
                self.workers[name] = self.stack.start(name, [*command, "-n", f"{name}@lab", "-Q", "transactional"])
        for name in names:
            self.workers[name].wait_for_output(" ready.", deadline=60)

    def found(self, name: str, **server: object) -> None:
        """A server that takes the mail of authors at this domain."""
        fields = {"host": ADDRESS, "port": self.receiver.port, "data_seconds": COMMAND_SECONDS, **server}
        self.office.ask("found", name=name, from_filter=f"{name}.test", max_connections=CONNECTIONS, **fields)

    def queue(self, name: str, total: int, *, prefix: str = "") -> Row:
        """So much mail for this server."""
        row = Row(self, f"a host is cut off: {name}", prefix or f"{name}-", total, may_repeat=HELD)  # type: ignore[arg-type]
        self.office.ask("fill", prefix=row.prefix, total=total, author=f"alicia@{name}.test")
        return row

    def entries(self, row: Row) -> list[Entry]:
        """What the receiving server accepted of this row."""
        return [entry for entry in self.receiver.entries if entry.recipient.startswith(row.prefix)]


@pytest.fixture
def company(migrated_postgres: Stack, tmp_path: Path) -> Iterator[Company]:
    """Servers in a network that hosts reach by cable; the clocks of all of them differ by minutes."""
    dump = subprocess.run(
        [program("pg_dump", package="postgresql", folders=FOLDERS), migrated_postgres.database_url],
        check=True,
        capture_output=True,
    ).stdout
    with ExitStack() as stack:
        network = stack.enter_context(closing(Network()))
        stack.enter_context(network.inside())
        postgres = Postgres(address=ADDRESS, network=NETWORK, env=clock(FAKETIME=DATABASE_CLOCK)).start()
        stack.callback(postgres.stop)
        redis = Redis(ADDRESS).start()
        stack.callback(redis.remove)
        url = postgres.create_database()
        psql = [program("psql", package="postgresql", folders=FOLDERS), "--quiet", "--set", "ON_ERROR_STOP=1", url]
        subprocess.run(psql, input=dump, check=True, capture_output=True)
        folder = tmp_path / "company"
        installation = stack.enter_context(closing(Stack(folder, database_url=url, redis_url=redis.url, **SETTINGS)))
        receiver = Receiver(folder, port=free_port(), host=ADDRESS)
        stack.callback(receiver.stop)
        env = installation.env | clock(FAKETIME=WEB_CLOCK)
        office = Talker("tests.peers.faults.office", log=folder / "office.log", env=env)
        stack.callback(office.stop)
        made = Company(installation, receiver, office, network)
        yield made
        for worker in made.workers.values():
            worker.signal(signal.SIGTERM)


def most_at_once(entries: list[Entry]) -> int:
    """Over how many connections mail came at the same time: each counts from its first mail to its last."""
    connections = {entry.connection for entry in entries}
    spans = [[entry.moment for entry in entries if entry.connection == one] for one in connections]
    return max(sum(min(other) <= min(one) <= max(other) for other in spans) for one in spans)


def test_a_host_is_cut_off_and_comes_back(company: Company, request: pytest.FixtureRequest) -> None:
    company.found("free")
    company.found("counted", limit_minute=LIMIT)
    company.found("few", limit_connections=MOST_CONNECTIONS)
    company.found("closed", port=free_port())
    company.staff("alpha", "beta")
    alpha, beta = company.workers["alpha"], company.workers["beta"]
    cable, receiver, stack = company.hosts["alpha"], company.receiver, company.stack
    receiver.order("delay", "FINAL", 0.1)
    company.queue("closed", 10)
    free, counted, few = rows = [company.queue(name, total) for name, total in MAILS.items()]
    for row, number in ((free, 60), (few, 6), (counted, 6)):
        row.wait_for(number)

    # Some messages leave a worker in the very moment in which the network fails, and lie in its kernel.
    receiver.order("delay", "DATA", 0.5)
    receiver.wait_until_heard("DATA", 2 * CONNECTIONS)
    with ExitStack() as failing:
        failing.enter_context(cable.unheard())
        # On a busy machine that moment may have been missed; then there is one thing less to go wrong.
        missed = time.monotonic() + 2
        eventually(lambda: cable.unacknowledged(receiver.port) > 10 * GOODBYES or time.monotonic() > missed)
        free.when.append(f"{cable.unacknowledged(receiver.port)} bytes in the kernel")
        failing.enter_context(cable.cut_off())
        [(cut,)] = stack.sql("SELECT clock_timestamp()")
        began = time.monotonic()
        receiver.order("behave")
        # Nobody rings: the other host finds out by itself, and takes over what may leave.
        for row in (free, few):
            row.until_settled(rings=False)
            row.seconds = time.monotonic() - row.began
        eventually(lambda: "sending" not in counted.states(), says=lambda: str(counted.states()))
        # What others have in hand now does not leave this host any more, whenever the way is open again.
        assert cable.unacknowledged(receiver.port) < GOODBYES
        alpha.wait_for_output("did not answer", deadline=NOTICED_SECONDS)
        if IS_LONG:
            eventually(lambda: time.monotonic() > began + 70, deadline=70, every=1)
        before = [free.snapshot(), few.snapshot()]

    # Back again, it writes nothing of what was taken over; left alone, it hears the bell and does all the rest.
    assert beta.stop() == 0
    company.queue("free", 20, prefix="later-").until_settled(rings=False)
    assert [free.snapshot(), few.snapshot()] == before
    if not IS_LONG:
        assert most_within([entry.moment for entry in company.entries(counted)], 60) <= LIMIT
        company.office.ask("change_server", name="counted", limit_minute=None)
    counted.until_settled(rings=False, deadline=60 * (MAILS["counted"] // LIMIT + 1))
    for row in rows:
        row.judge()
        request.node.user_properties.append((PROPERTY, row.as_line()))
    if IS_LONG:
        assert most_within([entry.moment for entry in company.entries(counted)], 60) <= LIMIT
    assert most_at_once(company.entries(few)) <= MOST_CONNECTIONS
    taken_over = "SELECT count(DISTINCT worker), max(started_at) - %s FROM mail_attempt WHERE cause = 'worker_lost'"
    [(workers, last)] = stack.sql(taken_over, cut)
    assert workers == 1
    # A second more for a busy machine.
    assert last.total_seconds() < LEASE_SECONDS + 5 + 1
    # However many minutes the clocks differ: rings are heard, and a server rests for half a minute.
    assert "Discarding" not in alpha.output() + beta.output()
    [(rests,)] = stack.sql("SELECT max(resting_until) - %s FROM mail_server WHERE name = 'closed'", cut)
    assert rests.total_seconds() < 5 * 60
    assert receiver.violations == []
