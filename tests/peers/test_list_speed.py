"""The list of e-mails over a table of 200,000: few questions, and none whose answer reads the table."""

import pytest

from tests.lab.fixtures import StartStack

pytestmark = pytest.mark.peers

MAILS = 200_000
MOST_QUERIES = 12


def test_no_page_reads_the_table(start_stack: StartStack) -> None:
    # The settings of the tests: pages without collected static files.
    stack = start_stack("postgres", ALLOWED_HOSTS="testserver", DJANGO_SETTINGS_MODULE="tests.settings")

    report = stack.python(f"from tests.peers.list_probe import main; main({MAILS})")

    assert {name: page["status"] for name, page in report.items() if page["status"] != 200} == {}
    assert {name: page["queries"] for name, page in report.items() if page["queries"] > MOST_QUERIES} == {}
    # Counts end at a thousand, pages at eighty rows. The five counts of the rarer lane, for which there is no index of
    # its own (it would cost each mail more than it saves), are the greediest question.
    assert {name: page["read"] for name, page in report.items() if page["read"] > MAILS / 4} == {}
    assert "mail_red" in report["manager: failed"]["ways"]
    assert "mail_red_user" in report["clerk: failed"]["ways"]
    assert "mail_search_words" in report["manager: search, rare"]["ways"]
    assert "mail_search_recipient" in report["manager: search, rare"]["ways"]
