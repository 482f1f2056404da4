"""What has gone through a server lately: for its limits, and for the bars that people see."""

from django.db import models

from mail.models.server import Server


class Usage(models.Model):
    """How many mails a server was given in one slice of a sliding window.

    A window is the sum of its slices, and a slice counts until its end is a whole window ago. So a limit is never
    passed, and a count costs as many rows as a window has slices, however much leaves.
    """

    class Window(models.TextChoices):
        MINUTE = "minute"
        HOUR = "hour"
        DAY = "day"

    # Seconds of a window, and of each of its slices.
    SECONDS = {Window.MINUTE: (60, 1), Window.HOUR: (3600, 60), Window.DAY: (86400, 900)}

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    window = models.CharField(max_length=6, choices=Window)
    # Which slice: the epoch's seconds by the database's clock, divided by the length of a slice.
    slice = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "window", "slice"], name="usage_slice")]

    def __str__(self) -> str:
        return f"{self.server_id} {self.window} {self.slice}: {self.count}"


class ConnectionShare(models.Model):
    """The connections that one worker may open to a server whose simultaneous connections are limited."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    owner = models.CharField(max_length=100)
    connections = models.PositiveSmallIntegerField()
    lease_until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "owner"], name="share_of_a_worker")]

    def __str__(self) -> str:
        return f"{self.server_id} {self.owner}: {self.connections}"


class Tally(models.Model):
    """How many mails left through a server, and how many tries failed there, in one hour."""

    server = models.ForeignKey(Server, models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    sent = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server", "hour"], name="tally_hour")]

    def __str__(self) -> str:
        return f"{self.server_id} {self.hour}: {self.sent}/{self.failed}"
