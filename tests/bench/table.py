"""The one table: medians with their range, the ratios to the others, and whether they are what is owed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.goals import OURS, Goal, goals_of
from tests.bench.results import Results

NONE = "–"
TITLES = {
    "rate": "mails/s",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "memory": "MiB",
}
HEAD = (
    "case",
    "who",
    "runs",
    "median [min–max]",
    "Daeris is",
    "at least",
    "aim",
    "CPU ms a mail: worker + database + sink",
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
    return Verdict(value, goal.met(value, goal.owed), goal.met(value, goal.aim))


def spread(values: Sequence[float]) -> str:
    """Median and range, with as many digits as mean something."""
    if not values:
        return NONE
    low, high = number(min(values)), number(max(values))
    return number(median(values)) if low == high else f"{number(median(values))} [{low}–{high}]"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rows(results: Results, case: str, names: Sequence[str], repetitions: int) -> Iterable[tuple[str, ...]]:
    """The lines of one case: for each figure ours first, then everybody it is compared with."""
    for figure in _figures(results, case, names):
        goals = [goal for goal in goals_of(case) if goal.figure == figure]
        ours = _values(results, case, OURS, figure, repetitions)
        limits = [goal for goal in goals if not goal.rival]
        yield _row(results, case, OURS, figure, repetitions, ours, limits[0] if limits else None)
        others = [(goal.rival_case or case, goal.rival, goal) for goal in goals if goal.rival]
        compared = {(where, who) for where, who, _ in others}
        rest = [(case, who, None) for who in names if who != OURS and (case, who) not in compared]
        for where, who, goal in [*others, *rest]:
            theirs = goal.rival_figure if goal and goal.rival_figure else figure
            if _values(results, where, who, theirs, repetitions):
                yield _row(results, where, who, theirs, repetitions, ours, goal)


def render(lines: Iterable[Sequence[str]]) -> str:
    """As Markdown, its columns under each other."""
    table = [HEAD, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    ruled = [table[0], tuple("-" * width for width in widths), *table[1:]]
    cells = ([text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in ruled)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _row(
    results: Results, case: str, who: str, figure: str, repetitions: int, ours: list[float], goal: Goal | None
) -> tuple[str, ...]:
    values = _values(results, case, who, figure, repetitions)
    _, is_noisy = results.chosen(case, who, repetitions)
    failed = results.failed(case, who)
    runs = f"{len(values)}{' noisy' if is_noisy else ''}{f', {failed} failed' if failed else ''}"
    verdict = ("", "", "")
    if ours and values and (goal or who != OURS):
        theirs = median(values) if who != OURS else None
        verdict = (f"{number(median(ours) / (theirs or 1))} ×", "", "")
        if goal:
            judged = judge(goal, median(ours), theirs)
            unit = " ×" if theirs else ""
            verdict = (
                f"{number(judged.value)}{unit} {judged.mark}",
                f"{number(goal.owed)}{unit}",
                f"{number(goal.aim)}{unit}",
            )
    cpu = [_values(results, case, who, f"cpu {group}", repetitions) for group in ("worker", "database", "sink")]
    shown = " + ".join(number(median(each)) if each else NONE for each in cpu) if any(cpu) else ""
    title = f"{case}, {TITLES.get(figure, figure)}"
    return (title, who, runs, spread(values), *verdict, shown)


def _values(results: Results, case: str, who: str, figure: str, repetitions: int) -> list[float]:
    runs, _ = results.chosen(case, who, repetitions)
    return [run.figures[figure] for run in runs if figure in run.figures]


def _figures(results: Results, case: str, names: Sequence[str]) -> list[str]:
    """The figures of a case that have a title of their own, in the order of the titles."""
    measured = {figure for who in names for run in results.of(case, who) for figure in run.figures}
    wanted = {goal.figure for goal in goals_of(case)} or measured
    return [figure for figure in TITLES if figure in measured & wanted]
