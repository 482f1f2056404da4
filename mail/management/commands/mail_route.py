"""`mail_route --from ADDR`: which server a mail would leave through, under which From, and why."""

import json
import sys
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from mail import planning
from mail.explanations import render
from mail.models import Lane
from mail.planning import NOTHING, About
from mail.routing import Decision, RouteError, Sentence
from mail.simulation import Simulation, author_from, simulate


class Command(BaseCommand):
    help = "Show the decision for a mail: server, From, envelope sender, and the reason. Sends nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        of_nobody = 'an address, or the name of a user; "" for a mail without author'
        parser.add_argument("--from", required=True, dest="author", metavar="ADDR", help=of_nobody)
        parser.add_argument("--server", default="", metavar="NAME", help="the outgoing server asked for")
        parser.add_argument("--lane", default=Lane.TRANSACTIONAL, choices=Lane.values)
        parser.add_argument("--document", default="", metavar="APP.MODEL", help="the kind of document it is about")
        parser.add_argument("--team", default="", metavar="NAME", help="the team whose document it is")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object, nothing else")

    def handle(self, *, author: str, server: str, lane: str, as_json: bool, **options: Any) -> None:
        of = about(options["document"], options["team"])
        simulation = decide(author, server, lane, of)
        decision = simulation.decision
        answer = as_plain(simulation)
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
        for passed in answer["passed_over"]:
            self.stdout.write(f"- {passed['server']}: {passed['reason']}")


def decide(author: str, server: str, lane: str, of: About = NOTHING) -> Simulation:
    """The decision for an author as typed ("" for none) and a server's name ("" for none)."""
    asked = planning.snapshot().server_named(server) if server else None
    if server and not asked:
        return Simulation(Decision(error=RouteError.NO_SERVER, why=Sentence("server_unknown", {"server": server})))
    return simulate(author_from(author), lane=lane, asked_server_id=asked.id if asked else None, of=of)


def about(document: str, team: str) -> About:
    """What a mail is about, by the names of a model and of a team."""
    kind = group = None
    if document:
        try:
            kind = ContentType.objects.get_for_model(apps.get_model(document))
        except (LookupError, ValueError):
            raise CommandError(_("There is no kind of document named «%(name)s».") % {"name": document}) from None
    if team:
        group = Group.objects.filter(name=team).first()
        if group is None:
            raise CommandError(_("There is no team named «%(name)s».") % {"name": team})
    return About(kind.pk if kind else None, group.pk if group else None)


def as_plain(simulation: Simulation) -> dict[str, Any]:
    """The decision as JSON values, its sentences in the active language."""
    decision, policy = simulation.decision, simulation.policy
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
        "passed_over": [{"server": server.name, "reason": render(reason)} for server, reason in simulation.passed],
        "policy": {
            "domain": simulation.policy_domain,
            "value": policy.value or None,
            "inherited_from": policy.inherited_from or None,
            "stale": policy.is_stale,
            "failed": policy.failed,
        }
        if policy
        else None,
    }
