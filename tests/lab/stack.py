"""Daeris as an operator runs it: its own processes, over a real database and a real broker."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg

from tests.lab.proc import Process

PROJECT = Path(__file__).resolve().parents[2]
CELERY = [sys.executable, "-m", "celery", "-A", "daeris"]


class Stack:
    """An installation in a folder of its own.

    `database_url` is empty for SQLite in that folder; `redis_url` is empty for no bell. Everything else that
    the settings read comes by keyword: `Stack(folder, EMAIL_URL=double.url, MAIL_LEASE_SECONDS=3)`.
    """

    def __init__(self, folder: Path, *, database_url: str = "", redis_url: str = "", **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.sqlite = folder / "daeris.sqlite3"
        self.database_url = database_url
        # Nothing of the shell's environment but what programs need to run at all.
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ} | {
            "DAERIS_DATA": str(folder),
            "DAERIS_DEMO": "0",
            "DATABASE_URL": database_url or f"sqlite:///{self.sqlite}",
            "REDIS_URL": redis_url,
            "DJANGO_SETTINGS_MODULE": "daeris.settings",
            "PYTHONUNBUFFERED": "1",
            **{name: str(value) for name, value in settings.items()},
        }
        self.processes: list[Process] = []

    # -- Commands ----------------------------------------------------------------------------------
    def manage(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `manage.py ARGUMENTS`; a failure is the test's, unless `check` is off."""
        return self._run(["manage.py", *arguments], stdin, check)

    def manage_json(self, *arguments: str, stdin: str = "") -> Any:
        """What `manage.py ARGUMENTS --json` prints."""
        return json.loads(self.manage(*arguments, "--json", stdin=stdin).stdout)

    def python(self, code: str, *arguments: str) -> Any:
        """Run Python inside this installation; what it printed, read as JSON when it printed something."""
        done = self._run(["-c", f"import django; django.setup()\n{code}", *arguments], "", check=True)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def _run(self, arguments: Sequence[str], stdin: str, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.env,
            cwd=PROJECT,
            timeout=300,
        )
        if check:
            assert done.returncode == 0, f"{arguments[:2]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    # -- Processes ---------------------------------------------------------------------------------
    def worker(self, *queues: str, name: str = "", code: str = "") -> Process:
        """A Celery worker for these queues (the transactional one by default), ready to work.

        `code` stands in for the module that starts Celery.
        """
        name = name or f"worker{len(self.processes) + 1}"
        begins = [CELERY[0], "-c", code, *CELERY[3:]] if code else CELERY
        command = [*begins, "worker", "-P", "threads", "-c", "2", "-n", f"{name}@lab", "-l", "INFO"]
        process = self.start(name, [*command, "-Q", ",".join(queues or ("transactional",))])
        process.wait_for_output(" ready.")
        return process

    def beat(self) -> Process:
        """The schedule."""
        process = self.start("beat", [*CELERY, "beat", "-l", "INFO", "-s", str(self.folder / "schedule")])
        process.wait_for_output("beat: Starting")
        return process

    def start(self, name: str, command: Sequence[str], **env: str) -> Process:
        """Any process inside this installation; stopped at the end."""
        log = self.folder / f"{name}.log"
        process = Process(name, command, log=log, env=self.env | env, cwd=PROJECT)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """Stop all that still runs."""
        with ExitStack() as stopping:
            for process in self.processes:
                stopping.callback(process.stop)

    def close(self) -> None:
        """Stop all that still runs, and print the logs, which pytest shows beside a failure."""
        self.stop()
        for log in sorted(self.folder.glob("*.log")):
            print(f"---- {log.name}\n{log.read_text(errors='replace')[-6000:]}")  # noqa: T201

    # -- The database ------------------------------------------------------------------------------
    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query; `%s` marks a parameter."""
        if self.database_url:
            with psycopg.connect(self.database_url) as connection:
                return connection.execute(query, parameters).fetchall()  # type: ignore[arg-type]
        with closing(sqlite3.connect(self.sqlite, timeout=20)) as connection:
            return connection.execute(query.replace("%s", "?"), parameters).fetchall()  # type: ignore[arg-type]

    def states(self) -> dict[str, int]:
        """How many mails there are in each state."""
        return dict(self.sql("SELECT state, count(*) FROM mail_mail GROUP BY state"))  # type: ignore[arg-type]

    def copy_database(self, source: "Stack") -> None:
        """Begin with a copy of another SQLite installation, whose keys come along."""
        for name in ("daeris.sqlite3", "secrets.env"):
            shutil.copy2(source.folder / name, self.folder / name)
