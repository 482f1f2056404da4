"""HTML made safe to show, and readable as plain text.

Everything goes through nh3 first: it parses like a browser, so what comes out is well-formed however broken or
hostile the input was, and the writers below never see anything else.
"""

import re
from collections.abc import Collection, Mapping
from html import escape, unescape

import nh3

from mail.markup import tamed, words_of

TABLES = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
THREAD_TAGS = {
    *("p", "br", "strong", "em", "u", "s", "a", "ul", "ol", "li", "blockquote", "pre", "code", "h1", "h2", "h3"),
    *("img", *TABLES),
}
# A letter keeps its looks: the view that shows it is sandboxed and answers with a policy of its own (ui.md §11).
LETTER_TAGS = THREAD_TAGS | {
    *("div", "span", "b", "i", "del", "ins", "sub", "sup", "small", "big", "font", "center", "hr", "h4", "h5", "h6"),
    *("dl", "dt", "dd", "col", "colgroup", "style", "address", "section", "article", "header", "footer", "main"),
}
# Other names for what the thread has, and boxes that only part lines.
RENAMED = {"b": "strong", "i": "em", "del": "s", "strike": "s", "ins": "u", "h4": "h3", "h5": "h3", "h6": "h3"}
RENAMED_TAG = re.compile(rf"<(/?)({'|'.join(RENAMED)})>")
BOXES = {"div", "section", "article", "header", "footer", "main", "center", "address", "dl", "dt", "dd"}
BOX = re.compile(rf"\s*</?(?:{'|'.join(sorted(BOXES))})>\s*")
EDGES = ("p", "ul", "ol", "li", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", *sorted(TABLES))
LINE_ENDS = ("<br>", *(f"<{name}>" for name in EDGES), *(f"</{name}>" for name in EDGES))
BLIND_IMAGE = re.compile(r'<img(?: (?:alt|width|height)="[^"]*")*>')
SILENT = {"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math", "textarea", "select"}
LINK = re.compile(r"(?:https?://|mailto:|tel:)\S", re.IGNORECASE)
PICTURE_DATA = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
SPACE = re.compile(r"[ \t\r\n\f]+")
URL = re.compile(r"https?://[^\s<>\"'`]{1,2000}", re.IGNORECASE)
FETCHES = re.compile(r"url\(|\\|@import|image-set|expression", re.IGNORECASE)
# Beyond this many levels of lists and quotes, indentation helps nobody (and would grow without end).
LEVELS = 12
LOOK = {"style", "class", "align", "valign", "width", "height", "bgcolor", "color", "dir", "lang"}


def sanitise(html: str, *, images_from: Collection[str] = ()) -> str:
    """HTML for a thread: the few tags that writing needs, links that open elsewhere, images of our own only.

    Images are kept when they are attached (`cid:`) or when their address begins with one of `images_from`.
    """

    def attribute(tag: str, name: str, value: str) -> str | None:
        if name == "href":
            return value if LINK.match(value) else None
        if name == "src":
            return value if value.startswith(("cid:", *images_from)) else None
        if name == "class":
            return "mention" if "mention" in value.split() else None
        return value if name in {"alt", "target", "rel"} or value.isdigit() else None

    markup = tamed(html)
    if markup is None:
        return text_to_html(words_of(html))
    clean = nh3.clean(
        markup,
        tags=THREAD_TAGS | RENAMED.keys() | BOXES,
        clean_content_tags=SILENT,
        attributes={
            "a": {"href", "class", "data-contact"},
            "img": {"src", "alt", "width", "height"},
            "ol": {"start"},
            "td": {"colspan", "rowspan"},
            "th": {"colspan", "rowspan"},
        },
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer",
    )
    return _renamed(_unboxed(BLIND_IMAGE.sub("", clean)))


def _unboxed(html: str) -> str:
    """Boxes without looks are only line breaks; where a line ends anyway, not even that."""
    pieces = BOX.split(html)
    written = pieces[0]
    out = [written]
    for piece in pieces[1:]:
        if written and not written.endswith(LINE_ENDS):
            out.append("<br>")
            written = "<br>"
        if piece:
            out.append(piece)
            written = piece.rstrip() or written
    return "".join(out).removesuffix("<br>") if len(pieces) > 1 else html


def _renamed(html: str) -> str:
    return RENAMED_TAG.sub(lambda match: f"<{match[1]}{RENAMED[match[2]]}>", html)


def body_document(html: str, *, images: Mapping[str, str] | None = None) -> str:
    """A whole document for the sandboxed view: looks kept, nothing remote, every link to a tab of its own.

    `images` says where the view finds the attached images: content identifier → address.
    """
    found = images or {}

    def attribute(tag: str, name: str, value: str) -> str | None:
        if name == "href":
            return value if LINK.match(value) else None
        if name == "src":
            if value.startswith("cid:"):
                return found.get(value.removeprefix("cid:"))
            return value if PICTURE_DATA.fullmatch(value) else None
        # The view's policy stops whatever a style would load; most of it is not even written.
        return None if name == "style" and FETCHES.search(value) else value

    markup = tamed(html)
    if markup is None:
        return DOCUMENT % text_to_html(words_of(html))
    safe = nh3.clean(
        markup,
        tags=LETTER_TAGS,
        clean_content_tags=SILENT - {"style"},
        attributes={
            "*": LOOK,
            "a": {"href", "name"},
            "img": {"src", "alt", "border", "hspace", "vspace"},
            "table": {"cellpadding", "cellspacing", "border"},
            "td": {"colspan", "rowspan", "nowrap"},
            "th": {"colspan", "rowspan", "nowrap"},
            "font": {"face", "size"},
            "ol": {"start", "type"},
        },
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "tel", "data", "cid"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer",
    )
    return DOCUMENT % safe


DOCUMENT = """<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<style>
:root { color-scheme: light; }
body { margin: 0; padding: 16px; background: #fff; color: #1b1f23; overflow-wrap: break-word;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
img { max-width: 100%%; height: auto; }
table { max-width: 100%%; }
pre { white-space: pre-wrap; }
blockquote { margin: 0 0 0 4px; padding: 0 0 0 12px; border-left: 2px solid #c7cfd3; color: #5b676d; }
a { color: #005f6c; }
</style>
</head>
<body>
%s
</body>
</html>
"""


def is_empty(html: str) -> bool:
    """Whether a reader would see nothing: no words and no image."""
    return not to_text(html).strip() and "<img" not in sanitise(html)


def text_to_html(text: str) -> str:
    """Plain text as paragraphs, with its web addresses made links."""
    paragraphs = re.split(r"\n[ \t]*\n\s*", text.replace("\r\n", "\n").replace("\r", "\n").strip("\n"))
    return "\n".join(f"<p>{_linked(paragraph)}</p>" for paragraph in paragraphs if paragraph.strip())


def _linked(paragraph: str) -> str:
    pieces: list[str] = []
    end = 0
    for match in URL.finditer(paragraph):
        url = _without_the_sentence(match[0])
        pieces += [
            escape(paragraph[end : match.start()]),
            f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(url)}</a>',
        ]
        end = match.start() + len(url)
    return "".join([*pieces, escape(paragraph[end:])]).replace("\n", "<br>\n")


