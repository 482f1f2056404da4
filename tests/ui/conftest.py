"""The gallery, in a site of its own with two apps in its menus."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from daeris.ui import navigation
from daeris.ui.paging import Count

TEMPLATES = Path(__file__).parent / "templates"


@pytest.fixture
def menus(monkeypatch: pytest.MonkeyPatch) -> navigation.Registry:
    """An empty registry, in place of the one the apps have filled."""
    registry = navigation.Registry()
    monkeypatch.setattr(navigation, "registry", registry)
    return registry


@pytest.fixture
def gallery(settings: Any, menus: navigation.Registry) -> None:
    """A site of components, with menus like the project's."""
    settings.ROOT_URLCONF = "tests.ui.gallery"
    templates = deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"] = [TEMPLATES, *templates[0]["DIRS"]]
    settings.TEMPLATES = templates
    navigation.app("crm", label="CRM", icon="handshake", order=10)
    navigation.app("settings", label="Ajustes", icon="settings", order=90)
    navigation.entry("crm", label="Oportunidades", url="gallery-record", icon="handshake", shortcut="g o")
    navigation.entry(
        "settings", label="Opciones generales", url="gallery-settings", icon="sliders-horizontal", order=10
    )
    navigation.entry(
        "settings",
        label="Correos electrónicos",
        url="gallery-mails",
        icon="mail",
        group="Correo electrónico",
        order=20,
        count=lambda request: navigation.Badge(Count(23), tone="danger", label="fallidos"),
        shortcut="g m",
    )
    navigation.entry(
        "settings",
        label="Servidores de correo saliente",
        url="gallery-options",
        icon="server",
        group="Correo electrónico",
    )
    navigation.bell(lambda request: navigation.Bell(3, "/gallery/mails/"))
