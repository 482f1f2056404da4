"""A private Dovecot that does one thing: check passwords for Postfix, as on most mail hosts."""

import shutil

from tests.lab.ports import free_port
from tests.lab.proc import Process, private_folder, program

# A newline after every "{": version 2.3 takes nothing else.
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
listen = 127.0.0.1
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_verbose = yes
auth_failure_delay = 0
first_valid_uid = 100
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=5000 gid=5000 home={folder}/mail/%n allow_all_users=yes
}}
service anvil {{
  # Without this, each wrong password slows down the next log-in from the same address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  inet_listener {{
    port = {port}
    address = 127.0.0.1
  }}
}}
"""


class Dovecot:
    """The SASL service at `port`, which knows these users and passwords."""

    def __init__(self, users: dict[str, str]) -> None:
        self._dovecot = program("dovecot", package="dovecot-core")
        self.folder = private_folder("dovecot")
        self.port = free_port()
        lines = [f"{user}:{{PLAIN}}{password}\n" for user, password in users.items()]
        (self.folder / "users").write_text("".join(lines))
        self._file = self.folder / "dovecot.conf"
        self._file.write_text(CONFIGURATION.format(folder=self.folder, port=self.port))

    def start(self) -> "Dovecot":
        self._process = Process("Dovecot", [self._dovecot, "-F", "-c", self._file], log=self.folder / "log")
        self._process.wait_for_port(self.port)
        return self

    def stop(self) -> None:
        self._process.stop()
        shutil.rmtree(self.folder)
