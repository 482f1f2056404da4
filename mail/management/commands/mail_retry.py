"""Send now what waits or failed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mail import queue
from mail.management.output import add_json, answer
from mail.management.selection import add_selection, selected
from mail.models import Mail
from mail.models.mail import FORGOTTEN


class Command(BaseCommand):
    help = "Send now: failed, bounced and waiting mail; cancelled mail only when named by its id."

    def add_arguments(self, parser: CommandParser) -> None:
        add_selection(parser)
        add_json(parser)

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        mails = selected(options)
        if not options["ids"]:
            # Somebody gave those up on purpose; a sweeping command does not overrule that.
            mails = mails.exclude(state=Mail.State.CANCELLED)
        # Asked before: afterwards their cause is that of the new try.
        erased = mails.filter(cause=FORGOTTEN).count()
        retried = queue.retry(mails)
        words = f"{retried} to be sent now"
        if erased:
            words += f"; {erased} cannot: they held a secret, and their text was erased"
        answer(self, {"retried": retried}, words, json=json)
