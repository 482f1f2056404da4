"""Daeris as it runs in production: workers of Celery, PostgreSQL, Redis, every feature on."""

import json
import time
from contextlib import ExitStack
from typing import Literal

from tests.bench.lab import Lab
from tests.bench.machine import Memory, Watch
from tests.bench.results import Figures
from tests.bench.sinks import Address, Kind, Sink
from tests.bench.talking import Helper, HelperError, until
from tests.lab.proc import Process

WORKERS = 2
# As docker-compose.yml has it.
QUEUE = "transactional"


def configuration(address: Address, connections: int) -> str:
    """The server with a filter, the domain with its bounce address and default From, protection on."""
    server = {"name": "Bench", "from_filter": "miempresa.test", "host": "127.0.0.1", "port": address.port}
    server |= {"max_connections": connections, "security": "starttls" if address.trusted else "none"}
    server |= {"verify_certificate": True, "ca_certificate": address.trusted}
    domain = {"name": "miempresa.test", "default_from": "info", "bounce": "bounce", "default": True}
    options = {"custom_servers": True, "dmarc_protection": "automatic"}
    return json.dumps({"options": options, "domains": [domain], "servers": [server]})


def drain(lab: Lab, kind: Kind, total: int, *, contents: Literal["distinct", "same"], connections: int) -> Figures:
    """From "go" until every mail is settled as sent and its attempt written, then looked over."""
    with ExitStack() as ending:
        sink = Sink(kind, lab.authority)
        ending.callback(sink.stop)
        inside = ending.enter_context(lab.inside())
        inside.ask("configure", configuration=configuration(sink.address, connections))
        inside.ask("empty")
        queued = inside.ask(f"queue_{contents}", total=total)
        inside.ask("settle_down")
        workers = start_workers(lab, ending)
        groups = {"worker": tuple(worker.pid for worker in workers), "database": (lab.database_pid,)}
        with Memory(*groups["worker"]) as memory, Watch({**groups, "sink": (sink.pid,)}) as watch:
            began = inside.ask("go", workers=WORKERS)
            sink.wait_for(total, deadline=300)
            ended = until(lambda: inside.ask("is_settled"), deadline=30, what="every mail settled")
        check(inside, sink, total)
    cpu = {f"cpu {name}": 1000 * used / total for name, used in watch.used.items()}
    return {
        "mails": total,
        "rate": total / (ended - began),
        "queued": total / queued,
        "memory": memory.peak,
        "foreign": watch.foreign,
        **cpu,
    }


def start_workers(lab: Lab, ending: ExitStack) -> list[Process]:
    """Two workers of the lane, ready and waiting."""
    workers = []
    for _ in range(WORKERS):
        workers.append(lab.stack.worker(QUEUE, name=f"bench{len(lab.stack.processes)}"))
        ending.callback(workers[-1].stop, deadline=40)
    time.sleep(1)  # their connections stand, and the processor is idle again
    return workers


def check(inside: Helper, sink: Sink, total: int) -> None:
    """Every mail sent, accepted once, with one attempt; anything else is no result."""
    time.sleep(0.3)  # what comes twice would come now
    wanted = {"mail_mail": {"sent": total}, "mail_attempt": {"accepted": total}}
    found, got = inside.ask("outcome"), sink.count()
    if found != wanted or got != total:
        raise HelperError(f"{total} mails: {found}, accepted {got} times")
