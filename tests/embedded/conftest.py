"""Installations that were started once, so that each test need not found the company again."""

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.installation import Installation

MakeInstallation = Callable[..., Installation]


@pytest.fixture(scope="session")
def hang_ups_are_heard() -> Iterator[None]:
    """Also where the tests run under nohup: what it ignores is inherited, and a start heeds that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def first_start(nothing_left: None, hang_ups_are_heard: None, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation after its first start and its end; `output()` is what it said."""
    if sys.platform != "linux":
        pytest.skip("looks at processes through /proc")
    folder = tmp_path_factory.mktemp("embedded")
    installation = Installation(folder / "data", folder / "run.log")
    try:
        installation.start(deadline=120)
        assert installation.process
        assert installation.process.stop() == 0
    finally:
        installation.kill_what_is_left()
    return installation


@pytest.fixture
def make_installation(first_start: Installation, tmp_path: Path) -> Iterator[MakeInstallation]:
    """A copy of the first one, with a port of its own, in the folder `name`."""
    made: list[Installation] = []

    def make(name: str = "data") -> Installation:
        installation = Installation(tmp_path / name, tmp_path / f"run{len(made)}.log")
        shutil.copytree(first_start.data, installation.data, ignore=shutil.ignore_patterns("*.sock"))
        made.append(installation)
        return installation

    yield make
    for installation in made:
        installation.kill_what_is_left()
