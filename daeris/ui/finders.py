"""Static files that are made and not written."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage, Storage

from daeris.ui.fonts import FILE_NAME, cache_folder, font_file

FONT_PATH = f"fonts/{FILE_NAME}"
# A wheel brings the font along, and its apps' own finder finds it.
PACKED = Path(__file__).parent / "static" / FONT_PATH

List = list  # inside the class `list` is a method


class FontFinder(BaseFinder):
    """Finds `fonts/inter-latin.woff2`, making it when it is not there yet."""

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        file = font_file() if path == FONT_PATH and not PACKED.exists() else None
        if file is None:
            return []
        return [str(file)] if find_all else str(file)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[tuple[str, Storage]]:
        if not PACKED.exists() and font_file():
            yield FONT_PATH, FileSystemStorage(location=cache_folder())

    def check(self, **kwargs: Any) -> List[CheckMessage]:
        return []
