"""The matrix at the end of a run: what each fault cost. A plugin of pytest's (tests/conftest.py)."""

from typing import Any

import pytest

PROPERTY = "fault"
HEADINGS = ("fault", "mails", "lost", "twice", "allowed", "uncertain", "seconds", "when")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if rows:
        terminalreporter.section("faults while mail goes out")
        for line in _table([HEADINGS, *rows]):
            terminalreporter.write_line(line)


def _table(rows: list[Any]) -> list[str]:
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(HEADINGS))]
    return [
        "  ".join(
            str(cell).ljust(width) if column in (0, len(HEADINGS) - 1) else str(cell).rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
