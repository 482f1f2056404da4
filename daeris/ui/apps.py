from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "daeris.ui"
    label = "ui"
