"""The laboratory's fixtures. A missing program fails the test and names its package: green means run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol

import pytest

from tests.lab import ports
from tests.lab.ca import Authority
from tests.lab.exim import Exim
from tests.lab.policy import Greylist
from tests.lab.postfix import Postfix
from tests.lab.postgres import Postgres
from tests.lab.proc import private_folder
from tests.lab.redis import Redis
from tests.lab.stack import Stack


@pytest.fixture(scope="session")
def nothing_left() -> Iterator[None]:
    """After everything: no server of the laboratory still listens."""
    yield
    assert not [port for port in ports.given() if ports.is_listening(port)]


@pytest.fixture(scope="session")
def authority() -> Iterator[Authority]:
    """A certification authority that nobody trusts until told to."""
    # Not in pytest's own folder: Postfix reads its keys as another account.
    folder = private_folder("ca")
    yield Authority(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postfix(nothing_left: None, authority: Authority) -> Iterator[Postfix]:
    """A real Postfix with the listeners of tests/lab/postfix.py. Use addresses of your own in each test."""
    if os.getuid() != 0 and not os.environ.get("CI"):
        pytest.skip("Postfix starts its parts under other accounts, which takes root")
    server = Postfix(authority).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def exim(nothing_left: None, authority: Authority) -> Iterator[Exim]:
    """A real mail server that is not Postfix."""
    if os.getuid() != 0 and not os.environ.get("CI"):
        pytest.skip("Exim gives its rights up for another account's, which takes root")
    server = Exim(authority).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(nothing_left: None) -> Iterator[Postgres]:
    """A real PostgreSQL; `postgres.create_database()` gives a URL."""
    server = Postgres().start()
    yield server
    server.stop()


@pytest.fixture
def redis(nothing_left: None) -> Iterator[Redis]:
    """A real Redis for this test alone, which may stop and start it."""
    server = Redis().start()
    yield server
    server.remove()


@pytest.fixture
def greylist() -> Iterator[Greylist]:
    """A policy service as Postfix asks it."""
    service = Greylist().start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """An empty installation on SQLite, to be copied."""
    stack = Stack(tmp_path_factory.mktemp("migrated"))
    stack.manage("migrate", "-v0", "--skip-checks")
    return stack


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """An empty installation on PostgreSQL, to be copied."""
    stack = Stack(tmp_path_factory.mktemp("migrated"), database_url=postgres.create_database())
    stack.manage("migrate", "-v0", "--skip-checks")
    return stack


class StartStack(Protocol):
    def __call__(self, database: Literal["sqlite", "postgres"], **settings: object) -> Stack: ...


@pytest.fixture
def start_stack(tmp_path: Path, redis: Redis, request: pytest.FixtureRequest) -> Iterator[StartStack]:
    """Makes an installation with its tables on one of the databases, and with this test's Redis."""
    started: list[Stack] = []

    def start(database: Literal["sqlite", "postgres"], **settings: object) -> Stack:
        folder = tmp_path / f"stack{len(started)}"
        if database == "sqlite":
            stack = Stack(folder, redis_url=redis.url, **settings)
            stack.copy_database(request.getfixturevalue("migrated_sqlite"))
        else:
            template = request.getfixturevalue("migrated_postgres")
            url = request.getfixturevalue("postgres").create_database(template.database_url)
            stack = Stack(folder, database_url=url, redis_url=redis.url, **settings)
        started.append(stack)
        return stack

    yield start
    for stack in started:
        stack.close()
