"""One look at the queue before anything is taken: which servers are open, and for which lanes they have mail due.

SQLite has one write lock, and an idle worker must not keep taking it; so everything is asked first, in one statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.db import connection

from mail.models import Lane
from mail.statements import NOW, rows


@dataclass(frozen=True, slots=True)
class OpenServer:
    """A server that is neither blocked nor paused nor slowed."""

    id: int
    max_connections: int
    # It could not be reached a moment ago.
    in_trouble: bool
    # So often that it is left alone: only what a person sends now is tried there.
    rests: bool
    # What leaves through it is counted over all workers.
    is_limited: bool
    # No failure is held against it.
    is_well: bool
    # Whether mail may be taken for it now: in each lane that is not paused.
    due: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen."""

    # The version of the settings, and whether waiting mail was planned under an older one; 0: there are none yet.
    version: int = 0
    is_stale: bool = False
    servers: tuple[OpenServer, ...] = ()

    def due(self, lane: str) -> list[OpenServer]:
        """Those with mail of this lane to be taken."""
        return [server for server in self.servers if server.due[lane]]


def glance() -> Glance:
    """Look now."""
    found = rows(_SQL[connection.vendor])
    if not found:
        return Glance()
    version, is_stale = found[0][:2]
    servers = sorted((_server(row[2:]) for row in found if row[2] is not None), key=attrgetter("id"))
    return Glance(version, bool(is_stale), tuple(servers))


def _server(row: Sequence[Any]) -> OpenServer:
    pk, connections, in_trouble, rests, is_limited, is_well, *due = row
    lanes = dict(zip(Lane.values, map(bool, due), strict=True))
    return OpenServer(pk, connections, bool(in_trouble), bool(rests), bool(is_limited), bool(is_well), lanes)


def _sql(now: str) -> str:
    def due(lane: str, condition: str = "") -> str:
        # Not EXISTS, for which any row that waits would do, and PostgreSQL might look through all of them: the first.
        # Nor min(), for which it might read them all.
        return (
            f"coalesce((SELECT due_at FROM mail_mail WHERE lane = '{lane}' AND server_id = server.id"
            f" AND state = 'queued'{condition} ORDER BY due_at LIMIT 1) <= {now}, false)"
        )

    lanes = ", ".join(
        f"NOT options.{lane}_paused AND CASE WHEN coalesce(server.resting_until > {now}, false)"
        f" THEN {due(lane, ' AND urgent')} ELSE {due(lane)} END"
        for lane in Lane.values
    )
    return f"""
        SELECT options.version,
               coalesce((SELECT plan_version FROM mail_mail WHERE state = 'queued' ORDER BY plan_version LIMIT 1)
                        < options.version, false),
               server.id, server.max_connections, server.trouble_since IS NOT NULL,
               coalesce(server.resting_until > {now}, false),
               coalesce(server.limit_minute, server.limit_hour, server.limit_day, server.limit_connections) IS NOT NULL,
               server.failures = 0 AND server.trouble_since IS NULL, {lanes}
        FROM mail_options AS options
        LEFT JOIN mail_server AS server
            ON server.blocked_cause = '' AND NOT server.is_paused
            AND (server.slowed_until IS NULL OR server.slowed_until <= {now})
        WHERE options.id = 1
    """


_SQL = {vendor: _sql(now).strip() for vendor, now in NOW.items()}
