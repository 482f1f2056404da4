"""Dockerfile and docker-compose.yml, as far as they go without an engine."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.lab.stack import PROJECT
from tests.packaging import composed
from tests.packaging.conftest import run

README = (PROJECT / "README.md").read_text()
VARIABLES = {"POSTGRES_PASSWORD": "secret", "REDIS_PASSWORD": "another"}
OURS = {"migrate", "web", "worker-transactional", "worker-mass", "worker-background", "schedule"}


@pytest.mark.peers
def test_the_file_follows_the_compose_specification() -> None:
    check = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]

    done = subprocess.run([*check, PROJECT / "docker-compose.yml"], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_lane_background_work_and_the_schedule_have_a_process() -> None:
    services = composed.services(VARIABLES)

    assert services.keys() == OURS | {"postgres", "redis"}
    queues = [
        service["command"][service["command"].index("--queues") + 1]
        for service in services.values()
        if "--queues" in service.get("command", [])
    ]
    assert sorted(queues) == ["background", "mass", "transactional"]


def test_every_service_tells_whether_it_is_well_and_starts_again() -> None:
    for name, service in composed.services(VARIABLES).items():
        if name == "migrate":  # ends by itself
            assert service["restart"] == "no"
            assert service["healthcheck"] == {"disable": True}
            continue
        assert service["restart"] == "unless-stopped", name
        # The web's own check comes with the image.
        assert "test" in service.get("healthcheck", {}) or name == "web", name
    assert any(name == "HEALTHCHECK" and "daeris.health" in rest for name, rest in composed.instructions())


def test_what_must_outlive_a_container_lies_in_volumes() -> None:
    services = composed.services(VARIABLES)

    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]
    for name in OURS:
        assert services[name]["volumes"] == ["data:/data"]
    assert composed.image_env()["DAERIS_DATA"] == "/data"
    assert ("VOLUME", "/data") in composed.instructions()


def test_a_worker_on_another_host_finds_the_first_one() -> None:
    first = {"DATABASE_HOST": "10.0.0.1", "REDIS_HOST": "10.0.0.1", "DATA_FOLDER": "/srv/daeris"}

    services = composed.services(VARIABLES | first)

    for name in OURS:
        assert services[name]["volumes"] == ["/srv/daeris:/data"]
        assert services[name]["environment"]["DATABASE_URL"] == "postgres://daeris:secret@10.0.0.1:5432/daeris"
        assert services[name]["environment"]["REDIS_URL"] == "redis://:another@10.0.0.1:6379/0"
        # Several of each may run: nothing of a container is given a name or a port.
        assert "container_name" not in services[name]


def test_the_password_of_redis_is_asked_for_by_redis() -> None:
    redis = composed.services(VARIABLES)["redis"]

    assert redis["command"][redis["command"].index("--requirepass") + 1] == "another"
    assert redis["environment"] == {"REDISCLI_AUTH": "another"}


def test_the_recipe_for_more_hosts_opens_what_they_look_for() -> None:
    (recipe,) = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    services = composed.services(VARIABLES)
    opened = yaml.safe_load(recipe)["services"]

    assert opened.keys() == {"postgres", "redis"}
    # What is opened leads to where it is looked for, on an address of the private network alone.
    (address,) = set(re.findall(r"(?:DATABASE|REDIS)_HOST=(\S+)", README))
    ports = {name: service["ports"] for name, service in opened.items()}
    assert ports == {"postgres": [f"{address}:5432:5432"], "redis": [f"{address}:6379:6379"]}
    # Every service that a command of README names is one.
    named = re.findall(r"docker compose (?:up|stop)([^`\n]*)", README)
    words = {word.partition("=")[0] for line in named for word in line.split() if not word.startswith("--")}
    assert {word for word in words if word[0].isalpha()} <= services.keys()
    assert {"worker-transactional", "worker-mass"} <= words


def test_nothing_waits_for_less_than_it_needs() -> None:
    services = composed.services(VARIABLES)

    for name in OURS - {"migrate"}:
        assert services[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
        # A worker has half a minute for what is on the wire.
        if name.startswith("worker"):
            assert services[name]["stop_grace_period"] == "35s"
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_only_the_web_is_reached_and_only_from_this_machine() -> None:
    services = composed.services(VARIABLES)

    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


def test_no_process_of_ours_runs_as_root() -> None:
    names = [name for name, _ in composed.instructions()]

    assert ("USER", "daeris") in composed.instructions()
    assert names.index("USER") < names.index("CMD")
    for name in OURS:
        service = composed.services(VARIABLES)[name]
        assert "user" not in service
        assert service["cap_drop"] == ["ALL"]


def test_without_a_password_the_file_says_where_to_get_one() -> None:
    for name in VARIABLES:
        with pytest.raises(composed.MissingVariableError, match=rf"{name}: is made by python -m daeris\.keys"):
            composed.services({key: value for key, value in VARIABLES.items() if key != name})


def test_the_image_starts_what_the_web_service_starts() -> None:
    (command,) = [rest for name, rest in composed.instructions() if name == "CMD"]

    assert json.loads(command) == composed.services(VARIABLES)["web"]["command"]


def test_what_the_image_takes_is_there() -> None:
    assert composed.copied()
    for source in composed.copied():
        assert source.exists(), source
    # What the build reads does not stay outside.
    ignored = (PROJECT / ".dockerignore").read_text().split()
    assert not {
        "mail",
        "chatter",
        "daeris",
        "templates",
        "static",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "hatch_build.py",
        "requirements",
        ".gitignore",
    } & set(ignored)
    assert {".git", "var", ".venv*"} <= set(ignored)


@pytest.mark.peers
def test_the_image_collects_its_static_files(installed: Path, tmp_path: Path) -> None:
    (line,) = [rest for name, rest in composed.instructions() if name == "RUN" and "collectstatic" in rest]
    # The folders of the image stand here instead, and its programs are this environment's.
    own = {"DAERIS_DATA": str(tmp_path / "data"), "STATIC_ROOT": str(tmp_path / "static"), "PYTHONPATH": str(installed)}
    env = {**composed.image_env(), **own, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    run(["/bin/sh", "-c", line], tmp_path, **env)

    manifest = json.loads((tmp_path / "static" / "staticfiles.json").read_text())["paths"]
    assert {"css/base.css", "js/app.js", "fonts/inter-latin.woff2"} <= manifest.keys()
    assert (tmp_path / "static" / f"{manifest['css/base.css']}.br").is_file()
    # Nothing is written where the volume will be.
    assert not (tmp_path / "data").exists()


def test_the_image_installs_only_what_is_locked() -> None:
    installs = [
        words
        for name, rest in composed.instructions()
        if name == "RUN"
        for words in [shlex.split(rest)]
        if "-r" in words
    ]

    (words,) = installs
    assert words[words.index("-r") + 1] == "requirements/run.lock"
    assert "--require-hashes" in words
