"""A receiving server in a process of its own, which writes each mail down before it says that it has it."""

import os
import re
import ssl
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab.ca import Certificate
from tests.lab.smtp_session import Received
from tests.lab.waiting import eventually
from tests.peers.faults.talking import Talker, answer_on_stdin
from tests.smtp_double import SmtpDouble

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>\s]+>)", re.IGNORECASE | re.MULTILINE)


class Entry(NamedTuple):
    """A mail that was accepted: which one, for whom, by which connection, and when."""

    message_id: str
    recipient: str
    connection: int
    moment: float


class Receiver:
    """The tests' end: gives orders (see `SmtpDouble`), and reads the journal."""

    def __init__(self, folder: Path, *, port: int, host: str = "127.0.0.1", pace: float = 0) -> None:
        self.port = port
        self.journal = folder / "accepted"
        self.journal.touch()
        self._read_up_to = 0
        self._entries: list[Entry] = []
        self._talker = Talker(
            "tests.peers.faults.receiver", host, port, self.journal, pace, log=folder / "receiver.log"
        )
        self._talker.ask("start")

    @property
    def entries(self) -> list[Entry]:
        """Every mail accepted so far, in order."""
        with self.journal.open() as journal:
            journal.seek(self._read_up_to)
            for line in journal:
                if not line.endswith("\n"):
                    break
                self._read_up_to += len(line)
                message_id, recipient, connection, moment = line.split()
                self._entries.append(Entry(message_id, recipient, int(connection), float(moment)))
        return self._entries

    def accepted(self, prefix: str) -> Counter[str]:
        """How often each recipient of this row got a mail; the row's addresses begin like this."""
        mine = [entry for entry in self.entries if entry.recipient.startswith(prefix)]
        counted = Counter(entry.recipient for entry in mine)
        # One mail each: the same recipient always under the same Message-ID, also the second time.
        assert len({(entry.message_id, entry.recipient) for entry in mine}) == len(counted)
        return counted

    def order(self, order: str, *arguments: object, **options: object) -> None:
        """`answer`, `close`, `delay`, `hang` or `behave` of the double."""
        self._talker.ask("order", order=order, arguments=arguments, options=options)

    def speak_slowly(self, slowly: bool) -> None:
        """Every answer in packets of one byte."""
        self._talker.ask("speak_slowly", slowly=slowly)

    def offer_tls(self, certificate: Certificate | None) -> None:
        """Listen anew, with STARTTLS and this certificate, or in the clear; every connection is dropped."""
        self._talker.ask("offer_tls", files=_files(certificate) if certificate else None)

    def change_certificate(self, certificate: Certificate) -> None:
        """Whoever connects from now on is shown this one."""
        self._talker.ask("change_certificate", files=_files(certificate))

    def wait_until_heard(self, command: str, number: int) -> None:
        """Return once it was given this command so many times more."""
        before = self._talker.ask("heard", command=command)
        eventually(lambda: self._talker.ask("heard", command=command) >= before + number)

    def wait_until_obeyed(self) -> None:
        """Return once it has done so often what it was told to do some times."""
        eventually(lambda: self._talker.ask("orders_left") == 0)

    @property
    def violations(self) -> list[str]:
        """What a client may not do and did."""
        found: list[str] = self._talker.ask("violations")
        return found

    def stop(self) -> None:
        self._talker.stop()


def _files(certificate: Certificate) -> list[str]:
    return [str(certificate.certificate), str(certificate.key)]


# -- The server's end -------------------------------------------------------------------------------


class Journal(list[Received]):
    """The mails of a double, each on the disk before it is answered."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)

    def append(self, mail: Received) -> None:
        found = _MESSAGE_ID.search(mail.data)
        message_id = found[1].decode() if found else "-"
        os.write(self._file, f"{message_id} {mail.recipients[0]} {mail.connection} {time.time()}\n".encode())


def main(host: str, port: int, journal: Path, pace: float) -> None:
    double = SmtpDouble(host=host, port=port, mails=Journal(journal), pace=pace)

    def order(order: str, arguments: list[Any], options: dict[str, Any]) -> None:
        getattr(double, order)(*arguments, **options)

    def speak_slowly(slowly: bool) -> None:
        double.slowly = slowly

    def offer_tls(files: list[str] | None) -> None:
        double.stop()
        double.security, double.tls = "none", None
        if files:
            double.security, double.tls = "starttls", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            change_certificate(files)
        double.start()

    def change_certificate(files: list[str]) -> None:
        assert double.tls
        double.tls.load_cert_chain(*files)

    answer_on_stdin(
        {
            "start": lambda: double.start() and None,
            "order": order,
            "speak_slowly": speak_slowly,
            "offer_tls": offer_tls,
            "change_certificate": change_certificate,
            "heard": lambda command: sum(line.upper().startswith(command) for line in double.commands),
            "orders_left": lambda: double.orders_left,
            "violations": lambda: double.violations,
        }
    )
    double.stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
