"""The installation that a module's faults share, one after another."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from tests.lab.postgres import Postgres
from tests.lab.redis import Redis
from tests.lab.stack import Stack
from tests.peers.faults.matrix import PROPERTY
from tests.peers.faults.site import SETTINGS, Site


@pytest.fixture(scope="module")
def site_redis(nothing_left: None) -> Iterator[Redis]:
    """A Redis for the module's installation alone."""
    server = Redis().start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def site(
    postgres: Postgres, migrated_postgres: Stack, site_redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Two workers and a schedule over PostgreSQL and a Redis of their own."""
    url = postgres.create_database(migrated_postgres.database_url)
    with psycopg.connect(url, autocommit=True) as connection:
        # Commits outlive a crash of the server, as they do outside of tests; it is the disk that is not waited for.
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit = on')
    stack = Stack(tmp_path_factory.mktemp("site"), database_url=url, redis_url=site_redis.url, **SETTINGS)
    with closing(Site(stack, site_redis)) as site:
        yield site


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest, site: Site) -> Iterator[None]:
    """What the rows cost that ended in this test, for the matrix at the end of the run."""
    yield
    ended = [row for row in site.rows if row.seconds]
    site.rows = [row for row in site.rows if not row.seconds]
    for row in ended:
        request.node.user_properties.append((PROPERTY, row.as_line()))
