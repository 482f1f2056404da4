"""A private PostgreSQL, forgetful and quick unless asked to keep its word: nothing it holds outlives the tests."""

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

import psycopg

from tests.lab.ports import free_port
from tests.lab.proc import Process, private_folder, program

FOLDERS = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


class Postgres:
    """One server. `create_database()` answers with a URL as DATABASE_URL takes it.

    `durable` leaves all as PostgreSQL comes: a commit is on the disk before it is answered. Others than this machine
    reach it at `address`, when they are of `network`. `env` is more of its environment.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        address: str = "127.0.0.1",
        network: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._durable, self.address, self._network, self._env = durable, address, network, env or {}
        self._initdb = program("initdb", package="postgresql", folders=FOLDERS)
        self._postgres = program("postgres", package="postgresql", folders=FOLDERS)
        # It refuses to run as root.
        self._user = "nobody" if os.getuid() == 0 else None
        self.folder = private_folder("postgres", owner=self._user)
        self.port = free_port()
        self.log = self.folder / "log"

    def start(self) -> "Postgres":
        data = self.folder / "data"
        if not data.exists():
            subprocess.run(
                [
                    self._initdb,
                    "-D",
                    data,
                    "-U",
                    "daeris",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                    "--no-sync",
                ],
                check=True,
                capture_output=True,
                user=self._user,
                cwd=self.folder,
            )
            if self._network:
                with (data / "pg_hba.conf").open("a") as rules:
                    rules.write(f"host all all {self._network} trust\n")
        self.log.unlink(missing_ok=True)  # what it said before a restart tells nothing of this start
        settings = {
            "port": self.port,
            "listen_addresses": ",".join({"127.0.0.1": 0, self.address: 0}),
            "unix_socket_directories": "",
            "max_connections": 200,
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = Process(
            "PostgreSQL",
            [self._postgres, "-D", data, *options],
            log=self.log,
            env=os.environ | self._env,
            user=self._user,
            cwd=self.folder,
        )
        self._process.wait_for_output("ready to accept connections")
        return self

    def create_database(self, template: str = "") -> str:
        """The URL of a new database, empty or a copy of `template` (a URL of before, unused at the moment)."""
        name = f"daeris_{uuid.uuid4().hex[:12]}"
        source = template.rpartition("/")[2] or "template0"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        return self.url(name)

    def url(self, database: str) -> str:
        return f"postgres://daeris@{self.address}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def crash(self) -> None:
        """Be away until `start`: every session is cut off."""
        # SIGINT: end the sessions too. SIGTERM would wait for them to leave.
        self._process.stop(signal.SIGINT)

    def stop(self) -> None:
        self.crash()
        shutil.rmtree(self.folder)
