"""The values that components are drawn from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.functional import Promise

Text = str | Promise
HUES = 6


@dataclass(frozen=True, slots=True)
class Step:
    """One station of a status bar."""

    label: Text
    state: str  # "done", "current", "failed", "todo"


def steps(
    choices: Sequence[tuple[str, Text]], current: str, *, failed: bool = False, failed_label: Text = ""
) -> list[Step]:
    """The status bar of something at `current`. A state outside of the path stands alone at its end."""
    values = [str(value) for value, _ in choices]
    here = "failed" if failed else "current"
    if str(current) not in values:
        return [*(Step(label, "todo") for _, label in choices), Step(failed_label or current, here)]
    at = values.index(str(current))
    return [
        Step(
            (failed_label or label) if failed and number == at else label,
            "done" if number < at else here if number == at else "todo",
        )
        for number, (_, label) in enumerate(choices)
    ]


def initials(name: str) -> str:
    """Two letters for a name: first and last word."""
    words = [word for word in name.split() if word[0].isalnum()] or name.split()
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper() if words else "?"


def hue(key: object) -> int:
    """A colour class from 1 to 6, always the same for the same key."""
    return hashlib.blake2s(str(key).encode(), digest_size=2).digest()[0] % HUES + 1


_KINDS = {
    "pdf": "file-text",
    "doc": "file-text",
    "docx": "file-text",
    "odt": "file-text",
    "txt": "file-text",
    "xls": "file-spreadsheet",
    "xlsx": "file-spreadsheet",
    "ods": "file-spreadsheet",
    "csv": "file-spreadsheet",
    "zip": "file-archive",
    "gz": "file-archive",
    "7z": "file-archive",
    "eml": "mail",
    "ics": "calendar",
}
_FAMILIES = {"image": "file-image", "audio": "file-music", "video": "file-play", "message": "mail"}


def extension(name: str) -> str:
    """ "pdf" of "Offer.pdf"; empty without one."""
    stem, dot, end = name.rpartition(".")
    return end.lower() if dot and stem and end.isalnum() and len(end) <= 5 else ""


def file_icon(name: str, content_type: str = "") -> str:
    """The icon of a file, by its name, else by its type."""
    return _KINDS.get(extension(name)) or _FAMILIES.get(content_type.partition("/")[0], "file")


def human_size(number: int) -> str:
    """ "284 kB", "1,2 MB": powers of a thousand, one decimal from a megabyte on."""
    if number < 10**3:
        return f"{number} B"
    if number < 10**6:
        return f"{number_format(number / 10**3, decimal_pos=0)} kB"
    if number < 10**9:
        return f"{number_format(number / 10**6, decimal_pos=1)} MB"
    return f"{number_format(number / 10**9, decimal_pos=1)} GB"


def split_name(name: str, tail: int = 8) -> tuple[str, str]:
    """A file name in two parts, so that its middle gives way and its end stays readable."""
    return (name[:-tail], name[-tail:]) if len(name) > tail * 2 else (name, "")
