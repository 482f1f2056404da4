"""Every message is in a catalogue, translated, with the same placeholders; and what reads the sources misses none."""

import ast
import gettext
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.template import engines
from django.template.base import Template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.utils import translation
from django.utils.translation import trim_whitespace

from daeris import messages
from daeris.messages import AREAS, Area

pytestmark = pytest.mark.large
# The sources are read once for all who ask.
extracted = cache(messages.extracted)


def test_the_catalogues_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "extracted", extracted)
    assert messages.problems() == []


def test_spanish_is_impersonal_and_calm() -> None:
    for area in AREAS:
        for message in filter(lambda message: message.id, messages.existing(area, "es")):
            for text in messages._forms(message.string):
                assert "!" not in text, text
                assert "¡" not in text, text


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_every_call_of_gettext_is_extracted(area: Area) -> None:
    found = _keys(extracted(area))

    for path in area.sources:
        if path.suffix == ".py":
            assert set(_calls(path)) <= found, path


def _keys(catalogue: Any) -> set[tuple[str, str]]:
    return {messages._key(message) for message in catalogue if message.id}


def _calls(path: Path) -> Iterator[tuple[str, str]]:
    """The messages of a Python file as its syntax tree has them; a message that is no literal is a mistake."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)) if "gettext" in source else ():
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", "")).removesuffix("_lazy")
        if name in {"_", "gettext", "gettext_noop", "ngettext", "pgettext", "npgettext"}:
            texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            wanted = {"ngettext": 2, "pgettext": 2, "npgettext": 3}.get(name, 1)
            assert len(texts[:wanted]) == wanted, f"{path}:{node.lineno} has no literal message"
            yield (str(texts[0]), str(texts[1])) if "p" in name else ("", str(texts[0]))


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_every_message_of_a_template_is_extracted(area: Area, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _keys(extracted(area))
    constants: set[tuple[str, str]] = set()

    def note(message: str) -> str:
        constants.add(("", message))
        return message

    # Constants, _("…"), are handed to gettext when the template is compiled.
    monkeypatch.setattr("django.template.base.gettext_lazy", note)
    for path in area.sources:
        if path.suffix in {".html", ".txt"}:
            template = engines["django"].from_string(path.read_text()).template
            assert {*_tags(template), *constants} <= found, path


def _tags(template: Template) -> Iterator[tuple[str, str]]:
    """The messages of the translation tags as the compiled template has them."""
    for node in template.nodelist.get_nodes_by_type(TranslateNode):
        yield _context(node), str(node.filter_expression.var.literal).replace("%", "%%")
    for node in template.nodelist.get_nodes_by_type(BlockTranslateNode):
        text, _names = node.render_token_list(node.singular)
        yield _context(node), trim_whitespace(text) if node.trimmed else text


def _context(node: Any) -> str:
    return str(node.message_context.var) if node.message_context else ""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one area, of which the catalogue is to be made."""
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "AREAS", [Area("shop")])
    monkeypatch.setattr(messages, "SHELL", "shop")
    (tmp_path / "shop").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "shop" / "code.py").write_text(
        "from django.utils.translation import gettext as _, ngettext, pgettext_lazy\n"
        'a = _("Hello %(name)s") % {"name": "x"}\n'
        'b = ngettext("%(count)s mail", "%(count)s mails", 2)\n'
        'c = pgettext_lazy("a month", "May")\n'
        'd = _("in two "\n      "lines")\n'
    )
    (tmp_path / "templates" / "page.html").write_text(
        '{% load i18n %}{% translate "Plain" %}{% translate "100 % sure" as sure %}{% translate "May" context "verb" %}'
        "{% blocktranslate trimmed %}\n  Two\n  lines of {{ name }}\n{% endblocktranslate %}"
        '{% blocktranslate count n=n context "box" %}{{ n }} item{% plural %}{{ n }} items{% endblocktranslate %}'
        """{{ _("It's") }}{{ x|default:_('Filter') }}{% include "other" with a=_("First") b=_("Second") %}"""
        '{# translate "not this" #}{% comment %}{% translate "nor this" %}{% endcomment %}'
    )
    return tmp_path


