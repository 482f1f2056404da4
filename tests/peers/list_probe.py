"""Runs inside an installation on PostgreSQL: fills it with e-mails, opens pages of the list, reports what the
database was asked and how it answered. Prints JSON."""

import json
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from daeris.models import User
from mail.models import Server

URL = "/settings/mail/mails/"
# Half a year of mail in the order in which it was written: a few failures, a short queue at the end, fifty users of
# whom some write much, a thousand companies.
FILL = """
INSERT INTO mail_content (id, subject, text, html, language, author_name, author_address, reply_to, "to", cc, message_id,
    in_reply_to, "references", extra_headers, auto_submitted, sensitive, created_at)
SELECT i, (ARRAY['Presupuesto', 'Factura', 'Recordatorio', 'Renovación', 'Propuesta'])[1 + i %% 5] || ' S' || lpad(i::text, 6, '0'),
    'x', '<p>x</p>', 'es', 'Ana', 'ana@miempresa.example', '', '', '', '<' || i || '@miempresa.example>', '', '', '[]',
    false, false, now()
FROM generate_series(1, %(mails)s / 4) AS i;

INSERT INTO mail_mail (content_id, lane, recipient_name, recipient_address, user_id, document_type_id, document_id,
    document_name, search, state, due_at, created_at, settled_at, urgent, server_id, plan_version, lease_owner, fence, tries,
    uncertain, cause, failure)
SELECT content_id, lane, '', address, user_id, type_id, document_id, document_name,
    lower(subject || ' ' || address || ' ' || document_name),
    state, at, at, CASE WHEN state = 'queued' THEN NULL ELSE at END, false, server_id, 1, '', 0, 0, 0, cause, ''
FROM (
    SELECT i, content.id AS content_id, content.subject,
        CASE WHEN i %% 19 = 0 THEN 'mass' ELSE 'transactional' END AS lane,
        'persona' || (i * 7919 %% 400) || '@empresa' || (i * 104729 %% 1000) || '.example' AS address,
        CASE WHEN i %% 53 = 0 THEN NULL ELSE (%(users)s::int[])[1 + (i * 31 %% 7) * (i * 17 %% 7)] END AS user_id,
        (%(types)s::int[])[1 + i %% 3] AS type_id, 1 + i * 13 %% 20000 AS document_id, 'DOC' || (1 + i * 13 %% 20000) AS document_name,
        CASE WHEN i > %(mails)s - 2000 AND i %% 4 = 0 THEN 'queued' WHEN i %% 47 = 0 THEN 'failed' WHEN i %% 101 = 0 THEN 'cancelled'
            ELSE 'sent' END AS state,
        CASE WHEN i > %(mails)s - 2000 AND i %% 40 = 0 THEN 'greylisted' WHEN i %% 47 = 0 THEN 'recipient_unknown' ELSE '' END AS cause,
        CASE WHEN i %% 11 = 0 THEN %(second)s ELSE %(first)s END AS server_id,
        now() - interval '180 days' * (1 - i::float / %(mails)s) AS at
    FROM generate_series(1, %(mails)s) AS i JOIN mail_content AS content ON content.id = 1 + (i - 1) / 4
) AS mail ORDER BY i
"""


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
        for statement in FILL.split(";"):
            cursor.execute(statement, values)
        cursor.execute("VACUUM ANALYZE")
    return users[1], users[0]


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
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), ())
        plan: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
    return plan


def total(plans: list[dict[str, Any]]) -> dict[str, Any]:
    """How many e-mails were read for all the answers, and by which ways."""
    read, ways = 0, set()
    stack = list(plans)
    while stack:
        node = stack.pop()
        stack += node.get("Plans", [])
        if node.get("Relation Name") == "mail_mail":
            left_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            read += (node["Actual Rows"] + left_out) * node["Actual Loops"]
            ways.add(node.get("Index Name") or node["Node Type"])
        elif node["Node Type"] == "Bitmap Index Scan":
            ways.add(node["Index Name"])
    return {"read": read, "ways": sorted(ways)}
