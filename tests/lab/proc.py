"""Processes of the laboratory: started with a log, waited for by what they do, ended by their own id."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.ports import is_listening
from tests.lab.waiting import eventually

# Where tests/packages.sh unpacks what Debian does not let stand beside the rest.
BESIDE = "/usr/local/lib/daeris-tests/usr/sbin"


class MissingPackageError(Exception):
    """A program that a test needs is not installed; says which package brings it."""


def program(name: str, *, package: str, folders: Sequence[str] = ()) -> str:
    """The path of a program; raises MissingPackageError naming the package when there is none."""
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if not found:
        raise MissingPackageError(
            f"{name} is not installed: apt-get install {package} (or run `make test` as root on Debian)"
        )
    return found


def private_folder(name: str, *, owner: str | None = None) -> Path:
    """A new folder that other accounts may enter; servers drop their rights and need to reach their files."""
    folder = Path(tempfile.mkdtemp(prefix=f"daeris-{name}-"))
    folder.chmod(0o755)
    if owner and os.getuid() == 0:
        account = pwd.getpwnam(owner)
        os.chown(folder, account.pw_uid, account.pw_gid)
    return folder


# A run that is killed takes its servers along; where this program is missing, they are left to whoever killed it.
ENDS_WITH_US = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


class Process:
    """A running program. Its output goes to `log`; it is ended by `stop`, `kill`, or leaving a `with`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.name, self.log = name, log
        account = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        with log.open("ab") as output:
            # A session of its own: Ctrl+C reaches pytest alone, which then ends everything in order.
            self._process = subprocess.Popen(
                [*ENDS_WITH_US, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
                **account,  # type: ignore[call-overload]
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_port(self, port: int, deadline: float = 20) -> None:
        """Return once something accepts connections there; fail at once when the process has ended."""
        eventually(lambda: self._alive() and is_listening(port), deadline=deadline, says=self._story)

    def wait_for_output(self, text: str, deadline: float = 20) -> None:
        """Return once it has said this; fail at once when the process has ended without."""
        eventually(lambda: text in self.output() or not self._alive(), deadline=deadline, says=self._story)

    def wait(self, deadline: float = 20) -> int:
        """Its exit code, once it has ended by itself."""
        eventually(lambda: not self.is_running, deadline=deadline, says=self._story)
        return self._process.returncode

    def stop(self, with_signal: int = signal.SIGTERM, deadline: float = 45) -> int:
        """Ask it to end and wait; its exit code. What does not listen is killed, and that is a failure."""
        if self.is_running:
            self._process.send_signal(with_signal)
        try:
            return self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} did not end within {deadline} s of signal {with_signal}; {self._story()}"
            ) from None

    def signal(self, number: int) -> None:
        """Send it this signal, and wait for nothing."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9: no chance to tidy up."""
        self._process.kill()
        self._process.wait()

    def _alive(self) -> bool:
        assert self.is_running, f"{self.name} ended with {self.returncode}; {self._story()}"
        return True

    def _story(self) -> str:
        return f"{self.name} said:\n{self.output()[-4000:]}"

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
