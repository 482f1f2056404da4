"""Icons, the font, hashed files, and templates that the content security policy lets work."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.template import Context, Template
from django.test import Client, override_settings
from fontTools.ttLib import TTFont

from daeris.ui import fonts
from daeris.ui.finders import FONT_PATH, FontFinder
from daeris.ui.icons import UnknownIcon, icon_svg
from daeris.ui.storage import ManifestStorage

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# E-mail bodies are read in mail programs, which know no style sheets.
PAGES = [path for path in TEMPLATES if "email" not in path.parts]


# -- Templates --------------------------------------------------------------------------------------
FORBIDDEN = {
    "script text": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.IGNORECASE),
    "style element": re.compile(r"<style\b", re.IGNORECASE),
    "style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "hx-on": re.compile(r"\bhx-on\b|\bhx-on:", re.IGNORECASE),
    "js: values": re.compile(r"hx-(?:vals|headers)\s*=\s*['\"]\s*(?:js|javascript):", re.IGNORECASE),
    "trigger filter": re.compile(r"hx-trigger\s*=\s*['\"][^'\"]*\[", re.IGNORECASE),
    "javascript: address": re.compile(r"(?:href|action|src)\s*=\s*['\"]?\s*javascript:", re.IGNORECASE),
    "srcdoc": re.compile(r"\bsrcdoc\s*=", re.IGNORECASE),
}


def test_templates_keep_to_the_content_security_policy() -> None:
    texts = {
        path: re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", path.read_text(), flags=re.DOTALL) for path in PAGES
    }

    assert [
        (str(path), name) for path, text in texts.items() for name, pattern in FORBIDDEN.items() if pattern.search(text)
    ] == []


def test_a_comment_ends_on_its_line() -> None:
    # Django shows one that does not.
    assert [str(path) for path in TEMPLATES if re.search(r"{#(?!.*#})", path.read_text())] == []


def test_the_search_for_what_is_forbidden_finds_it() -> None:
    samples = ["<script>1</script>", '<p style="x">', "<a onclick='x'>", '<a hx-on:click="x">', '<i hx-trigger="a[b]">']
    for sample in samples:
        assert any(pattern.search(sample) for pattern in FORBIDDEN.values()), sample


# -- Icons ------------------------------------------------------------------------------------------
def test_an_icon_is_hidden_from_assistive_technology() -> None:
    svg = Template('{% load ui %}{% icon "send" class="icon--lg" %}').render(Context())

    assert svg.startswith('<svg class="icon icon--lg"')
    assert 'aria-hidden="true"' in svg
    assert "<path" in svg


def test_an_icon_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(UnknownIcon, match="no-such-icon"):
        icon_svg("no-such-icon")


def test_in_production_an_unknown_icon_is_a_dot(settings: Any) -> None:
    settings.UI_STRICT = False
    icon_svg.cache_clear()

    assert "<circle" in icon_svg("no-such-icon-either")
    icon_svg.cache_clear()


def test_classes_of_an_icon_are_escaped() -> None:
    assert '"><script>' not in icon_svg("send", '"><script>')


ICON = re.compile(r"""{%\s*(?:icon\s+|\w+\s[^%]*?\bicon=)"([a-z0-9-]+)\"""")
ICON_NAMES = [
    (path, name)
    for path in TEMPLATES
    for name in re.findall(
        r"""{%\s*(?:icon|nothing|moment|menu|card|pill)\b[^%]*?icon\s*=?\s*"([a-z0-9-]+)\"""", path.read_text()
    )
]


@pytest.mark.parametrize(("path", "name"), sorted(set(ICON_NAMES)), ids=lambda value: getattr(value, "name", value))
def test_every_icon_that_a_template_names_exists(path: Path, name: str) -> None:
    assert icon_svg(name)


