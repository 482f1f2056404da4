"""Which mails a command is about."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from mail.models import Mail, Server
from mail.models.mail import MailQuerySet


def add_selection(parser: CommandParser) -> None:
    """The selectors that `mail_retry` and `mail_cancel` share."""
    parser.add_argument("ids", nargs="*", type=int, metavar="ID")
    parser.add_argument("--cause", help="only mails with this cause code")
    parser.add_argument("--server", help="only mails planned for this server, by its description")
    parser.add_argument("--all", action="store_true", help="every mail")


def selected(options: dict[str, Any]) -> MailQuerySet:
    """The mails that the selectors name together. Raises CommandError without any selector, or for an unknown one."""
    if not (options["ids"] or options["cause"] or options["server"] or options["all"]):
        raise CommandError("Say which mails: --all, --cause CAUSE, --server NAME, or their ids.")
    mails = Mail.objects.all()
    if options["ids"]:
        unknown = set(options["ids"]) - set(mails.filter(pk__in=options["ids"]).values_list("pk", flat=True))
        if unknown:
            raise CommandError(f"There is no mail {', '.join(map(str, sorted(unknown)))}.")
        mails = mails.filter(pk__in=options["ids"])
    if options["cause"]:
        mails = mails.filter(cause=options["cause"])
    if options["server"]:
        if not Server.objects.filter(name=options["server"]).exists():
            raise CommandError(f"There is no server named {options['server']!r}.")
        mails = mails.filter(server__name=options["server"])
    return mails
