"""Every service of docker-compose.yml, started by its own command over a real PostgreSQL and Redis."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.ports import free_port
from tests.lab.postgres import FOLDERS, Postgres
from tests.lab.proc import Process, private_folder, program
from tests.lab.waiting import eventually
from tests.packaging import composed
from tests.packaging.conftest import run
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.peers

WORKERS = ("worker-transactional", "worker-mass", "worker-background")


class Composition:
    """The services as processes of this machine, out of the installed wheel.

    Commands and health checks are those of the file. What a container would give them is given by the environment
    alone: folders instead of volumes, ports of our own, loopback instead of the names `postgres` and `redis`.
    """

    def __init__(self, folder: Path, installed: Path, *, database_url: str, email_url: str) -> None:
        self.folder, self.port, self.redis_port = folder, free_port(), free_port()
        keys = run([sys.executable, "-m", "daeris.keys"], folder, PYTHONPATH=str(installed))
        dot_env = dict(line.split("=", 1) for line in keys.splitlines()) | {"EMAIL_URL": email_url}
        self.services = composed.services(dot_env)
        self.processes: dict[str, Process] = {}
        own_args = composed.image_env()["GUNICORN_CMD_ARGS"]
        path = [str(Path(sys.executable).parent), *FOLDERS, os.environ["PATH"]]
        self._env = dot_env | {
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(installed),
            "HOSTNAME": socket.gethostname(),  # as an engine sets it
            "DAERIS_DATA": str(folder),
            "STATIC_ROOT": str(folder / "static"),
            "GUNICORN_CMD_ARGS": own_args.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}"),
            "DAERIS_HEALTH_URL": f"http://127.0.0.1:{self.port}/healthz",
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://:{dot_env['REDIS_PASSWORD']}@127.0.0.1:{self.redis_port}/0",
            "PGHOST": "127.0.0.1",
            "PGPORT": database_url.rpartition(":")[2].split("/")[0],
        }

    def env(self, name: str) -> dict[str, str]:
        given = {key: str(value) for key, value in self.services[name].get("environment", {}).items()}
        return {**composed.image_env(), **given, **self._env}

    def start(self, name: str, *more: str) -> Process:
        """Start a service by its command; `more` is for a program that reads no environment."""
        command = [*self.services[name]["command"], *more]
        log = self.folder / f"{name}.log"
        self.processes[name] = Process(name, command, log=log, env=self.env(name), cwd=self.folder)
        return self.processes[name]

    def is_healthy(self, name: str, *options: str) -> bool:
        """What its health check says; `options` are for a program that reads no environment."""
        first, *rest = composed.health_command(self.services[name])
        command = [first, *options, *rest]
        done = subprocess.run(command, env=self.env(name), cwd=self.folder, capture_output=True, timeout=60)
        return done.returncode == 0

    def wait_until_healthy(self, name: str) -> None:
        process = self.processes[name]
        eventually(lambda: not process.is_running or self.is_healthy(name), deadline=60, says=f"{name} is not well")
        assert process.is_running, f"{name} ended"

    def python(self, code: str) -> None:
        run([sys.executable, "-c", f"import django; django.setup()\n{code}"], self.folder, **self.env("web"))


@pytest.fixture
def composition(installed: Path, postgres: Postgres, smtp_double: SmtpDouble) -> Iterator[Composition]:
    folder = private_folder("composed")
    (folder / "static").mkdir()
    made = Composition(folder, installed, database_url=postgres.create_database(), email_url=smtp_double.url)
    yield made
    for process in made.processes.values():
        if process.is_running:
            process.kill()
    for log in sorted(folder.glob("*.log")):
        print(f"---- {log.name}\n{log.read_text(errors='replace')[-3000:]}")  # noqa: T201
    shutil.rmtree(folder)


def test_the_services_deliver_a_mail_and_say_that_they_are_well(
    composition: Composition, smtp_double: SmtpDouble
) -> None:
    program("redis-server", package="redis-server")
    assert not composition.is_healthy("web")
    # Redis and its client take a port from nowhere but their command line.
    own = ["--port", str(composition.redis_port), "--bind", "127.0.0.1", "--dir", str(composition.folder)]
    composition.start("redis", *own).wait_for_port(composition.redis_port)
    assert composition.is_healthy("redis", "-p", str(composition.redis_port))
    assert composition.is_healthy("postgres")
    assert composition.start("migrate").wait(deadline=60) == 0

    for name in ("web", *WORKERS, "schedule"):
        composition.start(name)
    for name in ("web", *WORKERS, "schedule"):
        composition.wait_until_healthy(name)
    composition.python(
        "from django.core.mail import send_mail\n"
        "send_mail('Presupuesto', 'Hola', 'marta@miempresa.example', ['julia@levante.example'])"
    )

    (mail,) = smtp_double.wait_for(1, deadline=20)
    assert mail.recipients == ("julia@levante.example",)
    assert mail.message["Subject"] == "Presupuesto"
    ends_in_time(composition)


def ends_in_time(composition: Composition) -> None:
    """`docker compose stop` sends SIGTERM and waits as long as the file says."""
    for name in ("schedule", "web", *WORKERS):
        process = composition.processes[name]
        grace: Any = composition.services[name].get("stop_grace_period", "10s")
        assert process.stop(signal.SIGTERM, deadline=int(grace.removesuffix("s"))) == 0, name
    for name in ("web", "worker-transactional"):
        assert not composition.is_healthy(name), name
