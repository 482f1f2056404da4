"""PostgreSQL writes down what nearly always happens in one statement: the rows are those of the way step by step."""

from typing import Any

import pytest

from tests.lab.fixtures import StartStack
from tests.peers.installation import fill

pytestmark = pytest.mark.peers

SETTLE = """
import json
from unittest import mock
from django.utils.timezone import now
from mail import claiming, settling
from mail.claiming import Hands
from mail.models import Attempt, Mail, Options, Server, Tally
from mail.settling import Fate, Settlement, Try, settle
from mail.statements import rows

Options.load()
Options.objects.update(custom_servers=True)
first = Server.objects.create(name="First", host="127.0.0.1", max_connections=100)
second = Server.objects.create(name="Second", host="127.0.0.1")
Options.raise_version()
Mail.objects.update(server=first, plan_version=Options.load().version)
at = now()

def tries():
    failed = Try(outcome="temporary", server_id=first.pk, server_name="First", started_at=at, seconds=0.25,
                 explanation={"why": ["author_domain", {"server": "First ñ"}]}, phase="connect", cause="refused")
    taken = Try(outcome="accepted", server_id=second.pk, server_name="Second", started_at=at, seconds=0.5,
                tls="TLSv1.3", step="no_filter", header_from="Ana Pérez <ana@m.test>", envelope_from="ana@m.test",
                phase="final", reply_code=250, enhanced_code="2.0.0", reply_text="Ok: queued as ÑANDÚ")
    return failed, taken

def settled(claimed):
    items = [Settlement(mail, Fate.SENT, tries()) for mail in claimed]
    for item in items:
        item.mail.is_counted = item.mail.is_secret = False
    settle(items, owner="host:1")
    ids = [item.mail.id for item in items]
    mails = Mail.objects.filter(pk__in=ids).order_by("pk").values_list(
        "state", "tries", "cause", "failure", "reply_code", "lease_owner", "lease_until", "fence")
    attempts = Attempt.objects.filter(mail__in=ids).order_by("mail_id", "outcome").values_list(
        *[field.attname for field in Attempt._meta.concrete_fields if field.name not in {"id", "mail"}])
    tally = sorted(Tally.objects.values_list("server__name", "sent", "failed"))
    Tally.objects.all().delete()
    settled_at = Mail.objects.filter(pk__in=ids, settled_at__isnull=False).count()
    return [*map(list, mails)], [*map(list, attempts)], tally, settled_at

claimed = claiming.claim("transactional", owner="host:1", hands=Hands())
lost = claimed.pop()
Mail.objects.filter(pk=lost.id).update(fence=lost.fence + 1)
half = len(claimed) // 2
statements = []
with mock.patch.object(settling, "rows", lambda sql, parameters=(): statements.append(sql) or rows(sql, parameters)):
    at_once = settled(claimed[:half])
    count = len(statements)
with mock.patch.object(settling, "_is_plain_success", lambda *args: False):
    by_steps = settled(claimed[half:half * 2])
before = Mail.objects.get(pk=lost.id)
lost.is_counted = lost.is_secret = False
settle([Settlement(lost, Fate.SENT, tries())], owner="host:1")
after = Mail.objects.get(pk=lost.id)
print(json.dumps([half, count, at_once, by_steps, before.state, after.state, lost.id,
                  Attempt.objects.filter(mail=lost.id).count(), Tally.objects.count()], default=str))
"""


def test_one_statement_leaves_the_rows_of_many(start_stack: StartStack) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")
    fill(stack, 41, copies=41)

    found: list[Any] = stack.python(SETTLE)

    half, statements, at_once, by_steps, *lost = found
    assert half == 20
    assert statements == 1
    assert at_once == by_steps
    mails, attempts, tally, settled = at_once
    assert [mail[0] for mail in mails] == ["sent"] * half
    assert len(attempts) == 2 * half
    assert tally == [["First", 0, half], ["Second", half, 0]]
    assert settled == half
    # What another worker has taken over is left alone, and nothing is told of it.
    assert lost == ["sending", "sending", lost[2], 0, 0]
