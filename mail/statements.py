"""The few statements that run for every handful of mails: written by hand, and planned by the database once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

# The database's clock, and its clock some seconds later; written as Django writes these columns. SQLite's knows no
# microseconds: what was written in this very millisecond is not in the future.
NOW = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now') || '999'"}
LATER = {
    "postgresql": "clock_timestamp() + make_interval(secs => %s)",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+' || %s || ' seconds')",
}


def rows(sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """What the statement gives.

    PostgreSQL keeps its plan: parsing and planning took longer than doing. Not behind a pooler that gives every
    transaction another connection; who has one sets DISABLE_SERVER_SIDE_CURSORS, as Django asks for it.
    """
    here = connections[DEFAULT_DB_ALIAS]  # found once: `connection` looks for it anew at every attribute
    if here.vendor != "postgresql":
        with here.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())
    import psycopg

    here.ensure_connection()
    with here.wrap_database_errors:
        raw = here.connection
        keeps_plans = not here.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
        if keeps_plans and raw.prepare_threshold is None:
            raw.prepare_threshold = 0
        try:
            # Not Django's own cursor, which writes the parameters into the text.
            found = psycopg.Cursor(raw).execute(sql, parameters, prepare=keeps_plans)
        except psycopg.errors.FeatureNotSupported:
            # A migration changed a table under a kept plan. The connection goes when it is looked at next, and its
            # plans with it: whoever asks again is answered.
            here.close_at = 0.0
            raise
        return list(found.fetchall()) if found.pgresult and found.pgresult.nfields else []


def as_json(items: Iterable[Mapping[str, object]]) -> str:
    """The rows for `items_of`, as the one parameter that carries them all."""
    as_column = connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value
    return json.dumps(list(items), default=lambda moment: str(as_column(moment)))


@cache
def items_of(vendor: str, columns: tuple[tuple[type[models.Model], str], ...]) -> str:
    """A table in FROM, made of one JSON parameter; it has a column for each of these fields."""
    fields: list[Any] = [model._meta.get_field(name) for model, name in columns]
    if vendor == "postgresql":
        types = ", ".join(f'"{field.column}" {_type(field)}' for field in fields)
        return f"jsonb_to_recordset(%s::jsonb) AS item({types})"
    values = ", ".join(f"json_extract(value, '$.{field.column}') AS \"{field.column}\"" for field in fields)
    return f"(SELECT {values} FROM json_each(%s)) AS item"


def _type(field: Any) -> str:
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))
