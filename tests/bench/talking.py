"""Processes that do what the benchmark asks, when it asks: one line of JSON there, one line back."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab.stack import PROJECT


class HelperError(Exception):
    """What was asked for went wrong over there."""


class Helper:
    """A Python module run as a process that answers. Its standard error goes to a log."""

    def __init__(
        self, module: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None, python: str | Path = ""
    ) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(python or sys.executable), "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=dict(env or os.environ),
                cwd=PROJECT,
                start_new_session=True,
            )
        self._name, self._log = module, log
        self.hear()  # it says that it is ready, so that its start is in nobody's figures

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, what: str, **how: Any) -> None:
        """Ask, and do not wait for the answer: `hear` it later."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"what": what, "how": how}) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The answer to the oldest question."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"it ended: {self._log.read_text()[-1500:]}"}
        if "error" in answer:
            raise HelperError(f"{self._name}: {answer['error']}")
        return answer["answer"]

    def ask(self, what: str, **how: Any) -> Any:
        self.tell(what, **how)
        return self.hear()

    def stop(self, deadline: float = 15) -> None:
        """Let it end; what does not listen is killed."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def serve(functions: Sequence[Callable[..., Any]]) -> None:
    """The other side: answer by these functions, called by name, until nobody asks any more."""
    known = {function.__name__: function for function in functions}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    _say(answers, {"answer": "ready"})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            _say(answers, {"answer": known[asked["what"]](**asked["how"])})
        except Exception as error:
            _say(answers, {"error": f"{type(error).__name__}: {error}"[:800]})


def _say(answers: Any, value: Any) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def until(is_so: Callable[[], bool], *, deadline: float, what: str, every: float = 0.004) -> float:
    """Wait for it, and the time (of the wall clock) at which it was so."""
    end = time.monotonic() + deadline
    while not is_so():
        if time.monotonic() > end:
            raise HelperError(f"not within {deadline:g} s: {what}")
        time.sleep(every)
    return time.time()
