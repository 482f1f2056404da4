"""Mail is queued over PostgreSQL, where one statement writes a content with its copies."""

import os

import pytest

from tests.lab.fixtures import StartStack

pytestmark = pytest.mark.peers

COLUMNS = """
import sys
import hypothesis
from tests.mail import written_rows

hypothesis.settings(
    max_examples=int(sys.argv[1]), deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)(written_rows.check)()
"""


def test_every_column_is_as_the_models_would_have_written_it(start_stack: StartStack) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")
    stack.python(COLUMNS, "200" if os.environ.get("DAERIS_LONG") else "8")


# Two contents in one call go to the database together, and an administrator is at work all the while.
RESTLESS = """
import json, threading
from collections import Counter
from django.core.mail import EmailMessage, get_connection
from django.db import connection
from mail.models import Content, Mail, Options

Options.load()
is_over = threading.Event()

def save_settings():
    while not is_over.wait(0.01):
        Options.raise_version()
    connection.close()

def batch(number):
    return [
        EmailMessage(f"{number}-{n}", "Hello", "ana@miempresa.test", [f"a{number}-{n}@acme.test"]) for n in range(60)
    ]

administrator = threading.Thread(target=save_settings)
administrator.start()
try:
    queued = sum(get_connection().send_messages(batch(number)) for number in range(5))
finally:
    is_over.set()
    administrator.join(30)
versions = set(Mail.objects.values_list("plan_version", flat=True))
addresses = Counter(Mail.objects.values_list("recipient_address", flat=True))
print(json.dumps([queued, len(addresses), max(addresses.values()), Content.objects.count(), len(versions)]))
"""


def test_settings_that_change_all_the_time_lose_no_mail_and_double_none(start_stack: StartStack) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")

    queued, addresses, most, contents, versions = stack.python(RESTLESS)

    assert (queued, addresses, most, contents) == (300, 300, 1, 300)
    assert versions > 1


# Every round trip ends with a Sync, or is a simple Query; COPY, which is one, has two more messages.
ROUND_TRIPS = """
import json, tempfile
from django.core.mail import EmailMessage, get_connection
from django.db import connection, transaction

def batch(size):
    return [EmailMessage("Hello", "Hello", "ana@miempresa.test", [f"a{n}@acme.test"]) for n in range(size)]

def round_trips(size):
    with tempfile.TemporaryFile() as said:
        connection.connection.pgconn.trace(said.fileno())
        get_connection().send_messages(batch(size))
        connection.connection.pgconn.untrace()
        said.seek(0)
        return sum(line.split(b"\\t")[1:2] == [b"F"] and b"\\tSync" in line or b"\\tQuery\\t" in line for line in said)

for size in (1, 2):
    get_connection().send_messages(batch(size))  # the settings are read, the statements planned
print(json.dumps([round_trips(1), round_trips(2), round_trips(200)]))
"""


def test_one_mail_is_one_round_trip_and_many_are_no_more_than_a_few(start_stack: StartStack) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")

    one, two, many = stack.python(ROUND_TRIPS)

    assert one == 1
    assert two == many <= 5
