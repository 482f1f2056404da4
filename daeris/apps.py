from django.apps import AppConfig


class DaerisConfig(AppConfig):
    name = "daeris"
    default_auto_field = "django.db.models.BigAutoField"
