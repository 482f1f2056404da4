"""A plain Django project with the other queues installed, as a team would have it; runs in .venv-bench."""

from tests.bench.peers.celery import app

__all__ = ["app"]
