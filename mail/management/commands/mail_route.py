"""`mail_route --from ADDR`: which server a mail would leave through, under which From, and why."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mail import planning
from mail.addresses import InvalidAddress, Mailbox, parse_mailbox
from mail.explanations import render
from mail.models import Lane
from mail.routing import Decision, RouteError, Sentence


class Command(BaseCommand):
    help = "Show the decision for a mail: server, From, envelope sender, and the reason. Sends nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", required=True, dest="author", metavar="ADDR", help='"" for a mail without author')
        parser.add_argument("--server", default="", metavar="NAME", help="the outgoing server asked for")
        parser.add_argument("--lane", default=Lane.TRANSACTIONAL, choices=Lane.values)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object, nothing else")

    def handle(self, *, author: str, server: str, lane: str, as_json: bool, **options: Any) -> None:
        decision = decide(author, server, lane)
        answer = as_plain(decision)
        if as_json:
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            self._tell(decision, answer)
        if decision.error:
            sys.exit(1)

    def _tell(self, decision: Decision, answer: dict[str, Any]) -> None:
        for name in ("server", "step", "envelope_from", "reply_to", "error"):
            if answer[name]:
                self.stdout.write(f"{name}: {answer[name]}")
        if decision.header_from:
            self.stdout.write(f"header_from: {decision.header_from}")
        if answer["why"]:
            self.stdout.write(answer["why"])
        for warning in answer["warnings"]:
            self.stdout.write(self.style.WARNING(warning))


def decide(author: str, server: str, lane: str) -> Decision:
    """The decision for an author as typed ("" for none) and a server's name ("" for none)."""
    known = planning.snapshot()
    asked = known.server_named(server) if server else None
    if server and not asked:
        return Decision(error=RouteError.NO_SERVER, why=Sentence("server_unknown", {"server": server}))
    return planning.plan(
        author=_mailbox(author), lane=lane, asked_server_id=asked.id if asked else None, snapshot=known
    )


def _mailbox(text: str) -> Mailbox | None:
    if not text.strip():
        return None
    try:
        return parse_mailbox(text)
    except InvalidAddress:
        return Mailbox("", text)  # the decision says what is wrong with it


def as_plain(decision: Decision) -> dict[str, Any]:
    """The decision as JSON values, its sentences in the active language."""
    header_from = decision.header_from
    return {
        "server": decision.server.name if decision.server else None,
        "step": decision.step.value if decision.step else None,
        "header_from": {"name": header_from.name, "address": header_from.address} if header_from else None,
        "envelope_from": decision.envelope_from or None,
        "reply_to": str(decision.reply_to) if decision.reply_to else None,
        "why": render(decision.why) if decision.why else None,
        "warnings": [render(sentence) for sentence in decision.warnings],
        "error": decision.error.value if decision.error else None,
    }
