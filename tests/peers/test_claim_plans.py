"""What PostgreSQL reads for a worker does not grow with the mail that lies there."""

import json
from typing import Any

import pytest

from tests.lab.fixtures import StartStack
from tests.peers.installation import fill

pytestmark = pytest.mark.peers

DUE = 100
# Most of it is for later; some was sent; little is due. Planned while the table was short, and kept since.
PLANS = """
import json, re
from django.db import connection
from mail import claiming, desk, glance
from mail.models import Mail

server = Mail.objects.values_list("server_id", flat=True).first()
statements = {
    "claim": (claiming._claim_sql("postgresql", only_urgent=False), "text, int, text, bigint, int, int"),
    "urgent": (claiming._claim_sql("postgresql", only_urgent=True), "text, int, text, bigint, int, int"),
    "glance": (glance._SQL["postgresql"], ""),
}
desk._settle_in(connection)
found = {}
with connection.cursor() as cursor:
    for name, (sql, types) in statements.items():
        number = iter(range(1, 20))
        sql = re.sub("%s", lambda _: f"${next(number)}", sql)
        cursor.execute(f"PREPARE {name} {'(' + types + ')' if types else ''} AS {sql}")
        values = f"('me', 60, 'transactional', {server}, 0, 20)" if types else ""
        cursor.execute("BEGIN")
        cursor.execute(f"EXECUTE {name}{values}")
        cursor.execute("ROLLBACK")
        found[name] = [values]
    copy = [field.column for field in Mail._meta.concrete_fields if field.column not in ("id", "due_at", "state")]
    columns = ", ".join(copy)
    for count, due, state in ((20000, "now() + interval '1 day' * number", "queued"), (20000, "now()", "sent")):
        cursor.execute(f"INSERT INTO mail_mail ({columns}, due_at, state) SELECT {columns}, {due}, '{state}'"
                       f" FROM (SELECT * FROM mail_mail ORDER BY id LIMIT 1) AS one,"
                       f" generate_series(1, {count}) AS number")
    for round in ("kept", "fresh"):
        for name, (values, *plans) in found.items():
            cursor.execute("BEGIN")
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name}{values}")
            found[name].append(cursor.fetchone()[0])
            cursor.execute("ROLLBACK")
        cursor.execute("ANALYZE")
print(json.dumps({name: plans for name, (values, *plans) in found.items()}))
"""


def rows_read(plan: dict[str, Any]) -> float:
    """What all nodes below gave, or looked at in vain."""
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return float(own + sum(rows_read(child) for child in plan.get("Plans", ())))


def test_nothing_reads_more_when_more_lies_there(start_stack: StartStack) -> None:
    stack = start_stack("postgres", EMAIL_URL="smtp://127.0.0.1:9")
    fill(stack, DUE, copies=DUE)

    found: dict[str, list[Any]] = stack.python(PLANS)

    assert set(found) == {"claim", "urgent", "glance"}
    for name, plans in found.items():
        for plan in plans:
            [explained] = json.loads(plan) if isinstance(plan, str) else plan
            assert rows_read(explained["Plan"]) < 200, (name, json.dumps(explained, indent=1))
            assert "JIT" not in explained, name
