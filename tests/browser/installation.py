"""Daeris as a newcomer starts it: one command, everything real, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.lab.ports import free_port, is_listening
from tests.lab.proc import Process
from tests.lab.stack import PROJECT
from tests.lab.waiting import eventually

LAST_WORDS = "Ctrl+C ends it."


class Installation:
    """`manage.py run` with the demo company; `url` and `passwords` are known once it is started."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data = folder / "data"
        # Nothing of the shell's environment but what programs need to run at all.
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        env |= {"DAERIS_DATA": str(self._data), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "manage.py", "run", "--port", str(self.port)]
        self._process = Process("manage.py run", command, log=folder / "run.log", env=env, cwd=PROJECT)
        self._process.wait_for_output(LAST_WORDS, deadline=120)
        self.passwords: dict[str, str] = json.loads((self._data / "demo-logins.json").read_text())

    def story(self) -> str:
        """What it said, and what its parts said: for the reader of a failure."""
        logs = sorted((self._data / "logs").glob("*.log"))
        return "\n".join([self._process.output(), *(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in logs)])

    def end(self) -> None:
        """Ctrl+C, and nothing of it may be left."""
        processes = _descendants(self._process.pid)
        assert len(processes) >= 6, f"broker, web, schedule, two workers and mail server: {processes}\n{self.story()}"
        code = self._process.stop(signal.SIGINT, deadline=90)
        assert code == 0, f"ended with {code}\n{self.story()}"
        eventually(lambda: not processes & _parents().keys(), says=lambda: f"still there: {processes}", deadline=10)
        assert not is_listening(self.port)


def _parents() -> dict[int, int]:
    """Every process of this machine, and its parent."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in listed.splitlines()]
    return {int(pid): int(parent) for pid, parent, state in lines if not state.startswith("Z")}


def _descendants(pid: int) -> set[int]:
    parents = _parents()
    found, before = {pid}, 0
    while len(found) > before:
        before = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}
