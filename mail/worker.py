"""The engine of a Celery worker: begins when the worker is ready, ends when it shuts down."""

import logging
from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down

from mail.engine import Engine
from mail.models import Lane

logger = logging.getLogger(__name__)

_engine: Engine | None = None


def wake() -> None:
    """Let this process's engine look at the queue. In a process without an engine nothing happens."""
    if _engine is not None:
        _engine.wake()


@worker_ready.connect(dispatch_uid="mail_engine_start")
def start(sender: Any, **kwargs: object) -> None:
    """Deliver the lanes whose queues this worker consumes; it looks at the table at once."""
    global _engine
    queues = set(sender.app.amqp.queues.consume_from)
    lanes = [lane for lane in Lane.values if lane in queues]
    if lanes:
        _engine = Engine(lanes)
        _engine.start()
        logger.info("delivering: %s", ", ".join(lanes))


@worker_shutting_down.connect(dispatch_uid="mail_engine_drain")
def drain(**kwargs: object) -> None:
    """No new mail from here on; what is on the wire goes on."""
    if _engine is not None:
        _engine.stop_soon()


@worker_shutdown.connect(dispatch_uid="mail_engine_stop")
def stop(**kwargs: object) -> None:
    """Wait until what was on the wire is written down, half a minute at most."""
    if _engine is not None:
        _engine.stop()
