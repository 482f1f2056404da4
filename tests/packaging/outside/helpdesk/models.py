from django.db import models

from chatter.threads import Threaded


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user):
        return self if user.has_perm("helpdesk.view_ticket") else self.none()


class Ticket(Threaded):
    title = models.CharField(max_length=100)
    objects = TicketQuerySet.as_manager()

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return f"/tickets/{self.pk}/"
