"""Found the demo company."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from daeris import demo_company
from daeris.documents.catalogue import KINDS


class Command(BaseCommand):
    help = "Found the demo company, once: colleagues, customers, records, conversations. Again, it changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("The demo company lives in an embedded installation; DAERIS_MODE is production.")
        founded = demo_company.found()
        counts = {kind.plural: kind.model._default_manager.count() for kind in KINDS.values()}
        logins = [{"username": one.username, "role": one.role} for one in demo_company.logins()]
        if options["json"]:
            self.stdout.write(json.dumps({"founded": founded, "logins": logins, **counts}, ensure_ascii=False))
        elif options["verbosity"]:
            self.stdout.write("The demo company has been founded." if founded else "The demo company is there already.")
            self.stdout.write(", ".join(f"{count} {name}" for name, count in counts.items()))
