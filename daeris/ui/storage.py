"""Static files under hashed names, compressed, with the imports between our modules hashed too."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

from daeris.ui.finders import FONT_PATH

_HASHED = re.compile(r"\.[0-9a-f]{12}\.[^.]+$")


def is_served(path: str) -> bool:
    """Whether pages ask for this file: under its hashed name, no source map, no edition of htmx but ours."""
    spare = path.startswith("django_htmx/") and "htmx-2.min" not in path
    return bool(_HASHED.search(path)) and not path.endswith(".map") and not spare


class ManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Relative imports in `js/` follow the hashed names, so the pages need no import map."""

    support_js_module_import_aggregation = True
    # Only our own modules: imports inside third-party bundles name files that their wheels do not carry.
    _js_module_import_aggregation_patterns = ("js/*.js", HashedFilesMixin._js_module_import_aggregation_patterns[1])  # type: ignore[attr-defined]

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        # Only what a page asks for: pressing maps and other editions of htmx takes most of the time of a set-up.
        yield from super().compress_files({path for path in paths if is_served(path)})

    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        try:
            return str(super().hashed_name(name, content, filename))
        except ValueError:
            if name != FONT_PATH:
                raise
            return name  # the font could not be made: pages fall back to the system's, and nothing stops

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            if name != FONT_PATH:
                raise
            return name
