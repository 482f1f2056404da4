"""What grows with the table: the claim, the list and the retention over 10,000,000 mails beside those over few.

make bench BENCH=growth                              hours on two cores, and 15 GB of disk for the time
make bench BENCH=growth OPTIONS="--scale 0.01"       only to see that it works
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from tests.bench import growth_rows
from tests.bench.machine import description
from tests.lab.postgres import Postgres
from tests.lab.redis import Redis
from tests.lab.stack import Stack

INSIDE = "import sys, tests.bench.growth_inside as inside; inside.main(*sys.argv[1:])"
DUE = 1000
PARTS = 24
# How many mails there are in each of the three, and how many are due in each.
FEW, MANY, ALL = 10_000, 200_000, 10_000_000
# At most so much longer (design: 1.5 times, 1.1 aimed at).
OWED, AIM = 1.5, 1.1
# A page that takes so long in a small table may double without anybody's noticing.
UNNOTICED_MS = 25.0


@dataclass(frozen=True, slots=True)
class Place:
    """An installation, and how many mails lie in it."""

    mails: int
    stack: Stack

    def ask(self, what: str, *arguments: object) -> Any:
        return self.stack.python(INSIDE, what, *map(str, arguments))


def main() -> None:
    options = _options()
    sizes = [max(size if size == FEW else int(size * options.scale), FEW) for size in (FEW, MANY, ALL)]
    with _places(sizes) as (few, many, most):
        _say(f"\n{description()}")
        _claims(few, most, options.reps)
        _pages(many, most)
        _retention(most)


def _claims(few: Place, most: Place, repetitions: int) -> None:
    """In turn, so that neither owns a quiet minute."""
    found: dict[str, dict[int, list[float]]] = {}
    for _ in range(repetitions):
        for place in (few, most):
            for name, times in place.ask("claims").items():
                found.setdefault(name, {}).setdefault(place.mails, []).extend(times)
    _say(f"\n{DUE:,} mails due; milliseconds, median [quartiles]")
    _say(f"{'':34} {_of(few):>22} {_of(most):>22} {'ratio':>6}")
    for name, by_size in found.items():
        small, large = by_size[few.mails], by_size[most.mails]
        ratio = median(large) / median(small)
        mark = "" if name != "claim" else "✓✓" if ratio <= AIM else "✓" if ratio <= OWED else "✗"
        _say(f"{name:34} {_spread(small):>22} {_spread(large):>22} {ratio:6.2f} {mark}")
    for place in (few, most):
        for name, plan in place.ask("claim_plans").items():
            _say(f"{_of(place)}, {name}: {plan}")


def _pages(many: Place, most: Place) -> None:
    """Every list of e-mails, and what it reads of the large tables."""
    small, large = _asked(many), _asked(most)
    _say(f"\n{'':52} {_of(many):>22} {_of(most):>22}")
    _say(f"{'page':52} {'ms':>10} {'rows read':>11} {'ms':>10} {'rows read':>11}")
    for name, one in small.items():
        other = large[name]
        scans = " ".join(sorted(set(other["scans"])))
        grows = "grows" if other["ms"] > max(2 * one["ms"], one["ms"] + UNNOTICED_MS) else ""
        figures = f"{one['ms']:10.0f} {one['rows']:11,.0f} {other['ms']:10.0f} {other['rows']:11,.0f}"
        _say(f"{name:52} {figures} {grows} {scans}")


def _asked(place: Place) -> dict[str, Any]:
    """In parts, as no question to an installation may take long: first an administrator's, then somebody else's."""
    found: dict[str, Any] = {}
    for who, mark in (("bench", ""), ("colleague3", "own: ")):
        for part in range(PARTS):
            found |= {f"{mark}{name}": one for name, one in place.ask("pages", who, part, PARTS).items()}
    return dict(sorted(found.items()))


def _retention(most: Place) -> None:
    for name, one in most.ask("retention").items():
        rate = one["rows"] / one["seconds"]
        _say(
            f"{name}: {one['rows']:,} in {one['seconds']:.1f} s ({rate:,.0f}/s), batches {one['batches']:,},"
            f" median {one['median']:.1f} ms, longest {one['longest']:.0f} ms"
        )


@contextmanager
def _places(sizes: list[int]) -> Iterator[list[Place]]:
    folder = Path(tempfile.mkdtemp(prefix="daeris-growth-"))
    postgres, redis = Postgres().start(), Redis().start()
    try:
        first = Stack(folder / "template", database_url=postgres.create_database(), redis_url=redis.url)
        first.manage("migrate", "--verbosity", "0")
        places = []
        for number, size in enumerate(sizes):
            stack = Stack(
                folder / f"{number}", database_url=postgres.create_database(first.database_url), redis_url=redis.url
            )
            known = stack.python(INSIDE, "prepare")
            with psycopg.connect(stack.database_url, autocommit=True) as connection:
                growth_rows.fill(connection, size, due=DUE, known=known, say=_say)
            places.append(Place(size, stack))
        yield places
    finally:
        redis.remove()
        postgres.stop()
        shutil.rmtree(folder)


def _of(place: Place) -> str:
    return f"{place.mails:,} mails"


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    quarter = len(ordered) // 4
    return f"{median(ordered):.2f} [{ordered[quarter]:.2f}–{ordered[-quarter - 1]:.2f}]"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench BENCH=growth", description=__doc__)
    parser.add_argument("--scale", type=float, default=1, help="factor on the number of mails")
    parser.add_argument("--reps", type=int, default=5, help="turns of each")
    return parser.parse_known_args()[0]


if __name__ == "__main__":
    main()
