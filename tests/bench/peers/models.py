"""The queue that a team writes for itself: one row for each e-mail."""

from django.db import models


class Row(models.Model):
    state = models.CharField(max_length=10, default="queued", db_index=True)
    sender = models.CharField(max_length=254)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=998)
    text = models.TextField()
    html = models.TextField()
    attempts = models.IntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    sent = models.DateTimeField(null=True)
    objects: models.Manager["Row"] = models.Manager()

    class Meta:
        app_label = "peers"

    def __str__(self) -> str:
        return self.subject
