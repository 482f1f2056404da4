"""A private Exim: a mail server of another make, for what must not hold of Postfix alone."""

import email
import email.policy
import shutil
from email.message import EmailMessage
from pathlib import Path

from tests.lab.ca import Authority
from tests.lab.ports import free_port
from tests.lab.proc import BESIDE, Process, private_folder, program
from tests.lab.waiting import eventually

USER, PASSWORD = "alice@lab.test", "la-clave-de-Alice"


class Exim:
    """One instance with STARTTLS and a log-in, which lets nobody send as anybody else. Keeps what it accepts."""

    host = "127.0.0.1"

    def __init__(self, authority: Authority) -> None:
        self._exim = program("exim4", package="exim4-daemon-light", folders=[BESIDE])
        self.folder = private_folder("exim", owner="Debian-exim")
        self.port = free_port()
        for name in ("spool", "log", "mail"):
            (self.folder / name).mkdir()
            shutil.chown(self.folder / name, "Debian-exim", "Debian-exim")
        key = self.folder / "server.key"
        shutil.copy(authority.server.key, key)
        shutil.chown(key, "Debian-exim", "Debian-exim")
        values = {
            "exim": self._exim,
            "folder": self.folder,
            "port": self.port,
            "certificate": authority.server.certificate,
            "key": key,
            "user": USER,
            "password": PASSWORD,
        }
        self._config = self.folder / "exim.conf"
        self._config.write_text((Path(__file__).parent / "exim.conf").read_text().format(**values))
        self._process: Process | None = None

    def start(self) -> "Exim":
        # In the foreground, so that it ends when it is told to; what it accepts is delivered at once.
        command = [self._exim, "-C", self._config, "-bdf", "-q5s"]
        self._process = Process("Exim", command, log=self.folder / "exim.log")
        self._process.wait_for_port(self.port)
        return self

    def stop(self) -> None:
        if self._process:
            self._process.stop()
        shutil.rmtree(self.folder)

    def log(self) -> str:
        logs = sorted((self.folder / "log").glob("*log"))
        return "\n".join(path.read_text(errors="replace") for path in logs)[-4000:]

    def wait_for(self, message_id: str, deadline: float = 10) -> EmailMessage:
        """The mail with this Message-ID, once it has arrived."""
        return eventually(
            lambda: next((mail for mail in self._mails() if mail["Message-ID"] == message_id), None),
            deadline=deadline,
            says=lambda: f"no {message_id}; Exim said:\n{self.log()}",
        )

    def _mails(self) -> list[EmailMessage]:
        files = (self.folder / "mail" / "new").glob("*")
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]
