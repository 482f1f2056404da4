"""The disk of an installation on SQLite is full for a while."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.redis import Redis
from tests.lab.stack import Stack
from tests.lab.waiting import eventually
from tests.peers.faults.site import HELD, IS_LONG, LEASE_SECONDS, REPETITIONS, SETTINGS, Site

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small file system of its own."""
    if os.getuid() != 0 and not os.environ.get("CI"):
        pytest.skip("A file system is mounted, which takes root")
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "daeris-tests", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def site(
    disk: Path, migrated_sqlite: Stack, site_redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Two workers over SQLite on the small disk; their logs are elsewhere."""
    stack = Stack(tmp_path_factory.mktemp("site"), redis_url=site_redis.url, **SETTINGS)
    stack.copy_database(migrated_sqlite)
    stack.sqlite = Path(shutil.move(stack.sqlite, disk))
    stack.env["DATABASE_URL"] = f"sqlite:///{stack.sqlite}"
    with closing(Site(stack, site_redis)) as site:
        yield site


@pytest.mark.parametrize("time_", REPETITIONS)
def test_the_disk_is_full(site: Site, disk: Path, time_: int) -> None:
    site.receiver.order("delay", "FINAL", 0.03)
    with site.row("SQLite: disk full") as row:
        row.at_some_moment(0.05, 0.4)
        began = time.monotonic()
        ballast = disk / "ballast"
        _fill(ballast)
        said = sum(worker.output().count("did not answer") for worker in site.workers)
        eventually(lambda: sum(worker.output().count("did not answer") for worker in site.workers) > said)
        if IS_LONG:
            site.wait_seconds(3 * LEASE_SECONDS)
        ballast.unlink()
        seconds = time.monotonic() - began
        row.when.append(f"for {seconds:.1f} s")
        if seconds > LEASE_SECONDS / 3:  # leases ran out: who is back first takes over what the other handed over
            row.may_repeat = 2 * HELD


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
