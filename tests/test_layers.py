"""Imports point one way (style.md): documents → chatter → mail; the shell knows none of them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
APPS = ("mail", "chatter", "daeris")

# What each part may import of ours, beside itself.
MAY_IMPORT = {
    "daeris.ui": [],
    "mail": ["daeris.ui"],
    "chatter": ["mail", "daeris.ui"],
    "daeris.documents": ["chatter", "mail", "daeris.ui", "daeris.models"],
    "daeris.settings": ["daeris.secrets"],
    "daeris.secrets": [],
    "daeris.health": [],
    "daeris.messages": [],
}


@cache
def modules() -> dict[Path, list[str]]:
    """Every module of ours, and what it imports; read once."""
    found = [path for app in APPS for path in (PROJECT / app).rglob("*.py")]
    assert len(found) > 100
    return {path: list(imports_of(path)) for path in (path.relative_to(PROJECT) for path in found)}


def name_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    """Every module of ours that this file imports, wherever in the file it does so."""
    source = (PROJECT / path).read_text()
    package = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in APPS)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module.split(".")[0] in APPS:
                # `from daeris import ui` imports the module daeris.ui.
                yield from (
                    f"{module}.{alias.name}" if is_module(f"{module}.{alias.name}") else module for alias in node.names
                )


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement below this one; expressions, which are most of a tree, are left aside."""
    for part in ("body", "orelse", "handlers", "finalbody", "cases"):
        for one in getattr(node, part, ()):
            yield one
            yield from statements(one)


def is_module(name: str) -> bool:
    path = PROJECT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def lies_in(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def part_of(name: str) -> str | None:
    """The part with rules of its own that this module belongs to."""
    return max((part for part in MAY_IMPORT if lies_in(name, part)), key=len, default=None)


def test_imports_point_one_way() -> None:
    against = [
        f"{path} imports {imported}"
        for path, imports in modules().items()
        if (part := part_of(name_of(path)))
        for imported in imports
        if not any(lies_in(imported, allowed) for allowed in [part, *MAY_IMPORT[part]])
    ]

    assert against == []


@pytest.mark.parametrize("app", ["mail", "chatter", "daeris/documents", "daeris/ui"])
def test_apps_do_without_what_only_one_installation_has(app: str) -> None:
    """The demo and the embedded start stand above everything: nothing stands on them."""
    against = [
        f"{path} imports {imported}"
        for path, imports in modules().items()
        if path.is_relative_to(app)
        for imported in imports
        if any(lies_in(imported, part) for part in ("daeris.demo", "daeris.embedded", "daeris.demo_company", "tests"))
    ]

    assert against == []


def test_the_product_does_not_import_its_tests() -> None:
    assert [path for path, imports in modules().items() if any(lies_in(name, "tests") for name in imports)] == []


def test_the_walk_sees_every_way_of_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.PROJECT", tmp_path)
    for folder in ("mail", "chatter", "daeris/ui"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "chatter" / "threads.py").touch()
    source = tmp_path / "mail" / "queue.py"
    source.write_text(
        "import chatter.threads\n"
        "from chatter import threads\n"
        "from daeris import ui\n"
        "from . import smtp\n"
        "def late():\n    from chatter.threads import Threaded\n"
    )

    assert list(imports_of(Path("mail/queue.py"))) == [
        "chatter.threads",
        "chatter.threads",
        "daeris.ui",
        "mail",
        "chatter.threads",
    ]
