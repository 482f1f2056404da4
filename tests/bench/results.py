"""What was measured, kept line by line, so that an interrupted run goes on where it was."""

import json
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.machine import Watch

# What one run brought: "rate", "p50", "memory", … and "foreign", the share of the processor that others took.
Figures = dict[str, float]


# A run counts only if nobody else took more of the processor.
MOST_FOREIGN = 0.10


def figures(watch: Watch, total: int) -> Figures:
    """What every run brings: its size, how far others disturbed it, and milliseconds of processor for each mail."""
    cpu = {f"cpu {name}": 1000 * used / total for name, used in watch.used.items()}
    return {"mails": total, "foreign": watch.foreign, **cpu}


@dataclass(frozen=True, slots=True)
class Run:
    """One contender in one case, once."""

    case: str
    who: str
    figures: Figures = field(default_factory=dict)
    error: str = ""
    at: str = ""

    @property
    def is_quiet(self) -> bool:
        return not self.error and self.figures.get("foreign", 0) <= MOST_FOREIGN


class Results:
    """The runs of a file; new ones are added to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
        self._failed_now: Counter[tuple[str, str]] = Counter()
        if path.exists():
            for line in path.read_text().splitlines():
                run = Run(**json.loads(line))
                self._runs[run.case, run.who].append(run)

    def add(self, run: Run) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(run)) + "\n")
        self._runs[run.case, run.who].append(run)
        self._failed_now[run.case, run.who] += bool(run.error)

    def of(self, case: str, who: str) -> list[Run]:
        return self._runs.get((case, who), [])

    def chosen(self, case: str, who: str, repetitions: int) -> tuple[list[Run], bool]:
        """The runs that count, and whether they are only the quietest of a machine that never was quiet enough."""
        good = [run for run in self.of(case, who) if not run.error]
        quiet = [run for run in good if run.is_quiet]
        if len(quiet) >= repetitions or len(quiet) == len(good):
            return quiet, False
        return sorted(good, key=lambda run: run.figures.get("foreign", 0))[:repetitions], True

    def failed(self, case: str, who: str) -> int:
        return sum(bool(run.error) for run in self.of(case, who))

    def lacking(self, case: str, who: str, repetitions: int, *, noisy: bool) -> bool:
        """Whether it must be run again; what now failed as often as it should have succeeded is left alone."""
        enough = sum(not run.error if noisy else run.is_quiet for run in self.of(case, who))
        return enough < repetitions and self._failed_now[case, who] < repetitions

    def set_aside(self) -> None:
        """Begin anew; the former results stay beside."""
        if self._path.exists():
            self._path.rename(self._path.with_suffix(time.strftime(".%Y%m%d-%H%M%S.jsonl")))
        self._runs.clear()
