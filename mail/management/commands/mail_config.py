"""`mail_config import FILE|- [--replace]` and `mail_config export`: the configuration as one JSON file."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from mail import audit
from mail.configuration import (
    ConfigurationInvalid,
    Problem,
    Report,
    export_configuration,
    import_configuration,
)


class Command(BaseCommand):
    help = "Import the e-mail configuration from a JSON file (- for standard input), or export it without secrets."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        # `import --replace FILE`: by itself argparse thinks that there is no FILE once an option comes before it.
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["import", "export"])
        parser.add_argument("file", nargs="?", metavar="FILE", help="what to import; - for standard input")
        parser.add_argument("--replace", action="store_true", help="remove what the file does not mention")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object, nothing else")

    def handle(self, *, action: str, file: str | None, replace: bool, as_json: bool, **options: Any) -> None:
        if action == "export":
            if file or replace:
                raise CommandError(_("“export” takes neither a file nor --replace; it writes to standard output."))
            self.stdout.write(_dump(export_configuration()))
            return
        if not file:
            raise CommandError(_("“import” needs a file, or - for standard input."))
        try:
            text = _read(file)
            with audit.recording(by="mail_config import"):
                report = import_configuration(text, replace=replace)
        except ConfigurationInvalid as error:
            self._refuse(error.problems, as_json)
        else:
            self._tell(report, as_json)

    def _tell(self, report: Report, as_json: bool) -> None:
        kinds = ("added", "updated", "removed", "unchanged")
        if as_json:
            names = {kind: getattr(report, kind) for kind in kinds}
            self.stdout.write(_dump({"ok": True, **names, "warnings": _entries(report.warnings)}))
            return
        for kind in kinds:
            for name in getattr(report, kind):
                self.stdout.write(f"{kind}: {name}")
        for warning in report.warnings:
            self.stderr.write(self.style.WARNING(str(warning)))

    def _refuse(self, problems: list[Problem], as_json: bool) -> None:
        if as_json:
            self.stdout.write(_dump({"ok": False, "errors": _entries(problems)}))
        else:
            for problem in problems:
                self.stderr.write(self.style.ERROR(str(problem)))
            self.stderr.write(_("Nothing was changed."))
        sys.exit(1)


def _read(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        words = _("The file cannot be read: %(reason)s.") % {"reason": error.strerror or error}
        raise ConfigurationInvalid([Problem(file, words)]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationInvalid([Problem(file, _("The file is not UTF-8 text."))]) from error


def _entries(problems: list[Problem]) -> list[dict[str, str]]:
    return [{"place": problem.place, "message": problem.words} for problem in problems]


def _dump(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2)
