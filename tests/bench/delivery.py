"""How many mails a second leave, by database and number of workers, to an SMTP server that answers at once."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.postgres import Postgres
from tests.lab.redis import Redis
from tests.lab.stack import Stack
from tests.lab.waiting import eventually
from tests.peers.installation import fill
from tests.smtp_double import SmtpDouble

MAILS = 2_000


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run() -> None:
    """Print one line for each set-up."""
    say(f"Delivery of {MAILS} mails, 20 copies a content, 10 connections a worker")
    for database in ("sqlite", "postgres"):
        for workers in (1, 2):
            queued, rate = _measure(database, workers)
            say(f"  {database:9} {workers} worker(s): queued {queued:6.0f}/s, delivered {rate:6.0f}/s")


def _measure(database: str, workers: int) -> tuple[float, float]:
    with ExitStack() as stopping:
        folder = Path(stopping.enter_context(TemporaryDirectory()))
        double = stopping.enter_context(SmtpDouble())
        redis = Redis().start()
        stopping.callback(redis.remove)
        url = ""
        if database == "postgres":
            postgres = Postgres().start()
            stopping.callback(postgres.stop)
            url = postgres.create_database()
        stack = Stack(folder, database_url=url, redis_url=redis.url, EMAIL_URL=double.url)
        stopping.callback(stack.stop)
        stack.manage("migrate", "-v0")
        queued = _fill(stack)
        for _ in range(workers):
            stack.worker()
        eventually(lambda: stack.states() == {"sent": MAILS}, deadline=300, every=0.2)
        return queued, _rate(double)


def _fill(stack: Stack) -> float:
    fill(stack, 20)  # what the first one costs is not measured
    began = time.perf_counter()
    fill(stack, 0)
    start_up = time.perf_counter() - began
    began = time.perf_counter()
    fill(stack, MAILS - 20)
    return (MAILS - 20) / (time.perf_counter() - began - start_up)


def _rate(double: SmtpDouble) -> float:
    moments = sorted(mail.moment for mail in double.mails)
    return (len(moments) - 1) / (moments[-1] - moments[0])
