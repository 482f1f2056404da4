"""Test an outgoing server from the command line."""

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mail.endpoint import Endpoint
from mail.models import Server
from mail.probing import ProbeReport, probe_now


class Command(BaseCommand):
    help = "Connect to an outgoing server step by step, log in and say goodbye; nothing is sent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("server", help="The server's description, as the list shows it.")
        parser.add_argument("--sender", default="", help="Also ask whether the server accepts this sender.")
        parser.add_argument("--json", action="store_true", help="Print JSON and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        server = Server.objects.filter(name=options["server"]).order_by("-active", "pk").first()
        if server is None:
            self._fail(f"There is no outgoing server named {options['server']!r}.", as_json=options["json"])
        else:
            self._test(server, options["sender"], as_json=options["json"])

    def _test(self, server: Server, sender: str, *, as_json: bool) -> None:
        report = probe_now(Endpoint.of(server), sender)
        if report.ok:
            # What was tested is what is stored: its waiting mail may go.
            server.unblock()
        if as_json:
            self.stdout.write(json.dumps({"server": server.name, **dataclasses.asdict(report)}, ensure_ascii=False))
        else:
            self._print(report)
        if not report.ok:
            raise SystemExit(1)

    def _print(self, report: ProbeReport) -> None:
        for number, step in enumerate(report.steps, 1):
            mark = "✓" if step.ok else "✗"
            self.stdout.write(f"{number}. {mark} {step.title} ({step.seconds:.2f} s): {step.detail}")
            if step.fix:
                self.stdout.write(f"   → {step.fix}")
        self.stdout.write(report.sentence)

    def _fail(self, words: str, *, as_json: bool) -> None:
        if not as_json:
            raise CommandError(words)
        self.stdout.write(json.dumps({"ok": False, "error": words}, ensure_ascii=False))
        raise SystemExit(1)
