"""What Celery is asked to do: ring bells and tidy up. The work itself is done elsewhere."""

from celery import shared_task

from mail import attachments, bell, claiming, limits, oauth_tokens, probe_runs, retention, tallies, worker
from mail.models import Lane


@shared_task(ignore_result=True)
def deliver_due(lane: str) -> None:
    """Wake this process's engine."""
    bell.heard(lane, worker.wake)


@shared_task(ignore_result=True)
def sweep() -> None:
    """Put back what dead workers held, and ring where something is due: a lost bell loses no mail."""
    claiming.recover()
    for lane in Lane.values:
        if claiming.is_due(lane):
            bell.ring(lane)


@shared_task(ignore_result=True)
def tidy() -> None:
    """Forget uploads that nobody posted, bytes that nothing uses, tests of yesterday, and counts nobody needs."""
    attachments.sweep_uploads()
    attachments.sweep_blobs()
    probe_runs.sweep()
    limits.sweep()
    tallies.sweep()


@shared_task(ignore_result=True)
def let_go() -> None:
    """Take away what has been kept long enough, as far as the time goes."""
    retention.sweep()


@shared_task(ignore_result=True)
def keep_grants() -> None:
    """Renew what accounts granted and no mail has needed for a day, so that no provider takes it back."""
    oauth_tokens.keep_alive()
