"""Runs inside an installation on PostgreSQL: fills it with e-mails, opens pages of the list, reports what the
database was asked and how it answered. Prints JSON."""

import json
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from daeris.models import User
from mail.models import Server

URL = "/settings/mail/mails/"
FILL = Path(__file__).with_name("fill_mails.sql").read_text()


def main(mails: int) -> None:
    manager, clerk = fill(mails)
    server = Server.objects.get(name="Segundo").pk
    kind = ContentType.objects.get(model="invoice").pk
    queries: dict[str, dict[str, str]] = {
        "all": {},
        **{state: {"state": state} for state in ("queued", "sent", "failed", "cancelled")},
        "today": {"day": "today"},
        "week, cancelled": {"day": "week", "state": "cancelled"},
        "mass": {"lane": "mass"},
        "second server": {"server": str(server)},
        "invoices": {"type": str(kind)},
        "search, rare": {"q": "persona77@empresa321"},
        "search, subject": {"q": "s012345"},
        "search, common": {"q": "presupuesto"},
        "search, two words": {"q": "renovación empresa77"},
        "search, nothing": {"q": "nichts"},
        "search, two letters": {"q": "zq"},
    }
    report = {
        f"{who}: {name}": look(user, query)
        for who, user in (("manager", manager), ("clerk", clerk))
        for name, query in queries.items()
    }
    print(json.dumps(report))  # noqa: T201


def fill(mails: int) -> tuple[User, User]:
    User.objects.bulk_create(User(username=f"user{number}") for number in range(50))
    users = list(User.objects.order_by("pk"))
    permissions = Permission.objects.filter(codename__in=["manage_mail", "view_opportunity", "view_saleorder"])
    users[1].user_permissions.set(permissions)
    types = ContentType.objects.filter(model__in=["opportunity", "saleorder", "invoice"]).values_list("pk", flat=True)
    servers = [Server.objects.create(name=name, host="smtp.example").pk for name in ("Primero", "Segundo")]
    with connection.cursor() as cursor:
        values = {
            "mails": mails,
            "users": [user.pk for user in users],
            "types": list(types),
            "first": servers[0],
            "second": servers[1],
        }
        # What is known of the table is what is found out below, not what passes by meanwhile.
        cursor.execute("ALTER TABLE mail_mail SET (autovacuum_enabled = false)")
        for statement in FILL.strip().removesuffix(";").split(";"):
            cursor.execute(statement, values)
        # Every row counts for these, or the ways that are chosen change with the rows that a sample happens to hold.
        for column in ("user_id", "state", "cause"):
            cursor.execute(f"ALTER TABLE mail_mail ALTER COLUMN {column} SET STATISTICS 10000")
        cursor.execute("VACUUM ANALYZE")
    return users[1], users[6]


def look(user: User, query: dict[str, str]) -> dict[str, Any]:
    """Open a page once to warm the caches, then again to see what it asks."""
    client = Client(headers={"accept-language": "es"})
    client.force_login(user)
    client.get(URL, query)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = client.get(URL, query)
    statements = [one["sql"] for one in asked.captured_queries]
    plans = [plan_of(sql) for sql in statements if 'FROM "mail_mail"' in sql]
    return {"status": answer.status_code, "queries": len(statements), **total(plans)}


def plan_of(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql)
        plan: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
    return plan


def total(plans: list[dict[str, Any]]) -> dict[str, Any]:
    """How many e-mails the greediest question read, and by which ways all of them went."""
    found = [read_by(plan) for plan in plans]
    return {"read": max(read for read, _ in found), "ways": sorted(set().union(*(ways for _, ways in found)))}


def read_by(plan: dict[str, Any]) -> tuple[int, set[str]]:
    read, ways = 0, set()
    stack = [plan]
    while stack:
        node = stack.pop()
        stack += node.get("Plans", [])
        if node.get("Relation Name") == "mail_mail":
            left_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            read += (node["Actual Rows"] + left_out) * node["Actual Loops"]
            ways.add(node.get("Index Name") or node["Node Type"])
        elif node["Node Type"] == "Bitmap Index Scan":
            ways.add(node["Index Name"])
    return read, ways
