"""Under which keys the stored secrets lie, and writing them anew under the newest."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mail.management.output import add_json, answer
from mail.rotation import rotate, stored_secrets


class Command(BaseCommand):
    help = (
        "Tell which of DAERIS_FIELD_KEYS the stored secrets need; with `rotate`, write all of them anew under the "
        "first key, after which the older keys may be removed. Fails when a secret cannot be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["check", "rotate"])
        add_json(parser)

    def handle(self, *args: Any, action: str, json: bool, **options: Any) -> None:
        rotated = rotate() if action == "rotate" else 0
        secrets = list(stored_secrets())
        states = Counter(secret.state for secret in secrets)
        unreadable = [secret for secret in secrets if secret.state == "unreadable"]
        data = {
            "rotated": rotated,
            **{state: states[state] for state in ("newest", "older", "unreadable")},
            "unreadable_secrets": [asdict(secret) for secret in unreadable],
        }
        words = f"{rotated} written anew; " if action == "rotate" else ""
        words += f"{states['newest']} under the newest key, {states['older']} under older ones"
        answer(self, data, words, json=json)
        if unreadable:
            places = ", ".join(f"{secret.table} {secret.id} {secret.field}" for secret in unreadable)
            raise CommandError(f"No key of DAERIS_FIELD_KEYS opens: {places}. Enter these secrets again.")
