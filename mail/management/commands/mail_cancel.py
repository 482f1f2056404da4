"""Give up what waits or failed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mail import queue
from mail.management.output import add_json, answer
from mail.management.selection import add_selection, selected


class Command(BaseCommand):
    help = "Give up mail that waits or failed. What is being sent or has left stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        add_selection(parser)
        add_json(parser)

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        cancelled = queue.cancel(selected(options))
        answer(self, {"cancelled": cancelled}, f"{cancelled} cancelled", json=json)
