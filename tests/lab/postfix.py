"""A private Postfix with one listener for each way in which a mail host behaves."""

import email
import email.policy
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from tests.lab.ca import Authority
from tests.lab.dovecot import Dovecot
from tests.lab.policy import Greylist
from tests.lab.ports import free_port, is_listening
from tests.lab.proc import private_folder, program
from tests.lab.waiting import eventually

HERE = Path(__file__).parent
DELIVERY_ID = 5000  # a bare number that owns the Maildir; no account is needed

# The log-ins, and the one address that each of them owns.
USERS = {"alice@lab.test": "una clave de Alice", "bob@lab.test": "otra clave, Bob"}
# How the listener `refusing` answers about some recipients and senders; to all others it says yes.
RECIPIENTS = {
    "nobody@lab.test": "550 5.1.1 No such user here",
    "full@lab.test": "452 4.2.2 Mailbox full",
    "later@lab.test": "451 4.7.1 Greylisted, please try again later",
    "spam@lab.test": "554 5.7.1 Message refused as spam",
}
SENDERS = {"stranger@lab.test": "550 5.7.60 Client does not have permissions to send as this sender"}

EXTENSIONS = "8bitmime, smtputf8, pipelining, size, chunking, dsn, etrn, enhancedstatuscodes, starttls, silent-discard"
_AUTH = """
  -o smtpd_sasl_auth_enable=yes
  -o {{ smtpd_sender_restrictions = reject_sender_login_mismatch }}
  -o {{ smtpd_recipient_restrictions = permit_sasl_authenticated, reject }}"""
_CLIENT = """
  -o smtpd_tls_%s_ccert=yes
  -o {{ smtpd_recipient_restrictions = check_ccert_access texthash:{etc}/certificates, reject }}"""
