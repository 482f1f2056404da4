"""How the commands answer: for people, or as JSON and nothing else."""

import json as json_module
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


def add_json(parser: CommandParser) -> None:
    """The `--json` that all commands take."""
    parser.add_argument("--json", action="store_true", help="answer with JSON and nothing else")


def answer(command: BaseCommand, data: Any, words: str, *, json: bool) -> None:
    """Print the data as JSON, or the words."""
    command.stdout.write(json_module.dumps(data, ensure_ascii=False, default=str) if json else words)
