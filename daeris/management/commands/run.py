"""Run everything with one command."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from daeris.embedded.preparing import CannotRun, check_port, claim_folder, prepare
from daeris.embedded.supervisor import Supervisor

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Run web, workers, schedule and broker on this machine; Ctrl+C ends all of it."
    # Checked by what runs: here they would only be said twice.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="8000 by default")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("DAERIS_MODE is production: start web, workers and schedule one by one (see README.md).")
        try:
            self._run(port)
        except CannotRun as reason:
            raise CommandError(str(reason)) from None

    def _run(self, port: int) -> None:
        lock = claim_folder(settings.DATA_DIR)
        check_port(HOST, port)
        prepare(self._say)
        supervisor = Supervisor(host=HOST, port=port, say=self._say)
        self._say("Starting…")
        try:
            supervisor.start()
            self._greet(supervisor.url)
            supervisor.watch()
            self._say("Ending…")
        finally:
            supervisor.end()
            os.close(lock)

    def _greet(self, url: str) -> None:
        lines = ["", "Daeris is ready.", "", f"  {url}", ""]
        if settings.DEMO:
            from daeris.demo_company import logins

            lines += ["  Demo log-ins of this installation:"]
            lines += [f"    {login.username:10} {login.password:24} {login.role}" for login in logins()]
            lines += ["", f"  What the demo company sends arrives in {url}/demo/mailbox/ and nowhere else.", ""]
        lines += ["  Ctrl+C ends it.", ""]
        self._say("\n".join(lines))

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()
