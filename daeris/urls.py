"""Every address of the project."""

from importlib.util import find_spec

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

from daeris import views

# The apps of the project; the demo's mailbox exists only where the demo does.
APPS = ["daeris.documents", "mail", "chatter", "daeris.demo"]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("", include("daeris.ui.urls")),
    *(path("", include(f"{app}.urls")) for app in APPS if apps.is_installed(app) and find_spec(f"{app}.urls")),
]
handler500 = views.server_error
