"""How the queue stands."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mail.management.output import add_json, answer
from mail.models import Mail
from mail.reports import queue_counts


class Command(BaseCommand):
    help = "Show how many mails are in each state and lane, and how old the oldest is that is due."

    def add_arguments(self, parser: CommandParser) -> None:
        add_json(parser)

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        counts = queue_counts()
        lines = [
            f"{lane:15}" + "  ".join(f"{state} {of_lane[state]}" for state in Mail.State.values)
            for lane, of_lane in counts["lanes"].items()
        ]
        age = counts["oldest_due_seconds"]
        lines.append("nothing is due" if age is None else f"the oldest that is due has waited {age} s")
        answer(self, counts, "\n".join(lines), json=json)
