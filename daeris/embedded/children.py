"""Child processes: started, watched, started again, ended."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

# A child that dies this often within the window does so for a reason that starting it again will not mend.
MOST_DEATHS = 3
DEATH_WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class Child:
    """A process of ours: what it is called, its command, and how long it may take to end."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log_path: Path
    patience: float = 10.0
    _process: "subprocess.Popen[bytes] | None" = None
    _deaths: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl+C reaches only us and children end in their order."""
        with self._open_log() as log:
            self._process = subprocess.Popen(  # noqa: S603  the command is ours
                list(self.command),
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(_die_with, os.getpid()) if sys.platform == "linux" else None,
            )

    @property
    def has_died(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def note_death(self) -> bool:
        """Count a death; whether it may be started again."""
        clock = time.monotonic()
        self._deaths = [*(death for death in self._deaths if clock - death < DEATH_WINDOW_SECONDS), clock]
        return len(self._deaths) < MOST_DEATHS

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        try:
            text = self.log_path.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def ask_to_end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait_for_end(self) -> None:
        """Wait as long as its patience says, then end it the hard way."""
        if self._process is None:
            return
        try:
            self._process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _open_log(self) -> IO[bytes]:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        # One run a file: what is read after a failure is about this run.
        return self.log_path.open("ab" if self._deaths else "wb")


def _die_with(parent: int) -> None:
    """Linux: end when the parent is killed, so that no process of ours is left behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)
