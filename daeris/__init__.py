"""The Daeris project: wiring, the shell, the documents."""

from daeris.celery import app as celery_app

__all__ = ["celery_app"]