EXPECTED = {
    ("", "Hello %(name)s"),
    ("", "%(count)s mail"),
    ("a month", "May"),
    ("", "in two lines"),
    ("", "Plain"),
    ("", "100 %% sure"),
    ("verb", "May"),
    ("", "Two lines of %(name)s"),
    ("box", "%(n)s item"),
    ("", "It's"),
    ("", "Filter"),
    ("", "First"),
    ("", "Second"),
}


def test_code_and_templates_are_read(project: Path) -> None:
    assert _keys(messages.extracted(Area("shop"))) == EXPECTED


def test_translations_are_kept_and_what_is_gone_goes(project: Path) -> None:
    messages.extract()
    path = Area("shop").catalogue("es")
    path.write_text(path.read_text().replace('msgid "Plain"\nmsgstr ""', 'msgid "Plain"\nmsgstr "Simple"'))
    before = path.read_bytes()

    messages.extract()
    assert path.read_bytes() == before  # nothing changed, so nothing is written differently

    (project / "shop" / "code.py").write_text("")
    messages.extract()
    assert 'msgstr "Simple"' in path.read_text()
    assert "Hello" not in path.read_text()


def test_compiled_catalogues_are_read_by_gettext(project: Path) -> None:
    messages.extract()
    path = Area("shop").catalogue("es")
    text = path.read_text().replace('msgid "Plain"\nmsgstr ""', 'msgid "Plain"\nmsgstr "Simple"')
    path.write_text(
        text.replace('msgstr[0] ""\nmsgstr[1] ""', 'msgstr[0] "un correo"\nmsgstr[1] "%(count)s correos"', 1)
    )

    (compiled,) = messages.compile_catalogues()

    with compiled.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    assert catalogue.gettext("Plain") == "Simple"
    assert catalogue.ngettext("%(count)s mail", "%(count)s mails", 5) == "%(count)s correos"
    assert catalogue.gettext("Hello %(name)s") == "Hello %(name)s"  # not translated, so not there


@pytest.mark.parametrize(
    ("source", "translation_", "problem"),
    [
        ('msgid "Plain"\nmsgstr ""', 'msgid "Plain"\nmsgstr ""', "not translated: 'Plain'"),
        ('msgid "Plain"\nmsgstr ""', '#, fuzzy\nmsgid "Plain"\nmsgstr "Simple"', "marked as a guess (fuzzy): 'Plain'"),
        (
            'msgid "Hello %(name)s"\nmsgstr ""',
            'msgid "Hello %(name)s"\nmsgstr "Hola"',
            "other placeholders than the message: 'Hello %(name)s'",
        ),
        ('msgid "Plain"\nmsgstr ""', 'msgid "Plain"\nmsgstr "%s"', "other placeholders than the message: 'Plain'"),
        ('msgid "Plain"', 'msgid "Other"', "no longer used: 'Other'"),
        ('msgid "Plain"', 'msgid "Other"', "not in the catalogue: 'Plain' (templates/page.html)"),
    ],
)
def test_what_is_wrong_is_told(project: Path, source: str, translation_: str, problem: str) -> None:
    messages.extract()
    path = Area("shop").catalogue("es")
    assert source in path.read_text()
    path.write_text(path.read_text().replace(source, translation_))

    assert f"shop/locale/es/LC_MESSAGES/django.po: {problem}" in messages.problems()


def test_one_message_has_one_translation(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "AREAS", [Area("shop"), Area("stock")])
    shutil.copytree(project / "shop", project / "stock")
    messages.extract()
    for area, word in (("shop", "Hola %(name)s"), ("stock", "Buenas %(name)s")):
        path = Area(area).catalogue("es")
        path.write_text(
            path.read_text().replace('msgid "Hello %(name)s"\nmsgstr ""', f'msgid "Hello %(name)s"\nmsgstr "{word}"')
        )

    assert "es: translated differently in two areas: 'Hello %(name)s'" in messages.problems()


def test_the_command_tells_by_its_exit_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert messages.main(["extract"]) == 0
    assert messages.main(["check"]) == 1
    assert "not translated: 'Plain'" in capsys.readouterr().out
    assert messages.main(["compile"]) == 0
    assert messages.main([]) == 2


def test_the_language_of_the_reader_is_used() -> None:
    messages.compile_catalogues()
    with translation.override("es"):
        assert translation.gettext("Retry") == "Reintentar"
        assert translation.pgettext("opportunity", "New") == "Nueva"
    with translation.override("en"):
        assert translation.gettext("Retry") == "Retry"
