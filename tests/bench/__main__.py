"""`make bench`: everybody in turn on this machine, one table at the end.

make bench                                            everything, about an hour on a quiet machine
make bench BENCH="drain plain, tls"                   cases by words of their names; `drain plain/Daeris`: one contender
make bench OPTIONS="--scale 0.1 --reps 1 --noisy"     only to see that it works
"""

import argparse
import importlib.util
import random
import sys
import time
from pathlib import Path

from tests.bench import cases, table
from tests.bench.cases import Contest
from tests.bench.environment import versions
from tests.bench.lab import Lab
from tests.bench.machine import description, wait_for_quiet
from tests.bench.results import Results, Run
from tests.lab.stack import PROJECT

# What has a table of its own: modules with a `main`.
BESIDE = {"screens": "tests.bench.screens_run", "growth": "tests.bench.growth"}


def main() -> None:
    options = _options()
    words = [word.strip() for word in options.only.split(",") if word.strip()]
    results = Results(options.out)
    if options.new:
        results.set_aside()
    if not options.table:
        _measure(cases.chosen(words), results, options)
    shown = table.Table(results, options.reps)
    lines = [line for case in cases.CASES for line in shown.lines(case, cases.contenders(case))]
    _say(f"\n{description()}\n{versions()}\n\n{table.render(lines)}\n")
    if not options.table:
        for name, module in BESIDE.items():
            if (name in words or not words) and importlib.util.find_spec(module):
                importlib.import_module(module).main()


def _measure(contests: list[Contest], results: Results, options: argparse.Namespace) -> None:
    """Rounds of all that lack repetitions, each in another order: no contender owns a quiet minute."""
    if not contests:
        return
    lab, ends = Lab(), time.monotonic() + options.minutes * 60
    try:
        for turn in range(options.rounds or 2 * options.reps):
            lacking = [one for one in contests if results.lacking(one.case, one.who, options.reps, noisy=options.noisy)]
            random.Random(turn).shuffle(lacking)
            for contest in lacking:
                if time.monotonic() > ends:
                    return
                if not options.noisy:
                    wait_for_quiet()
                run = _run(contest, lab, options.scale)
                results.add(run)
                _say(_line(run))
    finally:
        lab.stop()


def _run(contest: Contest, lab: Lab, scale: float) -> Run:
    at = time.strftime("%Y-%m-%dT%H:%M:%S")
    try:
        figures = contest.measure(lab, max(50, int(contest.mails * scale)))
    except Exception as error:  # the others go on; the table counts it
        return Run(contest.case, contest.who, error=f"{type(error).__name__}: {error}"[:2000], at=at)
    return Run(contest.case, contest.who, {name: round(value, 4) for name, value in figures.items()}, at=at)


def _line(run: Run) -> str:
    if run.error:
        return f"{run.case}/{run.who}: {run.error}"
    figures = (f"{name} {table.number(value)}" for name, value in run.figures.items() if name != "foreign")
    foreign = f"others {run.figures.get('foreign', 0):.0%}{'' if run.is_quiet else ', noisy'}"
    return f"{run.case}/{run.who}: {', '.join(figures)}, {foreign}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help="cases by words of their names, with commas between")
    parser.add_argument("--reps", type=int, default=3, help="quiet runs wanted of each")
    parser.add_argument("--rounds", type=int, default=0, help="most rounds (twice the repetitions)")
    parser.add_argument("--minutes", type=float, default=120, help="begin nothing after so long")
    parser.add_argument("--scale", type=float, default=1, help="factor on the number of mails")
    parser.add_argument("--noisy", action="store_true", help="take runs that other work disturbed; they are marked")
    parser.add_argument("--out", type=Path, default=PROJECT / "var/bench/results.jsonl", help="appended to")
    parser.add_argument("--new", action="store_true", help="set former results aside")
    parser.add_argument("--table", action="store_true", help="only print the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
