"""What `make bench` concludes from its runs: medians, ratios, and whether they are what is owed."""

from pathlib import Path

import pytest

from tests.bench import cases, table
from tests.bench.goals import BARE, GOALS, OURS, TUNED, Goal
from tests.bench.results import Results, Run


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results.jsonl")


def measured(results: Results, case: str, who: str, *rates: float, foreign: float = 0.02) -> None:
    for rate in rates:
        results.add(Run(case, who, {"rate": rate, "foreign": foreign}))


def lines(results: Results, case: str) -> dict[str, tuple[str, ...]]:
    """The lines of a case by their contender."""
    return {line[1]: line for line in table.Table(results, repetitions=3).lines(case, cases.contenders(case))}


def test_medians_are_compared_with_what_is_owed(results: Results) -> None:
    measured(results, "drain plain", OURS, 5000, 9000, 6000)
    measured(results, "drain plain", TUNED, 1000, 1100, 1200)
    measured(results, "drain plain", BARE, 7000, 12000, 8000)

    found = lines(results, "drain plain")

    assert found[OURS][2:4] == ("3", "6,000 [5,000–9,000]")
    assert found[TUNED][4:7] == ("5.45 × ✓", "3.5 ×", "8 ×")
    assert found[BARE][4:7] == ("0.75 × ✓", "0.55 ×", "1.2 ×")


def test_a_rival_of_another_case_stands_beside(results: Results) -> None:
    measured(results, "drain plain", TUNED, 1000)
    measured(results, "drain same", OURS, 4000)

    found = lines(results, "drain same")[TUNED]

    assert found[0] == "drain same to drain plain, mails/s"
    assert found[4:7] == ("4 × ✗", "4.5 ×", "9 ×")


def test_noisy_runs_are_used_only_where_quiet_ones_lack_and_are_marked(results: Results) -> None:
    measured(results, "drain plain", OURS, 9000, 9000, 9000)
    measured(results, "drain plain", OURS, 10, foreign=0.5)
    measured(results, "drain plain", BARE, 7000)
    measured(results, "drain plain", BARE, 3000, foreign=0.11)

    found = lines(results, "drain plain")

    assert found[OURS][2:4] == ("3", "9,000")
    assert found[BARE][2:4] == ("2 noisy", "5,000 [3,000–7,000]")


def test_what_failed_is_counted_and_never_a_figure(results: Results) -> None:
    measured(results, "drain plain", OURS, 100)
    results.add(Run("drain plain", OURS, error="3 mails: {}, accepted 4 times"))

    results.add(Run("drain plain", TUNED, error="it ended"))

    found = lines(results, "drain plain")

    assert found[OURS][2:4] == ("1, 1 failed", "100")
    assert found[TUNED][2:7] == ("0, 1 failed", "–", "", "3.5 ×", "8 ×")


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    measured(Results(path), "drain plain", OURS, 1000, 2000)
    measured(Results(path), "drain plain", OURS, 3000, foreign=0.4)

    again = Results(path)

    again.add(Run("drain tls", BARE, error="it ended"))

    assert again.lacking("drain plain", OURS, 3, noisy=False)
    assert not again.lacking("drain plain", OURS, 3, noisy=True)
    assert again.lacking("drain tls", OURS, 1, noisy=False)
    # What failed is left alone for now, and tried once more another time.
    assert not again.lacking("drain tls", BARE, 1, noisy=False)
    assert Results(path).lacking("drain tls", BARE, 1, noisy=False)


@pytest.mark.parametrize(
    ("ours", "theirs", "mark"), [(79, 100, "✓"), (81, 100, "✗"), (50, 100, "✓✓"), (51, 100, "✓"), (10, 100, "✓✓")]
)
def test_where_less_is_better_the_limit_is_from_above(ours: float, theirs: float, mark: str) -> None:
    goal = Goal("latency idle", "p50", owed=0.8, aim=0.5, rival="somebody", less_is_better=True)
    assert table.judge(goal, ours, theirs).mark == mark


def test_without_a_rival_the_value_itself_counts() -> None:
    goal = Goal("memory", "memory", owed=180, aim=150, less_is_better=True)
    assert [table.judge(goal, mib, None).mark for mib in (150, 180, 181)] == ["✓✓", "✓", "✗"]


def test_every_goal_has_its_contenders() -> None:
    known = {(one.case, one.who) for one in cases.CONTESTS}
    assert all((goal.case, OURS) in known for goal in GOALS)
    assert {(goal.rival_case or goal.case, goal.rival) for goal in GOALS if goal.rival} <= known


def test_cases_are_chosen_by_words_and_bring_whom_they_are_compared_with() -> None:
    assert {(one.case, one.who) for one in cases.chosen(["drain same"])} == {
        ("drain same", OURS),
        ("drain plain", TUNED),
        ("drain plain", BARE),
    }
    assert [(one.case, one.who) for one in cases.chosen(["drain same/Daeris"])] == [("drain same", OURS)]
    assert cases.chosen([]) == cases.CONTESTS


def test_the_table_is_markdown(results: Results) -> None:
    measured(results, "drain plain", OURS, 1234.5)
    text = table.render(lines(results, "drain plain").values())
    head, rule, line = text.splitlines()
    assert head.startswith("| case")
    assert set(rule) == set("| -")
    assert "| 1,234 " in line
