"""Daeris as it runs in production: workers of Celery, PostgreSQL, Redis, every feature on."""

import json
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from tests.bench.lab import Lab
from tests.bench.machine import Memory, Watch
from tests.bench.results import Figures, figures
from tests.bench.sinks import Address, Kind, Sink
from tests.bench.talking import Helper, HelperError, until
from tests.lab.proc import Process

# Two workers of the lane that people wait for; docker-compose.yml has the pool and the queues.
WORKERS = ("transactional", "transactional")
# One of each kind, as docker-compose.yml starts them.
COMPOSE = ("transactional", "mass", "background")


def configuration(address: Address, connections: int) -> str:
    """The server with a filter, the domain with its bounce address and default From, protection on."""
    server = {"name": "Bench", "from_filter": "miempresa.test", "host": "127.0.0.1", "port": address.port}
    server |= {"max_connections": connections, "security": "starttls" if address.trusted else "none"}
    server |= {"verify_certificate": True, "ca_certificate": address.trusted}
    domain = {"name": "miempresa.test", "default_from": "info", "bounce": "bounce", "default": True}
    options = {"custom_servers": True, "dmarc_protection": "automatic"}
    return json.dumps({"options": options, "domains": [domain], "servers": [server]})


@contextmanager
def office(lab: Lab, kind: Kind, connections: int = 20) -> Iterator[tuple[Sink, Helper]]:
    """A receiving server, and an installation without mail whose one server it is; nothing leaves before "go"."""
    sink = Sink(kind, lab.authority)
    try:
        with lab.inside() as inside:
            inside.ask("configure", configuration=configuration(sink.address, connections))
            inside.ask("empty")
            yield sink, inside
    finally:
        sink.stop()


@contextmanager
def running(lab: Lab, queues: Sequence[str]) -> Iterator[list[Process]]:
    """A worker for each of these queues, ready and waiting."""
    workers: list[Process] = []
    try:
        for queue in queues:
            workers.append(lab.stack.worker(queue, name=f"{queue}{len(lab.stack.processes)}"))
        time.sleep(1)  # their connections stand, and the processor is idle again
        yield workers
    finally:
        for worker in workers:
            worker.signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(deadline=40)


def drain(lab: Lab, kind: Kind, total: int, *, contents: Literal["distinct", "same"], connections: int) -> Figures:
    """From "go" until every mail is settled as sent and its attempt written, then looked over."""
    with office(lab, kind, connections) as (sink, inside):
        queued = inside.ask(f"queue_{contents}", total=total)
        inside.ask("settle_down")
        with running(lab, WORKERS) as workers:
            groups = {"worker": pids(workers), "database": (lab.database_pid,), "sink": (sink.pid,)}
            with Memory(*pids(workers)) as memory, Watch(groups) as watch:
                began = inside.ask("go", lanes=["transactional"], workers=len(workers))
                ended = settled(inside, sink, total)
            check(inside, sink, total)
    rate = total / (ended - began)
    return figures(watch, total) | {"rate": rate, "queued": total / queued, "peak": memory.peak}


def settled(inside: Helper, sink: Sink, total: int) -> float:
    """When so many mails were accepted and all written down."""
    sink.wait_for(total, deadline=300 + total / 100)
    return until(lambda: inside.ask("is_settled"), deadline=30, what="every mail settled")


def check(inside: Helper, sink: Sink, total: int) -> None:
    """Every mail sent, accepted once, with one attempt; anything else is no result."""
    time.sleep(0.3)  # what comes twice would come now
    wanted = {"mail_mail": {"sent": total}, "mail_attempt": {"accepted": total}}
    found, got = inside.ask("outcome"), sink.count()
    if found != wanted or got != total:
        raise HelperError(f"{total} mails: {found}, accepted {got} times")


def pids(workers: Sequence[Process]) -> tuple[int, ...]:
    return tuple(worker.pid for worker in workers)
