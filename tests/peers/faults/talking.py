"""A process that does as it is asked: a line of JSON in, a line of JSON out."""

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.lab.proc import ENDS_WITH_US


class Talker:
    """A Python module running as a process of its own; what it prints besides goes to its log."""

    def __init__(self, module: str, *arguments: object, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        command = [*ENDS_WITH_US, sys.executable, "-m", module, *map(str, arguments)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=None if env is None else dict(env),
                cwd=Path(__file__).resolve().parents[3],
                start_new_session=True,
            )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self._lock = threading.Lock()

    def ask(self, duty: str, *, deadline: float = 60, **what: object) -> Any:
        """What the process answers; raises AssertionError with its own words when it could not do it."""
        with self._lock:
            self._in.write(json.dumps([duty, what]).encode() + b"\n")
            self._in.flush()
            try:
                answer = json.loads(self._line(deadline, duty))
            except BaseException:
                self._process.kill()  # an answer that comes too late must not be taken for the next one's
                raise
        assert "error" not in answer, f"{duty}: {answer['error']}"
        return answer["answer"]

    def _line(self, deadline: float, duty: str) -> bytes:
        line, end = b"", time.monotonic() + deadline
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                assert selector.select(end - time.monotonic()), f"no answer to {duty}; {self.log.read_text()[-2000:]}"
                piece = os.read(self._out.fileno(), 65536)
                assert piece, f"it ended at {duty}; {self.log.read_text()[-2000:]}"
                line += piece
        return line

    def stop(self) -> None:
        """It ends when nobody asks any more."""
        self._in.close()
        self._process.wait(15)
        self._out.close()


def answer_on_stdin(duties: Mapping[str, Callable[..., Any]]) -> None:
    """The other end: do what is asked until nobody asks any more."""
    for line in sys.stdin:
        duty, what = json.loads(line)
        try:
            answer = {"answer": duties[duty](**what)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)  # noqa: T201
