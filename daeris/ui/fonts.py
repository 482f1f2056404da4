"""Inter, cut down to the Latin letters: 31 kB instead of 876."""

import logging
import os
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

FILE_NAME = "inter-latin.woff2"
# Latin, its supplement and extension A, punctuation, euro, trade mark, arrows, minus.
LETTERS = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *range(0x2010, 0x2028),
    *(0x20AC, 0x2122, 0x2190, 0x2191, 0x2192, 0x2193, 0x2212),
]
FEATURES = ["kern", "liga", "calt", "tnum", "ccmp", "locl", "mark", "mkmk", "case"]


def cache_folder() -> Path:
    """Where made files are kept: beside the data of the installation, else in the user's cache."""
    from django.conf import settings  # here, because the build of the wheel makes the font without Django

    data = getattr(settings, "DATA_DIR", None)
    if data:
        return Path(data) / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daeris"


def font_file() -> Path | None:
    """The font, made on first use; None when it cannot be made, and pages use the system's letters."""
    target = cache_folder() / "fonts" / FILE_NAME
    if target.is_file():
        return target
    try:
        make_font(target)
    except Exception as error:  # a font is never worth a failed start
        logger.info("Inter was not made (%s); the system's font is used.", error)
        return None
    return target


def make_font(target: Path) -> None:
    """Write the subset to `target`; takes about three seconds."""
    import fontpkg
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont
    from fontTools.varLib.instancer import instantiateVariableFont

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every table
    font = TTFont(fontpkg.path("Inter"))
    options = Options()
    options.layout_features = FEATURES
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=LETTERS)
    # Subset first: the other order fails on this font.
    subsetter.subset(font)
    font = instantiateVariableFont(font, {"opsz": 14, "wght": (400, 700)})
    font.flavor = "woff2"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may make it at once; a rename shows either all of it or nothing.
    handle, part = tempfile.mkstemp(dir=target.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        font.save(file)
    font.close()
    Path(part).chmod(0o644)
    Path(part).replace(target)
