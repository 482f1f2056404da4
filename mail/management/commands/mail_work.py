"""Deliver without Celery."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        with _stopped_by_signals(engine):
            engine.run(until_empty=until_empty)
        counts = queue_counts()
        answer(self, counts, f"{counts['sent']} sent, {counts['failed']} failed, {counts['queued']} waiting", json=json)


@contextmanager
def _stopped_by_signals(engine: Engine) -> Iterator[None]:
    """Ctrl+C and SIGTERM let what is on the wire finish; without this it would all be of unknown outcome."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stop = {number: signal.signal(number, lambda *_: engine.stop_soon()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, former in stop.items():
            signal.signal(number, former)
