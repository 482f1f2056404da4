"""Starts everything, says when it is ready, watches it, ends it."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings

from daeris.embedded import stack
from daeris.embedded.children import Child
from daeris.embedded.preparing import CannotRun
from daeris.embedded.signals import Signals

READY_SECONDS = 60.0


class Supervisor:
    """One running Daeris: `start`, then `watch` until a signal or a failure, then `end`."""

    def __init__(self, *, host: str, port: int, say: Callable[[str], None]) -> None:
        self.host, self.port = host, port
        self._say = say
        self._logs: Path = settings.DATA_DIR / "logs"
        self._signals = Signals()
        self._broker: Child | None = None
        self._services: list[Child] = []

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Start everything; returns when the log-in page and the workers answer. Raises CannotRun."""
        self._signals.listen()
        redis_url = settings.REDIS_URL or self._start_broker()
        env = stack.environment(redis_url=redis_url, host=self.host, port=self.port)
        self._launch(stack.web(env, self._logs, host=self.host, port=self.port))
        if settings.DEMO:
            # Before the workers: what is due goes there at once.
            demo = self._launch(stack.demo_mail_server(env, self._logs))
            self._wait_until("the demo's mail server listens", lambda: stack.LISTENS in demo.last_words())
        workers = [self._launch(worker) for worker in stack.workers(env, self._logs)]
        self._wait_until("the log-in page answers", self._web_answers)
        self._wait_until("the workers answer", lambda: self._answer(workers, redis_url))
        # Nobody waits for it: the workers look by themselves when they start.
        self._launch(stack.schedule(env, self._logs))

    def watch(self) -> None:
        """Start again what dies; returns on a signal. Raises CannotRun when something dies again and again."""
        while not self._signals.wait(5):
            self._revive()

    def end(self) -> None:
        """End every child, the broker last: what the others still say to it is heard."""
        for child in self._services:
            child.ask_to_end()
        for child in self._services:
            child.wait_for_end()
        if self._broker:
            self._broker.ask_to_end()
            self._broker.wait_for_end()
            stack.forget_broker_folder(settings.DATA_DIR)

    def _launch(self, child: Child) -> Child:
        self._services.append(child)
        child.start()
        return child

    def _revive(self) -> None:
        children = [self._broker, *self._services] if self._broker else self._services
        for child in children:
            if child.has_died:
                if not child.note_death():
                    raise CannotRun(
                        f"The {child.name} ended again and again. Its last words:\n{child.last_words()}\n"
                        f"The whole log is {child.log_path}."
                    )
                self._say(f"The {child.name} ended unexpectedly and was started again; see {child.log_path}.")
                child.start()

    def _start_broker(self) -> str:
        path = stack.broker_folder(settings.DATA_DIR) / stack.SOCKET
        path.unlink(missing_ok=True)
        self._broker = stack.broker(path, self._logs)
        self._broker.start()
        self._wait_until("the broker answers", lambda: _listens(path))
        return f"unix://{path}"

    def _wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise CannotRun(f"Waited {READY_SECONDS:.0f} s in vain until {what}; the logs are in {self._logs}.")
            self._revive()
            if self._signals.wait(0.05):
                raise CannotRun("Stopped before everything was ready.")

    def _web_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/login/", timeout=5) as answer:  # noqa: S310  our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _answer(self, workers: Sequence[Child], redis_url: str) -> bool:
        from daeris.celery import app

        app.conf.update(broker_url=redis_url.replace("unix://", "redis+socket://", 1))
        # A worker that listens answers at once; one that comes later never hears this question.
        return len(app.control.ping(timeout=0.3, limit=len(workers)) or ()) >= len(workers)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
