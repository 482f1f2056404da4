"""The receiving servers: how they are started, and what they got."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.bench.environment import PYTHON
from tests.bench.talking import until
from tests.lab.ca import Authority
from tests.lab.ports import free_port
from tests.lab.proc import Process, private_folder, program
from tests.lab.stack import PROJECT

# plain: Postfix's smtp-sink, in C. stamped: notes recipients and times. tls: so too, after STARTTLS.
# far: each answer after 10 ms, the one to the end of the data after 50, as servers on the Internet do.
Kind = Literal["plain", "stamped", "tls", "far"]
DELAYS = {"stamped": ("0", "0"), "tls": ("0", "0"), "far": ("0.010", "0.050")}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a sink listens, and whose certificates to trust when it wants STARTTLS."""

    port: int
    trusted: str = ""  # PEM


class Sink:
    """One receiving server, fresh for each run."""

    def __init__(self, kind: Kind, authority: Authority) -> None:
        self._folder, self._kind, self._seen, self._read = private_folder("sink"), kind, 0, 0
        port = free_port()
        self.address = Address(port, authority.certificate.read_text() if kind == "tls" else "")
        self._count = self._folder / "count"
        self._count.touch()
        command: list[str | Path]
        if kind == "plain":
            user = ["-u", "nobody"] if os.geteuid() == 0 else []
            command = [program("smtp-sink", package="postfix"), *user, "-c", f"127.0.0.1:{port}", "1000"]
        else:
            command = [PYTHON, "-m", "tests.bench.sink_server", str(port), self._count, *DELAYS[kind]]
            if kind == "tls":
                issued = authority.server
                command += [issued.certificate, issued.key]
        log = self._count if kind == "plain" else self._folder / "log"
        self._process = Process(f"sink {kind}", command, log=log, cwd=PROJECT)
        self._process.wait_for_port(port)
        self._own = self.count()  # smtp-sink counts no session that only looked whether it is there

    @property
    def pid(self) -> int:
        return self._process.pid

    def count(self) -> int:
        """Mails accepted so far."""
        with self._count.open("rb") as file:
            if self._kind != "plain":
                file.seek(self._read)
                new = file.read()
                self._read += len(new)
                self._seen += new.count(b"\n")
                return self._seen
            file.seek(max(0, file.seek(0, os.SEEK_END) - 120))
            whole, _, _ = file.read().rpartition(b"\r")
        _, _, last = whole.rpartition(b"mesg=")
        return int(last.split()[0]) if last.split() and b"mesg=" in whole else 0

    def accepted(self) -> dict[str, float]:
        """Each recipient and when the mail was accepted; not for plain ones, which only count."""
        lines = (line.split() for line in self._count.read_text().splitlines())
        return {recipient: float(moment) for recipient, moment in lines}

    def wait_for(self, number: int, deadline: float) -> float:
        """When (by the wall clock) so many had been accepted."""
        return until(
            lambda: self.count() >= number, deadline=deadline, what=f"{number} mails accepted, last {self._seen}"
        )

    def stop(self) -> None:
        self._process.stop()
        shutil.rmtree(self._folder)
