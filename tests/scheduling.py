"""Who runs what when two processes share the tests with servers and browsers."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """What starts servers shares them: a module stays in one process, and so does the whole browser tier."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/browser" if nodeid.startswith("tests/browser/") else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """For `--dist loadscope`; every other way is left to the plugin."""
    return Together(config, log) if config.getoption("dist") == "loadscope" else None
