"""Daeris started by its one command, and what can be seen of it from outside."""

import http.cookiejar
import os
import re
import socket
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from daeris.embedded.stack import SOCKET, broker_folder_of
from tests.lab.ports import free_port
from tests.lab.proc import Process
from tests.lab.stack import PROJECT
from tests.lab.waiting import eventually

TCP_LISTEN = "0A"


class Installation:
    """A data folder and a port. `start` runs `manage.py run` there; its output is `process.output()`."""

    def __init__(self, data: Path, log: Path) -> None:
        self.data, self.log, self.port = data, log, free_port()
        self.process: Process | None = None

    @property
    def env(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {**inherited, "DAERIS_DATA": str(self.data)}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self, *arguments: str) -> Process:
        """Start the command without waiting for what becomes of it."""
        self.log.write_text("")
        command = [sys.executable, "manage.py", "run", *(arguments or ("--port", str(self.port)))]
        self.process = Process("run", command, log=self.log, env=self.env, cwd=PROJECT)
        return self.process

    def start(self, deadline: float = 60) -> float:
        """Start it; the seconds until it said that it is ready, without those that the machine spent on others."""
        began, busy = time.monotonic(), _busy_seconds()
        self.launch().wait_for_output("Ctrl+C ends it.", deadline=deadline)
        seconds = time.monotonic() - began
        others = _busy_seconds() - busy - sum(map(_cpu_seconds, self.processes()))
        assert self.get("/login/")[0] == 200
        return seconds - max(0.0, others) / (os.cpu_count() or 1)

    def output(self) -> str:
        return self.log.read_text()

    # -- Over HTTP ---------------------------------------------------------------------------------
    def get(self, path: str) -> tuple[int, str]:
        """Status and page, for a stranger."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def answers(self) -> bool:
        try:
            return self.get("/login/")[0] == 200
        except OSError:
            return False

    def log_in(self, username: str, password: str) -> str:
        """The address of the first page after logging in."""
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        with browser.open(f"{self.url}/login/", timeout=10) as page:
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
        assert token
        form = {"username": username, "password": password, "csrfmiddlewaretoken": token[1]}
        headers = {"Referer": f"{self.url}/login/"}
        request = urllib.request.Request(f"{self.url}/login/", urllib.parse.urlencode(form).encode(), headers)
        with browser.open(request, timeout=10) as answer:
            return str(answer.geturl())

    # -- The database ------------------------------------------------------------------------------
    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "daeris.sqlite3", timeout=20)) as connection:
            return connection.execute(query, parameters).fetchall()

    def captured(self, subject: str) -> list[str]:
        """Who received a mail with this subject."""
        found = self.sql("SELECT recipient FROM demo_capturedmail WHERE subject = ? ORDER BY id", subject)
        return [recipient for (recipient,) in found]

    # -- Its processes (Linux) ---------------------------------------------------------------------
    def processes(self) -> dict[int, str]:
        """Every process that belongs to this data folder, by what it was started with."""
        mark = f"DAERIS_DATA={self.data}".encode()
        socket = str(broker_folder_of(self.data) / SOCKET)
        found = {}
        for pid, folder in _processes():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                # Valkey writes its title over its environment.
                if socket in command or (command and mark in (folder / "environ").read_bytes().split(b"\0")):
                    found[pid] = command
            except OSError:  # it has ended meanwhile
                continue
        return found

    def children(self) -> dict[int, str]:
        """The processes that the command has started itself."""
        assert self.process
        return {pid: command for pid, command in self.processes().items() if _parent(pid) == self.process.pid}

    def listening(self) -> set[str]:
        """The addresses ("127.0.0.1:8000") on which its processes listen."""
        sockets = {inode for pid in self.processes() for inode in _sockets(pid)}
        return {address for inode, address in _listeners() if inode in sockets}

    def wait_until_gone(self, deadline: float = 15) -> None:
        """Nothing of it is left."""
        eventually(lambda: not self.processes(), deadline=deadline, says=lambda: str(self.processes()))

    def kill_what_is_left(self) -> None:
        if self.process:
            self.process.kill()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.wait_until_gone()


def _processes() -> Iterator[tuple[int, Path]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            yield int(folder.name), folder


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _busy_seconds() -> float:
    """What all processors together have worked since the machine started."""
    user, nice, system, _idle, _waiting, *others = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    return sum(map(int, (user, nice, system, *others))) / os.sysconf("SC_CLK_TCK")


def _sockets(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def _listeners() -> Iterator[tuple[str, str]]:
    """Inode and address of every listening TCP socket of this machine."""
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == TCP_LISTEN:
                host, port = local.split(":")
                # Each 32-bit word stands in the machine's own byte order.
                words = [bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8)]
                yield rest[5], f"{socket.inet_ntop(family, b''.join(words))}:{int(port, 16)}"
