"""Catalogues of messages without gettext on the machine: `python -m daeris.messages extract|compile|check`.

Each area has one catalogue a language, inside the app that a wheel ships it with. `extract` brings the catalogues
up to date with code and templates and keeps what was translated; `compile` makes the .mo files; `check` tells
what is missing. Only `compile` runs when a wheel is built, and needs Babel alone.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ["es"]  # the messages themselves are English
SHELL = "daeris"
# What each function takes: singular, plural, and (marked "c") the context that tells two meanings apart.
KEYWORDS: dict[str, Any] = {
    name + lazy: arguments
    for name, arguments in {
        "_": None,
        "gettext": None,
        "gettext_noop": None,
        "ngettext": (1, 2),
        "pgettext": ((1, "c"), 2),
        "npgettext": ((1, "c"), 2, 3),
    }.items()
    for lazy in ("", "_lazy")
}
TEXT = r"""u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
# A call as `templatize` writes it.
CALL = re.compile(rf"\b(_|n?p?gettext)\(({TEXT}(?:, {TEXT})*)(?:,\s*count)?\)")
PLACEHOLDER = re.compile(r"%\([^)]*\)[a-z]|\{\w*\}|%[sd]")
# Dates in the files would change with every run and say nothing that git does not know.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Area:
    """An app with a catalogue of its own, and whose messages it holds."""

    name: str

    @property
    def sources(self) -> list[Path]:
        """Its Python files and templates. What no other area owns belongs to the shell."""
        code = (ROOT / self.name).rglob("*.py")
        templates = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]
        owned = [path for path in templates if _owner(path) == self.name]
        return sorted([*(path for path in code if "migrations" not in path.parts), *owned])

    def catalogue(self, language: str) -> Path:
        return ROOT / self.name / "locale" / language / "LC_MESSAGES" / "django.po"


AREAS = [Area("mail"), Area("chatter"), Area(SHELL)]


def _owner(template: Path) -> str:
    first = template.relative_to(ROOT / "templates").parts[0]
    return first if first in {area.name for area in AREAS} else SHELL


# -- From the sources to the catalogues --------------------------------------------------------------


def extracted(area: Area) -> Catalog:
    """The messages of an area, as its sources have them now."""
    catalogue = _empty()
    for path in area.sources:
        found = _from_python(path) if path.suffix == ".py" else _from_template(path)
        for message, context in found:
            catalogue.add(message, locations=[(str(path.relative_to(ROOT)), 0)], context=context)
    return catalogue


def _from_python(path: Path) -> Iterator[tuple[Any, str | None]]:
    for _line, message, _comments, context in extract_from_file("python", str(path), keywords=KEYWORDS):
        yield message, context


def _from_template(path: Path) -> Iterator[tuple[Any, str | None]]:
    # Django knows its own tags; imported here because the build of a wheel has no Django.
    from django.utils.translation.template import templatize

    calls = templatize(path.read_text(), origin=str(path))
    for function, arguments in CALL.findall(calls):
        texts = [ast.literal_eval(text) for text in re.findall(TEXT, arguments)]
        context = texts.pop(0) if "p" in function else None
        yield (tuple(texts) if len(texts) > 1 else texts[0]), context


def existing(area: Area, language: str) -> Catalog:
    """The catalogue as it is on disk; an empty one when there is none."""
    path = area.catalogue(language)
    if not path.exists():
        return _empty(language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _empty(language: str | None = None) -> Catalog:
    return Catalog(
        locale=language,
        project="Daeris",
        version="1",
        header_comment="# Made by `make messages`; write the translations here.",
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        creation_date=EPOCH,
        revision_date=EPOCH,
        fuzzy=False,
    )


def extract() -> list[Path]:
    """Bring every catalogue up to date: new messages without translation, those no longer used taken out."""
    written = []
    for area in AREAS:
        messages = extracted(area)
        for language in LANGUAGES:
            catalogue = existing(area, language)
            # A translation that was right for another sentence is seldom right for this one: no guesses.
            catalogue.update(messages, no_fuzzy_matching=True)
            written.append(_write(catalogue, area.catalogue(language)))
    return written


def _write(catalogue: Catalog, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, sort_output=True, ignore_obsolete=True, include_lineno=False)
    return path


def compile_catalogues() -> list[Path]:
    """Make the .mo file beside each catalogue; where they are."""
    compiled = []
    for area in AREAS:
        for language in LANGUAGES:
            path = area.catalogue(language)
            if path.exists():
                with path.with_suffix(".mo").open("wb") as file:
                    write_mo(file, existing(area, language))
                compiled.append(path.with_suffix(".mo"))
    return compiled


# -- What is missing ---------------------------------------------------------------------------------


def problems() -> list[str]:
    """What keeps the catalogues from being complete, a line each."""
    of_each = [
        f"{area.catalogue(language).relative_to(ROOT)}: {problem}"
        for area in AREAS
        for language in LANGUAGES
        for problem in _problems_of(area, language)
    ]
    return [*of_each, *(f"{language}: {problem}" for language in LANGUAGES for problem in _disagreements(language))]


def _problems_of(area: Area, language: str) -> Iterator[str]:
    catalogue = existing(area, language)
    known = {_key(message): message for message in catalogue if message.id}
    used = {_key(message): message for message in extracted(area) if message.id}
    for key in used.keys() - known.keys():
        yield f"not in the catalogue: {key[1]!r} ({used[key].locations[0][0]})"
    for key in known.keys() - used.keys():
        yield f"no longer used: {key[1]!r}"
    for key in used.keys() & known.keys():
        yield from (f"{problem}: {key[1]!r}" for problem in _faults(known[key]))


def _disagreements(language: str) -> Iterator[str]:
    # Django lays all catalogues on top of each other: of two translations of one message, only one is ever seen.
    seen: dict[tuple[str, str], str] = {}
    for area in AREAS:
        for message in existing(area, language):
            if message.id and seen.setdefault(_key(message), _forms(message.string)[0]) != _forms(message.string)[0]:
                yield f"translated differently in two areas: {message.id!r}"


def _key(message: Message) -> tuple[str, str]:
    return message.context or "", _forms(message.id)[0]


def _faults(message: Message) -> Iterator[str]:
    sources, translations = _forms(message.id), _forms(message.string)
    if not all(translations):
        yield "not translated"
        return
    if message.fuzzy:
        yield "marked as a guess (fuzzy)"
    wanted = set().union(*map(_placeholders, sources))
    # The singular may do without its number; nothing may name what is not there.
    if any(not _placeholders(text) <= wanted for text in translations) or _placeholders(translations[-1]) != wanted:
        yield "other placeholders than the message"


def _forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def _placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text.replace("%%", "")))


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    match arguments:
        case ["extract"]:
            paths = extract()
        case ["compile"]:
            paths = compile_catalogues()
        case ["check"]:
            found = problems()
            sys.stdout.writelines(f"{problem}\n" for problem in found)
            return 1 if found else 0
        case _:
            sys.stderr.write("python -m daeris.messages extract|compile|check\n")
            return 2
    sys.stdout.writelines(f"{path.relative_to(ROOT)}\n" for path in paths)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
