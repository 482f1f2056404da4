"""What the wheel holds besides the packages: templates and static files inside the apps, catalogues compiled."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
# Top-level folders of templates and static files, and the app in which other projects' loaders find them.
OWNERS = {"mail": "mail", "chatter": "chatter", "documents": "daeris/documents", "demo": "daeris/demo"}
SHELL = "daeris/ui"


class Hook(BuildHookInterface[Any]):
    """Maps the top-level folders into the apps, makes the font, compiles the catalogues."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it packs the wheel."""
        files: dict[str, str] = build_data["force_include"]
        for path in _files(ROOT / "templates"):
            owner = OWNERS.get(path.relative_to(ROOT / "templates").parts[0], SHELL)
            files[str(path)] = f"{owner}/{path.relative_to(ROOT)}"
        for path in _files(ROOT / "static"):
            files[str(path)] = f"{SHELL}/{path.relative_to(ROOT)}"
        files[str(_font())] = f"{SHELL}/static/fonts/inter-latin.woff2"
        for catalogue in _compiled():
            # The shell's words go with the shell: other projects install `daeris.ui` without `daeris`.
            name = str(catalogue.relative_to(ROOT))
            files[str(catalogue)] = name.replace("daeris/locale/", f"{SHELL}/locale/", 1)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _font() -> Path:
    path = ROOT / "build" / "inter-latin.woff2"
    if not path.exists():
        _load("daeris/ui/fonts.py").make_font(path)
    return path


def _compiled() -> list[Path]:
    catalogues: list[Path] = _load("daeris/messages.py").compile_catalogues()
    return catalogues


def _load(name: str) -> ModuleType:
    """A module by its file: importing its package would want all of Daeris's dependencies for the build."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / name)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
