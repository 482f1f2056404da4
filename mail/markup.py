"""HTML that may be handed to a parser: what would keep one busy for minutes is reduced to its words.

Parsers build their tree in quadratic time from a hundred thousand nested tags, or from as many entities in one
run of text; five megabytes of either hold a worker for half an hour. Letters that people send are nowhere near.
"""

import re
from html import unescape

# Ends as the HTML standard has it: `<!-->` and `<!--->` are whole comments.
COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*)?[^<>]*(>?)([^<]*)")
ENTITIES = re.compile(r"(?:&[^<&]*){1000}")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
# Ended by whatever follows, so that many are never closed; they nest only inside something that is counted.
UNCOUNTED = {"p", "tr", "td", "th", "tbody", "thead", "tfoot", "caption", "colgroup", "html", "head", "body"}
# Ended by the next of their kind, but one kind nests inside another.
ITEMS = {"li", "dd", "dt", "option", "optgroup"}
# Between these, what belongs into a cell is moved before the table, at the cost of all that was moved before.
CELLS = {"td", "th", "caption"}
ROWS = {"table", "thead", "tbody", "tfoot", "tr", "colgroup", "col"}
# Inside these a parser reads other rules than the count below.
RAW = {
    *("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"),
    *("select", "svg", "math", "template", "frameset"),
}
DEEPEST = 250
# Oddities × length: a short letter may be as broken as it likes, a huge one must be nearly sound.
ODDITIES = 20_000_000


def tamed(html: str) -> str | None:
    """The HTML without comments, safe to parse. None: too deeply nested or too broken; show `words_of` instead."""
    # Half a surrogate pair is no text, and no parser takes it.
    whole = html.encode(errors="replace").decode()
    without_comments = COMMENT.sub(" ", whole)
    if _is_a_burden(without_comments):
        return None
    # A comment begins a new run of text, and entities cost as much as their run is long.
    return ENTITIES.sub(r"\g<0><!---->", without_comments)


def words_of(html: str) -> str:
    """What is left when every tag is taken out."""
    text = re.sub(r"<[^<>]*>?", " ", COMMENT.sub(" ", html.encode(errors="replace").decode()))
    return unescape(text).replace("\0", "")


def _is_a_burden(html: str) -> bool:
    reading = _Reading()
    allowed = ODDITIES // (len(html) + 1)
    for match in TAG.finditer(html):
        reading.tag(match[1] == "/", (match[2] or "").lower(), is_whole=bool(match[3]))
        if reading.between_cells and not match[4].isspace():
            reading.oddities += bool(match[4])
        if len(reading.still_open) > DEEPEST or reading.oddities > allowed:
            return True
    return False


class _Reading:
    """A count of what makes a parser slow: tags left open, tags out of order, words between the cells of a table."""

    def __init__(self) -> None:
        self.still_open: list[str] = []
        self.between_cells = False
        self.oddities = 0

    def tag(self, closes: bool, name: str, *, is_whole: bool) -> None:
        self.oddities += not name or not is_whole or name in RAW
        if name in CELLS or name in ROWS:
            self._part_of_a_table(closes, name)
        elif self.between_cells and not closes:
            self.oddities += 1
        # In a drawing nothing ends by itself.
        drawing = "svg" in self.still_open or "math" in self.still_open
        if name and (drawing or (name not in VOID and name not in UNCOUNTED)):
            self._closed(name) if closes else self._opened(name)

    def _opened(self, name: str) -> None:
        if not (name in ITEMS and self.still_open and self.still_open[-1] == name):
            self.still_open.append(name)

    def _closed(self, name: str) -> None:
        if name not in self.still_open:
            return
        while self.still_open[-1] in ITEMS and self.still_open[-1] != name:
            self.still_open.pop()
        if self.still_open[-1] != name:
            self.oddities += 1
        del self.still_open[len(self.still_open) - 1 - self.still_open[::-1].index(name)]

    def _part_of_a_table(self, closes: bool, name: str) -> None:
        if name == "table":
            self.between_cells = not closes
        else:
            # A cell that opens takes what follows; whatever else opens or closes leaves it outside.
            self.between_cells = (closes or name in ROWS) and "table" in self.still_open
