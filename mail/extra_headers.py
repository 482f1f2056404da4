"""Header lines that a server's mail carries besides, as an administrator writes them: one `Name: value` a line."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from mail.composing import RESERVED

MOST_LINES = 30
LONGEST_VALUE = 900
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,76}")
# Beyond what a caller of the queue may not set either: signatures, and what only a server on the way writes.
OURS = RESERVED | {
    *("sender", "received", "delivered-to", "authentication-results", "auto-submitted", "dkim-signature"),
    *("domainkey-signature", "list-unsubscribe", "list-unsubscribe-post", "x-original-to"),
}
_OUR_FAMILIES = ("resent-", "arc-", "content-", "x-daeris-")


class InvalidHeaders(ValueError):
    """Names every line that cannot be a header of a server, each with the reason."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        self.lines = list(lines)
        super().__init__(" ".join(f"«{line}»: {reason}" for line, reason in lines))


def parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Name and value of each line; InvalidHeaders names every bad one."""
    good: dict[str, tuple[str, str]] = {}
    bad: list[tuple[str, str]] = []
    # Only what ends a line in a text field: any other separator inside a value is refused below.
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    for line in lines:
        name, colon, value = line.strip().partition(":")
        reason = next(_complaints(name.strip(), colon, value.strip()), "")
        if not reason and name.strip().lower() in good:
            reason = _("This header is there twice.")
        if reason:
            bad.append((_shown(line), reason))
        else:
            good[name.strip().lower()] = (name.strip(), value.strip())
    if len(lines) > MOST_LINES:
        bad.append(("…", _("At most %(most)s headers are possible.") % {"most": MOST_LINES}))
    if bad:
        raise InvalidHeaders(bad)
    return tuple(good.values())


def normalise_headers(text: str) -> str:
    """The lines as they are kept."""
    return "\n".join(f"{name}: {value}" for name, value in parse_headers(text))


def headers_of(text: str) -> tuple[tuple[str, str], ...]:
    """The headers of a stored text; none when it cannot be read, which no form lets happen."""
    try:
        return parse_headers(text)
    except InvalidHeaders:
        return ()


def _complaints(name: str, colon: str, value: str) -> Iterator[str]:
    if not colon or not name:
        yield _("A line is a name, a colon and a value, like X-Company: Mi Empresa.")
    if not _NAME.fullmatch(name):
        yield _("The name of a header has letters, digits and hyphens only.")
    if name.lower() in OURS or name.lower().startswith(_OUR_FAMILIES):
        yield _("This header is written by the program itself.")
    if not value:
        yield _("The value is missing.")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value):
        yield _("Line breaks and control characters are not allowed.")
    if len(value) > LONGEST_VALUE:
        yield _("Too long: %(most)s characters at most.") % {"most": LONGEST_VALUE}


def _shown(line: str) -> str:
    plain = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line.strip())
    return plain if len(plain) <= 60 else plain[:59] + "…"
