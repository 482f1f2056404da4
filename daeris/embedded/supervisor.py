"""Starts everything, says when it is ready, watches it, ends it."""

import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from daeris.embedded import stack
from daeris.embedded.children import Child
from daeris.embedded.preparing import CannotRun

READY_SECONDS = 60.0
WORKERS = 2


class Supervisor:
    """One running Daeris: `start`, then `watch` until a signal or a failure, then `end`."""

    def __init__(self, *, host: str, port: int, say: Callable[[str], None]) -> None:
        self.host, self.port = host, port
        self._say = say
        self._logs: Path = settings.DATA_DIR / "logs"
        self._children: list[Child] = []
        self._stop = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Start the broker, then the rest; returns when the log-in page and the workers answer. Raises CannotRun."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        redis_url = settings.REDIS_URL or self._start_broker()
        env = stack.environment(redis_url=redis_url, host=self.host, port=self.port)
        for child in stack.services(env, host=self.host, port=self.port, logs=self._logs):
            self._launch(child)
        self._wait_until("the log-in page answers", self._web_answers)
        self._wait_until("the workers answer", lambda: self._workers_answer(env["REDIS_URL"]))

    def watch(self) -> None:
        """Start again what dies; returns on a signal. Raises CannotRun when something dies again and again."""
        while not self._stop.wait(0.5):
            self._revive()

    def end(self) -> None:
        """End every child in its order: web first, the broker last."""
        broker = self._children[:1] if not settings.REDIS_URL else []
        others = [child for child in self._children if child not in broker]
        for child in others:
            child.ask_to_end()
        for child in others:
            child.wait_for_end()
        for child in broker:
            child.ask_to_end()
            child.wait_for_end()

    def _launch(self, child: Child) -> None:
        self._children.append(child)
        child.start()

    def _revive(self) -> None:
        for child in self._children:
            if child.has_died:
                if not child.note_death():
                    raise CannotRun(
                        f"The {child.name} ended again and again. Its last words:\n{child.last_words()}\n"
                        f"The whole log is {child.log_path}."
                    )
                self._say(f"The {child.name} ended unexpectedly and was started again; see {child.log_path}.")
                child.start()

    def _start_broker(self) -> str:
        folder = stack.broker_folder(settings.DATA_DIR)
        path = folder / "valkey.sock"
        path.unlink(missing_ok=True)
        self._launch(stack.broker(folder, self._logs))
        self._wait_until("the broker answers", lambda: _listens(path))
        return f"unix://{path}"

    def _wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not holds():
            if self._stop.is_set():
                raise CannotRun("Stopped before everything was ready.")
            if time.monotonic() > deadline:
                raise CannotRun(f"Waited {READY_SECONDS:.0f} s in vain until {what}; the logs are in {self._logs}.")
            self._revive()
            self._stop.wait(0.05)

    def _web_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/login/", timeout=5) as answer:  # noqa: S310  our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _workers_answer(self, redis_url: str) -> bool:
        from daeris.celery import app

        app.conf.broker_url = redis_url.replace("unix://", "redis+socket://", 1)
        return len(app.control.ping(timeout=1.0, limit=WORKERS)) >= WORKERS


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
