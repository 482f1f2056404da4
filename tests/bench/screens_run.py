"""The pages over many rows, measured in an installation of their own."""

import sys
import tempfile
from pathlib import Path

from tests.bench import screens
from tests.lab.postgres import Postgres
from tests.lab.redis import Redis
from tests.lab.stack import Stack


def main() -> None:
    postgres, redis = Postgres().start(), Redis().start()
    # As in production: the cache is Redis, and there is a server to send with.
    stack = Stack(
        Path(tempfile.mkdtemp(prefix="daeris-screens-")),
        database_url=postgres.create_database(),
        redis_url=redis.url,
        EMAIL_URL="smtp://127.0.0.1:9",
    )
    try:
        stack.manage("migrate", "--verbosity", "0")
        figures = stack.python(screens.FILL_AND_MEASURE)
    finally:
        stack.stop()
        redis.remove()
        postgres.stop()
    sys.stdout.write(f"\n{'page':45} {'ms':>6} {'of CPU':>7} {'queries':>8}\n")
    for name, (milliseconds, cpu, queries) in figures.items():
        sys.stdout.write(f"{name:45} {milliseconds:6.0f} {cpu:7.0f} {queries:8.0f}\n")
