"""A private Redis that keeps nothing."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from tests.lab.ports import free_port
from tests.lab.proc import Process, private_folder, program


class Redis:
    """One server. It may be stopped and started again; it keeps its port and forgets the rest.

    Others than this machine reach it at `address`.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self._redis = program("redis-server", package="redis-server")
        self.folder = private_folder("redis")
        self.port = free_port()
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.address}:{self.port}/0"

    def start(self) -> "Redis":
        addresses = list(dict.fromkeys(["127.0.0.1", self.address]))
        command = [self._redis, "--port", str(self.port), "--bind", *addresses, "--save", "", "--appendonly", "no"]
        open_to_all = ["--protected-mode", "no", "--dir", self.folder]
        self._process = Process("Redis", [*command, *open_to_all], log=self.folder / "log")
        self._process.wait_for_port(self.port)
        return self

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """kill -9; `start` brings it back, knowing nothing."""
        if self._process:
            self._process.kill()
            self._process = None

    def ask(self, *command: str) -> Any:
        """Its answer to one command."""
        with redis.Redis(port=self.port) as client:
            return client.execute_command(*command)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """For a while it takes connections and says nothing, as a server that swaps or hangs does."""
        assert self._process
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    @contextmanager
    def dead(self) -> Iterator[None]:
        """For a while it is not there, and afterwards it has forgotten everything."""
        self.stop()
        yield
        self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)
