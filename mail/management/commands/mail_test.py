"""Test an outgoing server from the command line."""

import json
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mail.addresses import InvalidAddress, parse_mailbox
from mail.endpoint import Endpoint
from mail.models import Server
from mail.probe_report import ProbeReport
from mail.probe_senders import Sender, senders_of
from mail.probing import Trial, probe_now
from mail.releasing import release


class Command(BaseCommand):
    help = (
        "Connect to an outgoing server step by step, log in, ask whether it takes our senders, and say goodbye. "
        "Nothing is sent without --send."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("server", help="The server's description, as the list shows it.")
        parser.add_argument("--to", default="", help="Also ask whether the server takes mail for this address.")
        parser.add_argument("--send", action="store_true", help="Send a real test mail to the address of --to.")
        parser.add_argument("--sender", default="", help="Try this sender only, instead of those we write under.")
        parser.add_argument("--json", action="store_true", help="Print JSON and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        as_json: bool = options["json"]
        server = Server.objects.filter(name=options["server"]).order_by("-active", "pk").first()
        if server is None:
            self._fail(f"There is no outgoing server named {options['server']!r}.", as_json=as_json)
        if options["send"] and not options["to"]:
            self._fail("--send needs the address of --to.", as_json=as_json)
        try:
            recipient = parse_mailbox(options["to"]).address if options["to"] else ""
        except InvalidAddress as error:
            self._fail(f"--to: {error}", as_json=as_json)
        senders, untried = senders_of(server)
        if options["sender"]:
            senders, untried = (Sender(options["sender"]),), 0
        endpoint = Endpoint.of(server)
        self._test(
            server, Trial(endpoint, senders, untried, recipient, options["send"], server.preset), as_json=as_json
        )

    def _test(self, server: Server, trial: Trial, *, as_json: bool) -> None:
        report = probe_now(trial)
        if report.connects:
            # What was tested is what is stored: its waiting mail may go.
            release(server)
        if as_json:
            self.stdout.write(json.dumps({"server": server.name, **report.as_dict()}, ensure_ascii=False))
        else:
            self._print(report)
        if not report.ok:
            raise SystemExit(1)

    def _print(self, report: ProbeReport) -> None:
        sentence, *steps = report.text.splitlines()
        self.stdout.write("\n".join([*steps, sentence]))

    def _fail(self, words: str, *, as_json: bool) -> NoReturn:
        if not as_json:
            raise CommandError(words)
        self.stdout.write(json.dumps({"ok": False, "error": words}, ensure_ascii=False))
        raise SystemExit(1)
