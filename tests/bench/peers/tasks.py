"""One Celery task for each row, through Django's own SMTP backend."""

from celery import shared_task
from django.core.mail import EmailMultiAlternatives
from django.utils.timezone import now

from tests.bench.peers.models import Row


@shared_task(autoretry_for=(OSError,), retry_backoff=True)
def send_row(pk: int) -> None:
    row = Row.objects.get(pk=pk)
    message = EmailMultiAlternatives(row.subject, row.text, row.sender, [row.recipient])
    message.attach_alternative(row.html, "text/html")
    message.send()
    row.state, row.sent, row.attempts = "sent", now(), row.attempts + 1
    row.save(update_fields=["state", "sent", "attempts"])
