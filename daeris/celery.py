"""Celery: bells and background work over Redis. Mail itself waits in its table."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "daeris.settings")

app = Celery("daeris")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def _load_engine(**kwargs: object) -> None:
    # Its signal handlers must stand before a worker is ready; tasks import it too, but lazily.
    from mail import worker  # noqa: F401
