"""Mails by the million, made by the database itself: settled ones of two years, and a few that are due."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg import sql

# Nine of ten mails go through the first server; the last one was used long ago, and little.
# The lanes come in runs, as mailings do. Every fourth mail has a content of its own, or shares it with three others.
MAILS = """
INSERT INTO mail_mail (
    id, content_id, lane, recipient_name, recipient_address, user_id, document_type_id, document_id, document_name,
    search, state, due_at, created_at, settled_at, urgent, server_id, plan_version, lease_owner, fence,
    tries, uncertain, cause, reply_code, failure
)
SELECT
    n, (n + 3) / 4, CASE WHEN n / 1000 %% 10 < 3 THEN 'mass' ELSE 'transactional' END, '', address,
    CASE WHEN n %% 10 = 5 THEN NULL ELSE users[1 + n %% cardinality(users)] END,
    type, CASE WHEN type IS NULL THEN NULL ELSE n / 20 + 1 END, CASE WHEN type IS NULL THEN '' ELSE name END,
    subject || ' ' || address || CASE WHEN type IS NULL THEN '' ELSE ' ' || lower(name) END,
    state, moment, moment, moment + interval '2 seconds', false, server, 1000000, '', 1, 1, 0,
    CASE WHEN state IN ('failed', 'bounced') THEN 'recipient_unknown' ELSE '' END,
    CASE WHEN state IN ('failed', 'bounced') THEN 550 END,
    CASE WHEN state = 'failed' THEN '550 5.1.1 unknown' ELSE '' END
FROM (
    SELECT n, %(users)s::int[] AS users,
        words[1 + (n + 3) / 4 * 7 %% 10] || ' ' || words[1 + (n + 3) / 4 * 3 %% 7] || ' ' || (n + 3) / 4 AS subject,
        words[1 + n * 3 %% 10] || n || '@empresa' || n %% 700 || '.example' AS address,
        (%(types)s::int[])[1 + n / 3 %% 5] AS type, 'SO' || n / 20 AS name,
        CASE WHEN n < %(total)s / 1000 THEN servers[3] WHEN n %% 10 = 3 THEN servers[2] ELSE servers[1] END AS server,
        CASE WHEN n %% 50 = 7 THEN 'failed' WHEN n %% 200 = 9 THEN 'bounced' WHEN n %% 40 = 11 THEN 'cancelled'
            ELSE 'sent' END AS state,
        now() - interval '2 hours' - (%(total)s - n) * interval '2 years' / %(total)s AS moment
    FROM generate_series(1::bigint, %(total)s) AS n,
        (SELECT %(words)s::text[] AS words, %(servers)s::int[] AS servers) AS given
) AS made
"""
CONTENTS = """
INSERT INTO mail_content (
    id, subject, text, html, language, author_name, author_address, reply_to, "to", cc, message_id, in_reply_to,
    "references", extra_headers, auto_submitted, sensitive, created_at
)
SELECT n, 'Asunto ' || n, '', '<p>x</p>', 'es', '', 'ana@miempresa.test', '', '', '', '<' || n || '@x>', '', '', '[]',
    false, false, now() - interval '2 hours' - (%(total)s / 4 - n) * interval '2 years' / (%(total)s / 4)
FROM generate_series(1::bigint, %(total)s / 4 + 1) AS n
"""
ATTEMPTS = """
INSERT INTO mail_attempt (
    mail_id, outcome, server_id, server_name, step, explanation, header_from, envelope_from, tls, phase, reply_code,
    enhanced_code, reply_text, cause, started_at, seconds, worker
)
SELECT id, CASE WHEN state IN ('failed', 'bounced') THEN 'permanent' ELSE 'accepted' END, server_id, 'S', 'no_filter',
    '{}', '', '', '', 'final', 250, '', 'ok', cause, created_at, 0.1, 'w'
FROM mail_mail WHERE id %% 4 = 3 ORDER BY id
"""
# The newest wait to be sent, for the first server; one in a hundred, before them, for its hour.
DUE = """
UPDATE mail_mail SET state = 'queued', cause = '', reply_code = NULL, failure = '', settled_at = NULL, tries = 0,
    server_id = %(server)s, lane = 'transactional', due_at = now() - interval '1 minute'
WHERE id > %(total)s - %(due)s
"""
SCHEDULED = """
UPDATE mail_mail SET state = 'queued', cause = '', reply_code = NULL, failure = '', settled_at = NULL, tries = 0,
    server_id = %(server)s, due_at = now() + interval '1 day'
WHERE id > %(total)s - %(due)s - %(scheduled)s AND id <= %(total)s - %(due)s
"""
WORDS = [
    *("presupuesto", "factura", "pedido", "oferta", "renovacion"),
    *("mantenimiento", "flota", "almacen", "barrica", "hotel"),
]
TABLES = ("mail_mail", "mail_content", "mail_attempt")


def fill(
    connection: "psycopg.Connection[Any]", total: int, *, due: int, known: Mapping[str, Any], say: Callable[[str], None]
) -> None:
    """So many mails, `due` of them waiting; `known`: the users, servers and document types to take."""
    given = {
        "total": total,
        "due": due,
        "scheduled": total // 100,
        "words": WORDS,
        "server": known["servers"][0],
        **known,
    }
    began = time.perf_counter()
    # Checks of what is right by construction, and indexes kept up row by row, would take hours.
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET maintenance_work_mem = '1GB'")
    indexes = _without_indexes(connection)
    for statement in (CONTENTS, MAILS, DUE, SCHEDULED, ATTEMPTS):
        connection.execute(statement, given)
    for statement in indexes:
        connection.execute(statement)
    for table in TABLES:
        last = sql.SQL("SELECT setval(pg_get_serial_sequence({name}, 'id'), (SELECT max(id) FROM {table}))")
        connection.execute(last.format(name=table, table=sql.Identifier(table)))
        connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))
    connection.execute("CHECKPOINT")
    size = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
    say(f"{total:,} mails made in {time.perf_counter() - began:.0f} s, {size[0] if size else ''}")


def _without_indexes(connection: "psycopg.Connection[Any]") -> list[str]:
    """Drop what slows the filling down; the statements that make it again."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT IN"
        " (SELECT conname FROM pg_constraint)",
        [list(TABLES)],
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [definition for _, definition in found]