_CERTIFICATE = "\n  -o {{ smtpd_tls_chain_files = {authority}/%s.key, {authority}/%s.crt }}"
_IMPLICIT = "\n  -o smtpd_tls_wrappermode=yes"
_REQUIRED = "\n  -o smtpd_tls_security_level=encrypt"
LISTENERS = {
    "plain": "",
    "bare": "\n  -o {{ smtpd_discard_ehlo_keywords = " + EXTENSIONS + " }}",
    "refusing": """
  -o {{ smtpd_sender_restrictions = check_sender_access texthash:{etc}/senders }}
  -o {{ smtpd_recipient_restrictions = check_recipient_access texthash:{etc}/recipients, permit }}""",
    "greylisting": """
  -o {{ smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{greylist}, permit }}""",
    "limited": """
  -o smtpd_client_message_rate_limit=3""",
    "few": """
  -o smtpd_client_connection_count_limit=2""",
    "small": """
  -o message_size_limit=20000""",
    "starttls": _REQUIRED,
    "tls": _IMPLICIT,
    "submission": _REQUIRED + _AUTH,
    "submissions": _IMPLICIT + _AUTH,
    "login_only": _REQUIRED + _AUTH + "\n  -o smtpd_sasl_mechanism_filter=login",
    "certificate": _REQUIRED + _CLIENT.replace("%s", "req"),
    "certificates": _IMPLICIT + _CLIENT.replace("%s", "ask"),
    "expired": _REQUIRED + _CERTIFICATE.replace("%s", "expired"),
    "wrong_host": _REQUIRED + _CERTIFICATE.replace("%s", "wronghost"),
    "untrusted": _IMPLICIT + _CERTIFICATE.replace("%s", "stranger/server"),
}


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mail that arrived: its final recipient, its envelope sender, and the file as written."""

    recipient: str
    return_path: str
    data: bytes

    @property
    def message(self) -> EmailMessage:
        # Headers may be UTF-8 (RFC 6532), which the parser of bytes takes for damage.
        message = email.message_from_string(self.data.decode(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


class Postfix:
    """One instance. `ports[name]` is where the listener of LISTENERS is; whatever is accepted lands in a Maildir."""

    host = "127.0.0.1"

    def __init__(self, authority: Authority) -> None:
        self._postfix = program("postfix", package="postfix")
        self._dovecot = Dovecot(USERS)
        self._greylist = Greylist()
        self.folder = private_folder("postfix")
        self.ports = {name: free_port() for name in LISTENERS}
        self._authority = authority
        self._configure()

    # -- Life --------------------------------------------------------------------------------------
    def start(self) -> "Postfix":
        self._dovecot.start()
        self._greylist.start()
        self._run("start")
        ports = self.ports.values()
        eventually(lambda: all(map(is_listening, ports)), deadline=20, says=lambda: "Postfix said:\n" + self.log())
        return self

    def stop(self) -> None:
        self._run("stop")
        self._greylist.stop()
        self._dovecot.stop()
        assert not [name for name, port in self.ports.items() if is_listening(port)], self.log()
        shutil.rmtree(self.folder)

    def log(self) -> str:
        return self.whole_log()[-8000:]

    def whole_log(self) -> str:
        path = self.folder / "log" / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _run(self, command: str) -> None:
        # Its output goes to a file: the master keeps what it inherits, and a pipe would never end.
        with (self.folder / "command.log").open("ab") as output:
            done = subprocess.run(
                [self._postfix, "-c", self.folder / "etc", command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        assert done.returncode == 0, (self.folder / "command.log").read_text() + self.log()

    # -- The Maildir -------------------------------------------------------------------------------
    def mails_to(self, recipient: str) -> list[Delivered]:
        """What has arrived for this recipient, in the order of arrival."""
        return [mail for mail in self._delivered() if mail.recipient.lower() == recipient.lower()]

    def wait_for(self, recipient: str, number: int = 1, deadline: float = 5) -> list[Delivered]:
        """The mails of this recipient, once there are that many."""

        def arrived() -> list[Delivered]:
            found = self.mails_to(recipient)
            return found if len(found) >= number else []

        return eventually(
            arrived, deadline=deadline, says=lambda: f"{number} mail(s) to {recipient}; Postfix said:\n{self.log()}"
        )

    def _delivered(self) -> Iterator[Delivered]:
        files = (self.folder / "mail" / "all" / "new").glob("*")
        for path in sorted(files, key=lambda path: path.stat().st_mtime_ns):
            data = path.read_bytes()
            # The lines that Postfix put on top; they may be UTF-8.
            head = dict(re.findall(r"^(Return-Path|X-Original-To): (.*)$", data.decode(), re.MULTILINE)[1::-1])
            yield Delivered(head["X-Original-To"], head["Return-Path"].strip("<>"), data)

    # -- Configuration -----------------------------------------------------------------------------
    def _configure(self) -> None:
        etc = self.folder / "etc"
        for name in ("etc", "spool", "data", "log", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        os.chown(self.folder / "mail", DELIVERY_ID, DELIVERY_ID)
        # Issued on first use; the files must be there before Postfix reads them.
        certificates = [getattr(self._authority, name) for name in ("server", "expired", "wrong_host", "untrusted")]
        assert all(certificate.key.exists() for certificate in certificates)
        values = {
            "folder": self.folder,
            "etc": etc,
            "authority": self._authority.folder,
            "sasl": self._dovecot.port,
            "greylist": self._greylist.port,
        }
        (etc / "main.cf").write_text((HERE / "postfix_main.cf").read_text().format(**values))
        lines = [f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd{rest}\n" for name, rest in LISTENERS.items()]
        (etc / "master.cf").write_text("".join(lines).format(**values) + (HERE / "postfix_master.cf").read_text())
        (etc / "anydomain").write_text("/./ ok\n")
        for name, table in {
            "recipients": RECIPIENTS,
            "senders": SENDERS,
            "logins": {user: user for user in USERS},
            "certificates": {self._authority.client.fingerprint: "permit"},
        }.items():
            (etc / name).write_text("".join(f"{key} {value}\n" for key, value in table.items()))
        self._look_old(etc)

    @staticmethod
    def _look_old(etc: Path) -> None:
        # Every Postfix tool waits two seconds over a file written just now, in case it is still being written.
        before = time.time() - 60
        for path in etc.iterdir():
            os.utime(path, (before, before))
