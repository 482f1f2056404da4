from django.apps import AppConfig
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class DaerisConfig(AppConfig):
    name = "daeris"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        connection_created.connect(_let_go_in_time, dispatch_uid="daeris_let_go_in_time")


def _let_go_in_time(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Bound how long a transaction may stand still.

    Whoever is frozen, or on a host that is cut off, would keep its rows from all the others for hours: PostgreSQL
    does not notice sooner that nobody is there.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = %s", [settings.MAIL_LEASE_SECONDS * 1000])
