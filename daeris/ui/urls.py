"""Addresses of the shell; another project includes them at its root: `path("", include("daeris.ui.urls"))`."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from daeris.ui import views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("theme/", views.set_theme, name="set_theme"),
    path("language/", views.set_language, name="set_language"),
    path("search/", views.search, name="search"),
]
