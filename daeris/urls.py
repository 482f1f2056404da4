"""Every address of the project."""

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

from daeris import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("", include("daeris.ui.urls")),
    path("", include("daeris.documents.urls")),
    path("", include("mail.urls")),
    path("", include("chatter.urls")),
]
if apps.is_installed("daeris.demo"):
    urlpatterns.append(path("", include("daeris.demo.urls")))
handler400 = "daeris.ui.views.bad_request"
handler500 = views.server_error