def _without_the_sentence(url: str) -> str:
    """The address without the full stop or the bracket that the sentence around it put there."""
    while url[-1] in ".,;:!?…»*_" or (url[-1] == ")" and url.count(")") > url.count("(")):
        url = url[:-1]
    return url


def to_text(html: str) -> str:
    """The same in plain text: paragraphs, lists, quotes, a line for each row of a table, links with their address."""
    markup = tamed(html)
    if markup is None:
        return " ".join(words_of(html).split())
    safe = nh3.clean(
        markup,
        tags=LETTER_TAGS - {"style"},
        clean_content_tags=SILENT,
        attributes={"a": {"href"}, "img": {"alt"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )
    writer = _TextWriter()
    writer.feed(safe)
    return writer.text()


PARAGRAPHS = {"p", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl"}
BLOCKS = {"div", "li", "tr", "dt", "dd", "caption", "center", "address"} | {
    *("section", "article", "header", "footer", "main"),
}


# What nh3 writes: whole tags, values in quotes, every other "<" escaped. Python's parser takes four times as long.
TOKEN = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"]*")*)>|([^<]+)')
ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')


class _TextWriter:
    """Writes the text line by line. Reads only what nh3 made well-formed."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._inline: list[str] = []
        self._gap = False
        # For each open quote or list item: what begins its next line, and what begins the lines after that.
        self._levels: list[list[str]] = []
        self._written: list[str] = []
        self._lists: list[int | None] = []
        self._href = ""
        self._label: list[str] = []
        self._pre = 0

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines).replace("\xa0", " ")

    def feed(self, safe: str) -> None:
        for closes, tag, attributes, words in TOKEN.findall(safe):
            if words:
                self._said(unescape(words))
            elif closes:
                self._closed(tag)
            else:
                self._opened(tag, {name: unescape(value) for name, value in ATTRIBUTE.findall(attributes)})

    def _opened(self, tag: str, given: dict[str, str]) -> None:
        if tag in PARAGRAPHS:
            self._end_line()
            # A list inside a list stays close to its item.
            self._gap = self._gap or not (tag in {"ul", "ol"} and self._lists)
        elif tag in BLOCKS:
            self._end_line()
        match tag:
            case "br":
                self._end_line(keep_empty=True)
            case "hr":
                self._end_line()
                self._inline = ["----------"]
                self._end_line()
            case "ul":
                self._lists.append(None)
            case "ol":
                start = given.get("start", "")
                self._lists.append(int(start) if start.isdecimal() and len(start) < 6 else 1)
            case "li":
                self._levels.append(self._bullet())
            case "blockquote":
                self._levels.append(["> ", "> "])
            case "pre":
                self._pre += 1
            case "td" | "th":
                if "".join(self._inline).strip():
                    self._inline.append(" | ")
            case "img":
                if alt := given.get("alt", "").strip():
                    self._said(f"[{alt}]")
            case "a":
                self._href, self._label = given.get("href", ""), []

    def _closed(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        if tag in PARAGRAPHS or tag in BLOCKS:
            self._end_line()
        if tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        if tag in {"li", "blockquote"} and self._levels:
            self._levels.pop()
        if tag == "pre":
            self._pre -= 1
        if tag in PARAGRAPHS:
            self._gap = self._gap or not (tag in {"ul", "ol"} and self._lists)

    def _said(self, data: str) -> None:
        if self._href:
            self._label.append(data)
        if not self._pre:
            self._inline.append(SPACE.sub(" ", data))
            return
        first, *others = data.split("\n")
        self._inline.append(first)
        for line in others:
            self._end_line(keep_empty=True)
            self._inline.append(line)

    def _bullet(self) -> list[str]:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return ["- ", "  "]
        self._lists[-1] = number + 1
        bullet = f"{number}. "
        return [bullet, " " * len(bullet)]

    def _end_link(self) -> None:
        label = SPACE.sub(" ", "".join(self._label)).strip()
        address = self._href.strip()
        bare = re.sub(r"^(?:mailto:|tel:|https?://)", "", address).rstrip("/")
        if address and label.removeprefix("http://").removeprefix("https://").rstrip("/") != bare:
            self._inline.append(f" ({re.sub('^(?:mailto:|tel:)', '', address)})" if label else address)
        self._href, self._label = "", []

    def _end_line(self, *, keep_empty: bool = False) -> None:
        line = "".join(self._inline)
        line = line.rstrip() if self._pre else re.sub(" {2,}", " ", line).strip()
        self._inline = []
        if not line and not keep_empty:
            return
        levels = self._levels[:LEVELS]
        if self._gap and self._lines:
            self._lines.append(_common(self._written, [rest for _first, rest in levels]).rstrip())
        self._gap = False
        self._lines.append(("".join(first for first, _rest in levels) + line).rstrip())
        self._written = [rest for _first, rest in levels]
        for level in levels:
            level[0] = level[1]


def _common(before: list[str], after: list[str]) -> str:
    """What begins an empty line between two others: the quotes that both are in."""
    shared: list[str] = []
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        shared.append(one)
    return "".join(shared)
