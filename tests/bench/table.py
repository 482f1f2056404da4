"""The one table: medians with their range, the ratios to the others, and whether they are what is owed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.goals import OURS, Goal, goals_of
from tests.bench.results import Results

NONE = "–"
# The figures that have lines of their own, in this order.
TITLES = {
    "rate": "mails/s",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "start": "MiB at start",
    "memory": "MiB at most",
    "after": "MiB after all",
    "growth": "after all to after the first 10,000",
    "more": "MiB more than idle",
}
HEAD = (
    *("case", "who", "runs", "median [min–max]", "Daeris is", "owed", "aim"),
    *("CPU ms a mail: worker + database + sink", "peak MiB"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How Daeris stands to one goal."""

    value: float
    is_owed: bool
    is_aim: bool

    @property
    def mark(self) -> str:
        return "✓✓" if self.is_aim else "✓" if self.is_owed else "✗"


def judge(goal: Goal, ours: float, theirs: float | None) -> Verdict:
    """The ratio of the two, or our own value where there is no rival, against what is owed and aimed at."""
    value = ours if theirs is None else ours / theirs
    is_aim = goal.aim is not None and goal.met(value, goal.aim)
    return Verdict(value, goal.met(value, goal.owed), is_aim)


class Table:
    """What the results say, line by line."""

    def __init__(self, results: Results, repetitions: int) -> None:
        self._results, self._repetitions = results, repetitions

    def lines(self, case: str, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Of one case: for each figure ours first, then everybody it is compared with."""
        ran = {who: self._results.of(case, who) for who in names}
        measured = {figure for runs in ran.values() for run in runs for figure in run.figures}
        if any(ran.values()):
            for figure in [title for title in TITLES if title in measured] or ["rate"]:
                yield from self._of_figure(case, figure, [who for who in names if ran[who]])

    def _of_figure(self, case: str, figure: str, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
        goals = [goal for goal in goals_of(case) if goal.figure == figure]
        limit = next((goal for goal in goals if not goal.rival), None)
        if OURS in names:
            yield self._line(case, case, OURS, figure, limit)
        compared = {(goal.rival_case or case, goal.rival): goal for goal in goals if goal.rival}
        others = {(case, who): None for who in names if who != OURS}
        for (where, who), goal in {**compared, **others, **compared}.items():
            if self._results.of(where, who):
                yield self._line(case, where, who, figure, goal)

    def _line(self, case: str, where: str, who: str, figure: str, goal: Goal | None) -> tuple[str, ...]:
        values = self._values(where, who, figure)
        title = where if where == case else f"{case} to {where}"
        is_first = figure == "rate"
        return (
            f"{title}, {TITLES[figure]}",
            who,
            self._runs(where, who),
            spread(values),
            *self._verdict(self._values(case, OURS, figure), values if who != OURS else None, goal),
            self._cpu(where, who) if is_first else "",
            spread(self._values(where, who, "peak"), none="") if is_first else "",
        )

    def _verdict(self, ours: list[float], theirs: list[float] | None, goal: Goal | None) -> tuple[str, str, str]:
        unit = "" if theirs is None else " ×"
        wanted = (goal.owed, goal.aim) if goal else (None, None)
        owed, aim = ("" if each is None else f"{number(each)}{unit}" for each in wanted)
        if not ours or theirs == [] or (theirs is None and not goal):
            return "", owed, aim
        value = median(ours) / median(theirs) if theirs else median(ours)
        mark = f" {judge(goal, median(ours), median(theirs) if theirs else None).mark}" if goal else ""
        return f"{number(value)}{unit}{mark}", owed, aim

    def _runs(self, case: str, who: str) -> str:
        chosen, is_noisy = self._results.chosen(case, who, self._repetitions)
        failed = self._results.failed(case, who)
        return f"{len(chosen)}{' noisy' if is_noisy else ''}{f', {failed} failed' if failed else ''}"

    def _cpu(self, case: str, who: str) -> str:
        used = [self._values(case, who, f"cpu {group}") for group in ("worker", "database", "sink")]
        return " + ".join(number(median(each)) if each else NONE for each in used) if any(used) else ""

    def _values(self, case: str, who: str, figure: str) -> list[float]:
        runs, _ = self._results.chosen(case, who, self._repetitions)
        return [run.figures[figure] for run in runs if figure in run.figures]


def spread(values: Sequence[float], none: str = NONE) -> str:
    """Median and range, with as many digits as mean something."""
    if not values:
        return none
    low, high = number(min(values)), number(max(values))
    return number(median(values)) if low == high else f"{number(median(values))} [{low}–{high}]"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def render(lines: Iterable[Sequence[str]]) -> str:
    """As Markdown, its columns under each other."""
    table = [HEAD, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    ruled = [table[0], tuple("-" * width for width in widths), *table[1:]]
    cells = ([text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in ruled)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
