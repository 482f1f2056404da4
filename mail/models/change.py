"""Who changed what on servers, domains and options."""

from django.conf import settings
from django.db import models


class Change(models.Model):
    """One field that a person or a command changed: from what, to what. Secrets are never in it."""

    at = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # As it was called then: a deleted user or server keeps its story.
    user_name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=20)  # the model's name: server, domain, options, identityrule
    object_id = models.PositiveBigIntegerField(null=True)
    object_name = models.CharField(max_length=254, blank=True)
    field = models.CharField(max_length=40)  # empty: the whole object was created or deleted
    old = models.TextField(blank=True)
    new = models.TextField(blank=True)

    class Meta:
        # The story of one object, newest first.
        indexes = [models.Index(fields=["kind", "object_id", "-id"], name="change_of_object")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_name}: {self.field}"
