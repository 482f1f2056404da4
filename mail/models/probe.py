"""A connection test under way or done: its steps as they come."""

import uuid

from django.conf import settings
from django.db import models

from mail.models.server import Server


class Probe(models.Model):
    """One test of a server, saved or not. Holds what the server said, never a secret; kept for a day."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    # None: the server is not saved yet.
    server = models.ForeignKey(Server, models.CASCADE, null=True, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(default=False)
    # The steps so far, as plain values (`probing.ProbeStep`).
    steps = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.id}"
