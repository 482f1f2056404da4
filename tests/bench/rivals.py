"""The others: bare senders, and the queues that Django projects use today."""

import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis as redis_client
from celery import Celery

from tests.bench import letter
from tests.bench.environment import PYTHON
from tests.bench.lab import Lab
from tests.bench.machine import Memory, Watch
from tests.bench.results import Figures, figures
from tests.bench.sinks import Address, Kind, Sink
from tests.bench.talking import Helper, HelperError, until
from tests.lab.proc import Process, program
from tests.lab.stack import PROJECT

BARE_PROCESSES, BARE_CONNECTIONS = 2, 20


@dataclass(frozen=True, slots=True)
class Peer:
    """A queue: how it is filled, what works it off, and the settings that differ from its defaults."""

    kind: str
    # The management command that empties the queue; nothing: workers of Celery.
    command: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


TUNED = Peer("post_office", ("send_queued_mail", "-p", "2"), {"BENCH_BATCH": 5000, "BENCH_THREADS": 20})
DEFAULTS = Peer("post_office", ("send_queued_mail", "-p", "2"))
MAILER = Peer("mailer", ("send_mail",))
CELERY = Peer("celery")


def bare(lab: Lab, kind: Kind, total: int) -> Figures:
    """aiosmtplib in two processes, a message made before, connections that stay: what a queue could reach at most."""
    with ExitStack() as ending:
        sink = Sink(kind, lab.authority)
        ending.callback(sink.stop)
        where = (str(sink.address.port), str(BARE_CONNECTIONS), _trusted(lab, sink.address))
        senders = [
            ending.enter_context(Helper("tests.bench.bare", *where, log=lab.log("bare"), python=PYTHON))
            for _ in range(BARE_PROCESSES)
        ]
        each = total // BARE_PROCESSES
        with Watch({"worker": tuple(sender.pid for sender in senders), "sink": (sink.pid,)}) as watch:
            for number, sender in enumerate(senders):
                sender.tell("send", first=number * each, total=each)
            seconds = max(sender.hear() for sender in senders)
        _check(sink, each * BARE_PROCESSES)
    return figures(watch, total) | {"rate": total / seconds}


def source(lab: Lab, kind: Kind, total: int) -> Figures:
    """Postfix's smtp-source against its smtp-sink: what C does."""
    with ExitStack() as ending:
        sink = Sink(kind, lab.authority)
        ending.callback(sink.stop)
        command = [program("smtp-source", package="postfix"), "-d", "-s", "50", "-m", str(total)]
        command += ["-l", str(len(letter.wire(0))), "-f", letter.SENDER, "-t", letter.recipient(0)]
        with Watch({"sink": (sink.pid,)}) as watch:
            began = time.perf_counter()
            subprocess.run([*command, f"127.0.0.1:{sink.address.port}"], check=True)
            seconds = time.perf_counter() - began
        _check(sink, total)
    return figures(watch, total) | {"rate": total / seconds}


def drain(lab: Lab, kind: Kind, total: int, *, peer: Peer) -> Figures:
    """From "go" (for Celery from the first mail) until the sink has accepted all; then its table must say so too."""
    with ExitStack() as ending:
        sink = Sink(kind, lab.authority)
        ending.callback(sink.stop)
        env = environment(lab, sink.address, peer)
        desk = ending.enter_context(helper(lab, env))
        empty(lab, desk)
        is_bulk = peer.kind == "post_office"
        queued = desk.ask("queue_bulk", total=total) if is_bulk else desk.ask("queue", kind=peer.kind, total=total)
        desk.ask("settle_down")
        worker = Commanded(lab, env, peer) if peer.command else Tasks(lab, env)
        ending.callback(worker.stop)
        groups = {"worker": (worker.pid,), "database": (lab.database_pid,), "sink": (sink.pid,)}
        with Memory(worker.pid) as memory, Watch(groups) as watch:
            began, first = worker.go(), 0
            if not peer.command:  # its broker may sleep a second before the first
                began, first = sink.wait_for(1, deadline=30), 1
            ended = sink.wait_for(total, deadline=300)
        until(lambda: desk.ask("left", kind=peer.kind) == 0, deadline=30, what="its table says that all is sent")
        _check(sink, total)
    rate = (total - first) / (ended - began)
    return figures(watch, total) | {"rate": rate, "queued": total / queued, "peak": memory.peak}


class Commanded:
    """A management command, started and waiting."""

    def __init__(self, lab: Lab, env: dict[str, str], peer: Peer) -> None:
        self._helper, self._command = helper(lab, env), peer.command
        self._helper.ask("ready")
        self.pid = self._helper.pid

    def go(self) -> float:
        moment = time.time()
        self._helper.tell("command", name=self._command[0], arguments=list(self._command[1:]))
        return moment

    def stop(self) -> None:
        self._helper.stop()


class Tasks:
    """A Celery worker with two processes, started and waiting at a queue where nothing is."""

    def __init__(self, lab: Lab, env: dict[str, str], queue: str = "idle") -> None:
        options = ["-P", "prefork", "-c", "2", "-n", "peer@bench", "-l", "INFO", "--without-gossip", "--without-mingle"]
        command: list[str | Path] = [PYTHON, "-m", "celery", "-A", "tests.bench.peers", "worker", "-Q", queue, *options]
        log = lab.log(f"peer-{time.monotonic_ns()}")
        self._process = Process("Celery", command, log=log, env=env, cwd=PROJECT)
        self._process.wait_for_output(" ready.", deadline=30)
        self._app = Celery(broker=lab.peers_broker)
        self.pid = self._process.pid
        time.sleep(1)

    def go(self) -> float:
        moment = time.time()
        self._app.control.add_consumer("bench", destination=["peer@bench"])
        return moment

    def stop(self) -> None:
        self._app.close()
        self._process.stop()


def empty(lab: Lab, desk: Helper) -> None:
    """Nothing in their tables, nothing in their broker."""
    desk.ask("empty")
    redis_client.Redis.from_url(lab.peers_broker).flushdb()


def helper(lab: Lab, env: dict[str, str]) -> Helper:
    """A process inside the peers' project."""
    return Helper("tests.bench.peers.desk", log=lab.log("peers"), env=env, python=PYTHON)


def environment(lab: Lab, address: Address, peer: Peer) -> dict[str, str]:
    """Where the peers' project finds everything."""
    env = {name: lab.stack.env[name] for name in ("PATH", "HOME") if name in lab.stack.env}
    env |= {"BENCH_DATABASE": lab.peers_database, "BENCH_BROKER": lab.peers_broker, "BENCH_PORT": str(address.port)}
    if address.trusted:
        env["SSL_CERT_FILE"] = _trusted(lab, address)
    return env | {name: str(value) for name, value in peer.settings.items()}


def _trusted(lab: Lab, address: Address) -> str:
    return str(lab.authority.certificate) if address.trusted else ""


def _check(sink: Sink, total: int) -> None:
    sink.wait_for(total, deadline=10)
    time.sleep(0.3)  # what comes twice would come now
    if sink.count() != total:
        raise HelperError(f"{total} mails, accepted {sink.count()} times")
