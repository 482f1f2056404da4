"""Deliver without Celery."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mail.engine import Engine
from mail.management.output import add_json, answer
from mail.models import Lane
from mail.reports import queue_counts


class Command(BaseCommand):
    help = "Deliver what is due, without Celery or Redis."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-empty", action="store_true", help="end when nothing is due and nothing under way")
        parser.add_argument("--lane", choices=Lane.values, action="append", help="only this lane; may be repeated")
        add_json(parser)

    def handle(self, *args: Any, until_empty: bool, lane: list[str] | None, json: bool, **options: Any) -> None:
        engine = Engine(lane or Lane.values)
        if until_empty:
            engine.run_until_empty()
        else:
            self._run_until_stopped(engine)
        counts = queue_counts()
        answer(self, counts, f"{counts['sent']} sent, {counts['failed']} failed, {counts['queued']} waiting", json=json)

    def _run_until_stopped(self, engine: Engine) -> None:
        engine.start()
        stop = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, stop)
        signal.sigwait(stop)
        engine.stop()
