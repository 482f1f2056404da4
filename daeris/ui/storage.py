"""Static files under hashed names, compressed, with the imports between our modules hashed too."""

from typing import Any

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

from daeris.ui.finders import FONT_PATH


class ManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Relative imports in `js/` follow the hashed names, so the pages need no import map."""

    support_js_module_import_aggregation = True
    # Only our own modules: imports inside third-party bundles name files that their wheels do not carry.
    _js_module_import_aggregation_patterns = ("js/*.js", HashedFilesMixin._js_module_import_aggregation_patterns[1])

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
