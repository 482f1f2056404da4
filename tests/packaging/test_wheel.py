"""The wheel, as another project meets it: nothing of this checkout but what was packed."""

import json
import shutil
import sys
import zipfile
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import pytest

from tests.lab.stack import PROJECT
from tests.packaging.conftest import run

pytestmark = pytest.mark.peers

OUTSIDE = Path(__file__).parent / "outside"


@pytest.fixture(scope="session")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as packed:
        return packed.namelist()


def test_it_holds_every_template_and_static_file_inside_an_app(names: list[str]) -> None:
    packed = [name.split("/templates/", 1)[1] for name in names if "/templates/" in name]
    assert sorted(packed) == sorted(files(PROJECT / "templates"))
    packed = [name.split("/static/", 1)[1] for name in names if "/static/" in name]
    assert sorted(packed) == sorted([*files(PROJECT / "static"), "fonts/inter-latin.woff2"])


def files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_it_holds_catalogues_for_programs_and_not_for_translators(wheel: Path, names: list[str]) -> None:
    compiled = [name for name in names if name.endswith(".mo")]
    assert sorted(compiled) == [f"{app}/locale/es/LC_MESSAGES/django.mo" for app in ("chatter", "daeris/ui", "mail")]
    with zipfile.ZipFile(wheel) as packed:
        for name in compiled:
            with packed.open(name) as file:
                assert GNUTranslations(file).gettext("") != ""
    assert not [name for name in names if name.endswith((".po", ".pot"))]


def test_it_holds_no_tests_and_nothing_of_this_machine(wheel: Path, names: list[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"mail", "chatter", "daeris", "daeris-0.1.0.dist-info"}
    assert not [
        name
        for name in names
        if "test" in Path(name).name
        and name != "mail/management/commands/mail_test.py"
        and not name.endswith("_server_test.html")
    ]
    assert "daeris-0.1.0.dist-info/licenses/LICENSE" in names
    with zipfile.ZipFile(wheel) as packed:
        assert not [name for name in names if str(PROJECT).encode() in packed.read(name)]


def test_the_font_is_a_small_woff2(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        font = packed.read("daeris/ui/static/fonts/inter-latin.woff2")

    assert font[:4] == b"wOF2"
    assert len(font) < 45_000


@pytest.fixture(scope="session")
def visit(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an outside project shows after it was migrated and used a little."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(OUTSIDE, folder, dirs_exist_ok=True)
    env = {
        "PYTHONPATH": f"{folder}:{installed}",
        "DJANGO_SETTINGS_MODULE": "helpdesk.settings",
        "PYTHONWARNINGS": "error",
    }
    django = [sys.executable, "-m", "django"]
    run([*django, "makemigrations", "helpdesk"], folder, **env)
    # Its own migration, and none that ours would lack under another user model.
    assert "No changes" in run([*django, "makemigrations", "--check", "--dry-run"], folder, **env)
    run([*django, "migrate", "-v0"], folder, **env)
    seen: dict[str, Any] = json.loads(run([*django, "visit"], folder, **env))
    assert seen["from"] == str(installed / "mail" / "__init__.py")
    return seen


def test_another_project_shows_the_list_of_emails(visit: dict[str, Any]) -> None:
    status, html = visit["pages"]["/settings/mail/mails/"]

    assert status == 200
    assert visit["mails"] == ["copias@levante.example", "julia@levante.example"]
    assert "julia@levante.example" in html
    assert "La impresora no imprime" in html


def test_another_project_shows_a_chatter_on_its_own_model(visit: dict[str, Any]) -> None:
    status, html = visit["pages"]["/tickets/1/"]

    assert status == 200
    assert "¿Está encendida?" in html
    assert "<textarea" in html


def test_every_page_opens_and_speaks_the_language_of_the_project(visit: dict[str, Any]) -> None:
    """The shell's words too, which come with `daeris.ui`."""
    assert {path: status for path, (status, _) in visit["pages"].items()} == dict.fromkeys(visit["pages"], 200)
    assert [path for path, (_, html) in visit["pages"].items() if 'lang="es"' not in html] == []
    assert "Cerrar sesión" in visit["pages"]["/tickets/1/"][1]


def test_every_static_file_is_found(visit: dict[str, Any], installed: Path) -> None:
    found = visit["static"]

    assert [name for name, path in found.items() if not path] == []
    assert {"css/base.css", "js/app.js", "fonts/inter-latin.woff2"} <= found.keys()
    assert found["css/base.css"].startswith(str(installed))
