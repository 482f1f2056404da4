"""`make bench`: every case in turn, three rounds, medians and their ratios."""

import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from tests.bench import drain, screens
from tests.lab.postgres import Postgres
from tests.lab.redis import Redis
from tests.lab.stack import Stack

ROUNDS = 3


def main() -> None:
    only = sys.argv[1:]
    folder = Path(tempfile.mkdtemp(prefix="daeris-bench-"))
    postgres, redis = Postgres().start(), Redis().start()
    sink = drain.Sink(folder)
    stack = Stack(
        folder / "stack",
        database_url=postgres.create_database(),
        redis_url=redis.url,
        EMAIL_URL=f"smtp://127.0.0.1:{sink.port}",
        MAIL_CONNECTIONS=drain.CONNECTIONS,
    )
    try:
        stack.manage("migrate", "--verbosity", "0")
        if not only or "drain" in only:
            _print_rates(_drain(stack, sink.port))
        if not only or "screens" in only:
            _print_screens(stack.python(screens.FILL_AND_MEASURE))
    finally:
        stack.stop()
        sink.process.stop()
        redis.remove()
        postgres.stop()


def _drain(stack: Stack, port: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        rates["bare aiosmtplib, 2 processes x 20"].append(drain.bare_rate(port))
        rates["Daeris, 2 workers, distinct contents"].append(drain.drain_rate(stack, contents=drain.MAILS))
        rates["Daeris, 2 workers, the same content"].append(drain.drain_rate(stack, contents=1))
        queued = stack.python(drain.ENQUEUE, drain.BODY)
        rates["queued by send_mail, one by one"].append(queued["send_mail"])
        rates["queued by post() to 2,000 followers"].append(queued["post"])
    return rates


def _print_rates(rates: dict[str, list[float]]) -> None:
    bare = median(rates["bare aiosmtplib, 2 processes x 20"])
    sys.stdout.write(f"{'case':45} {'mails/s':>9} {'to bare':>8}   [least, most]\n")
    for name, values in rates.items():
        middle = median(values)
        sys.stdout.write(f"{name:45} {middle:9,.0f} {middle / bare:8.2f}   [{min(values):,.0f}, {max(values):,.0f}]\n")


def _print_screens(figures: dict[str, list[float]]) -> None:
    sys.stdout.write(f"\n{'page':45} {'ms':>6} {'of CPU':>7} {'queries':>8}\n")
    for name, (milliseconds, cpu, queries) in figures.items():
        sys.stdout.write(f"{name:45} {milliseconds:6.0f} {cpu:7.0f} {queries:8.0f}\n")


if __name__ == "__main__":
    main()