# -- The font ---------------------------------------------------------------------------------------
@pytest.mark.peers
def test_the_font_is_made_once_and_is_small(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path

    found = finders.find(FONT_PATH)

    assert isinstance(found, str)
    file = Path(found)
    assert file.read_bytes()[:4] == b"wOF2"
    assert file.stat().st_size < 40_000
    made = file.stat().st_mtime_ns
    assert finders.find(FONT_PATH) == found
    assert file.stat().st_mtime_ns == made
    with TTFont(file) as font:
        assert {ord(letter) for letter in "aÑñçáü€–…→−"} <= set(font.getBestCmap())
        assert {axis.axisTag for axis in font["fvar"].axes} == {"wght"}


def test_without_the_font_pages_go_on(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path

    def broken(target: Path) -> None:
        raise OSError("no room")

    monkeypatch.setattr(fonts, "make_font", broken)

    assert finders.find(FONT_PATH) is None
    assert fonts.font_file() is None


# -- Collected and hashed ---------------------------------------------------------------------------
def collect(folder: Path) -> dict[str, str]:
    """Collect into this folder; the hashed name of every file."""
    with override_settings(
        STATIC_ROOT=str(folder),
        STORAGES={**settings.STORAGES, "staticfiles": {"BACKEND": "daeris.ui.storage.ManifestStorage"}},
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
    names: dict[str, str] = json.loads((folder / "staticfiles.json").read_text())["paths"]
    return names


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder of collected files, and their hashed names; made once, because it takes seconds."""
    folder = tmp_path_factory.mktemp("static")
    return folder, collect(folder)


@pytest.mark.peers
def test_files_are_hashed_and_our_modules_find_each_other(collected: tuple[Path, dict[str, str]]) -> None:
    folder, names = collected

    assert FONT_PATH in names
    for path in (folder / names[name] for name in names if name.startswith("js/")):
        for imported in re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)""", path.read_text()):
            assert (path.parent / imported).is_file(), (path.name, imported)
            assert re.search(r"\.[0-9a-f]{12}\.js$", imported), (path.name, imported)
    font = re.search(r'url\("([^"]+)"\)', (folder / names["css/base.css"]).read_text())
    assert font
    assert (folder / "css" / font[1]).resolve().is_file()


@pytest.mark.peers
def test_the_first_load_of_our_own_is_small(collected: tuple[Path, dict[str, str]], client: Client, db: None) -> None:
    folder, names = collected
    page = client.get("/login/", headers={"accept-language": "en"})
    shell = [f"css/{name}.css" for name in ("tokens", "base", "layout", "components", "chatter")]
    shell += ["js/app.js", "js/requests.js", "django_htmx/htmx-2.min.js"]

    sizes = {name: (folder / f"{names[name]}.br").stat().st_size for name in shell}
    sizes[FONT_PATH] = (folder / names[FONT_PATH]).stat().st_size

    assert sum(sizes.values()) + len(gzip.compress(page.content)) < 90_000, sizes


@pytest.mark.peers
def test_our_script_is_small(collected: tuple[Path, dict[str, str]]) -> None:
    folder, names = collected
    ours = [name for name in names if name.startswith("js/")]

    sizes = {name: len(brotli.compress((folder / names[name]).read_bytes())) for name in ours}

    assert sum(sizes.values()) < 25_000, sizes


@pytest.mark.peers
def test_only_what_is_asked_for_is_pressed(collected: tuple[Path, dict[str, str]]) -> None:
    folder, names = collected

    pressed = {str(path.relative_to(folder)) for path in folder.rglob("*.br")}

    assert f"{names['css/components.css']}.br" in pressed
    assert "css/components.css.br" not in pressed
    assert not any(path.endswith(".map.br") for path in pressed)


def test_a_font_that_could_not_be_made_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daeris.ui.finders.font_file", lambda: None)
    storage = ManifestStorage(location="/nowhere", manifest_storage=FileSystemStorage(location="/nowhere"))

    assert list(FontFinder().list(None)) == []
    assert storage.hashed_name(FONT_PATH) == FONT_PATH
    assert storage.stored_name(FONT_PATH) == FONT_PATH
    with pytest.raises(ValueError, match=r"css/none\.css"):
        storage.hashed_name("css/none.css")
