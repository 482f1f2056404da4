"""The lock files: whole, hashed, in step with pyproject.toml, and naming no registry."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lab.stack import PROJECT

LOCKS = ["run.lock", "dev.lock"]
ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>\S+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)


def locked(name: str) -> dict[str, str]:
    """The packages of a lock file with their versions."""
    return {canonicalize_name(found["name"]): found["version"] for found in ENTRY.finditer(text(name))}


def text(name: str) -> str:
    return (PROJECT / "requirements" / name).read_text()


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_one_version_and_hashes(name: str) -> None:
    packages = re.split(r"^(?=\S)", text(name), flags=re.MULTILINE)[1:]

    assert len(packages) > 20
    for package in packages:
        assert re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*==\S+", package), package[:80]
        assert "--hash=sha256:" in package, package[:80]


@pytest.mark.parametrize("name", LOCKS)
def test_no_registry_is_named(name: str) -> None:
    assert "://" not in text(name)
    assert "index-url" not in text(name)
    assert "find-links" not in text(name)


def test_everything_that_the_project_asks_for_is_locked_in_a_version_that_it_takes() -> None:
    """Whether `make lock` was run after a change, told without asking a registry."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = {
        "run.lock": [*project["dependencies"], *extras["serve"], *extras["embedded"]],
        "dev.lock": [*project["dependencies"], *extras["serve"], *extras["embedded"], *extras["test"]],
    }

    against = [
        f"{name}: {wanted}"
        for name, requirements in asked.items()
        for wanted in map(Requirement, requirements)
        if not wanted.specifier.contains(locked(name).get(canonicalize_name(wanted.name), "0"))
    ]

    assert against == []


def test_tests_run_on_what_the_product_runs_on() -> None:
    run, dev = locked("run.lock"), locked("dev.lock")

    assert run.items() <= dev.items()
