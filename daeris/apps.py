from django.apps import AppConfig
from django.db.backends.signals import connection_created

from mail.desk import let_go_in_time


class DaerisConfig(AppConfig):
    name = "daeris"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        connection_created.connect(let_go_in_time, dispatch_uid="daeris_let_go_in_time")
