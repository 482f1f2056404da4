"""docker-compose.yml read as an engine would read it, as far as starting its commands goes."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.lab.stack import PROJECT

NAME = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<text>[^}]*))?\}|(?P<escaped>\$\$)")


class MissingVariableError(Exception):
    """A variable that the file asks for; says what for."""


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every service, with its variables put in."""
    found: dict[str, dict[str, Any]] = _filled(yaml.safe_load(_text("docker-compose.yml")), variables)["services"]
    return found


def _text(name: str) -> str:
    return (PROJECT / name).read_text()


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables) for one in value]
    return NAME.sub(lambda found: _variable(found, variables), value) if isinstance(value, str) else value


def _variable(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    if value := variables.get(found["name"]):
        return value
    if found["how"] == "?":
        raise MissingVariableError(f"{found['name']}: {found['text']}")
    return found["text"] or ""


def health_command(service: Mapping[str, Any]) -> list[str]:
    """What the health check of a service runs; without one of its own, that of the image."""
    if "healthcheck" not in service:
        (rest,) = [rest for name, rest in instructions() if name == "HEALTHCHECK"]
        words: list[str] = json.loads(rest.partition("CMD")[2])
        return words
    kind, *words = service["healthcheck"]["test"]
    return ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words


# -- The Dockerfile ----------------------------------------------------------------------------------
def instructions() -> list[tuple[str, str]]:
    """Its instructions with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", _text("Dockerfile"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def image_env() -> dict[str, str]:
    """The environment that the image gives to its processes."""
    words = [word for name, rest in instructions() if name == "ENV" for word in shlex.split(rest)]
    return dict(word.split("=", 1) for word in words)


def copied() -> list[Path]:
    """What the image takes from this checkout."""
    rows = [rest.split() for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
    return [PROJECT / source for row in rows for source in row[:-1]]
