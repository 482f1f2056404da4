"""Tests of servers under way: each in a thread of the web process, its steps written to a row as they come.

What was typed, secrets among it, stays in the memory of this process: neither the broker nor the database sees it.
"""

import logging
import threading
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import connections
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from mail.causes import describe
from mail.endpoint import Endpoint
from mail.models import Probe, Server
from mail.probe_report import ProbeReport, ProbeStep
from mail.probing import Trial, take_steps
from mail.releasing import release

logger = logging.getLogger(__name__)

# A test holds a thread for up to a minute.
MOST_AT_ONCE = 3
# No test takes as long; one that has not ended by then ended with its process.
INTERRUPTED_AFTER = timedelta(seconds=60)
KEPT_FOR = timedelta(days=1)

_room = threading.BoundedSemaphore(MOST_AT_ONCE)


class NoRoom(Exception):
    """As many tests as may be are under way in this process."""


def start(trial: Trial, *, user: Any, server: Server | None) -> Probe:
    """Begin the test and return at once; the row tells how it goes. Raises NoRoom."""
    probe = _begin(user, server)
    language = translation.get_language()

    def work() -> None:
        try:
            with translation.override(language):
                _run(trial, probe)
        finally:
            connections.close_all()
            _room.release()

    # Nothing to wait for when the process ends: the row says that the test was interrupted.
    threading.Thread(target=work, name=f"test {probe.pk}", daemon=True).start()
    return probe


def run(trial: Trial, *, user: Any, server: Server | None) -> Probe:
    """Make the test and return when it is over, within a minute. Raises NoRoom."""
    probe = _begin(user, server)
    try:
        _run(trial, probe)
    finally:
        _room.release()
    return probe


def sweep() -> None:
    """Forget the tests of yesterday."""
    Probe.objects.filter(started_at__lt=now() - KEPT_FOR).delete()


def is_interrupted(probe: Probe) -> bool:
    """Whether the process that made the test is gone."""
    return probe.finished_at is None and probe.started_at < now() - INTERRUPTED_AFTER


def _begin(user: Any, server: Server | None) -> Probe:
    if not _room.acquire(blocking=False):
        raise NoRoom
    try:
        return Probe.objects.create(user=user, server=server)
    except BaseException:
        _room.release()
        raise


def _run(trial: Trial, probe: Probe) -> None:
    done: list[ProbeStep] = []
    try:
        for step in take_steps(trial):
            if step.ok is None:
                # One write tells what is done and what comes next.
                _write(probe, [*done, step])
            else:
                done.append(step)
        report = ProbeReport(tuple(done))
        if report.connects and probe.server and _release(probe.server, trial.endpoint):
            done.append(ProbeStep("note", True, 0, _("Stopped mail"), _("The server goes on: what waited leaves now.")))
    except Exception:  # ours to mend: whoever waits must not wait for ever
        logger.exception("test %s", probe.pk)
        done.append(_defect())
    probe.ok = ProbeReport(tuple(done)).ok
    probe.finished_at = now()
    _write(probe, done)


def _write(probe: Probe, steps: list[ProbeStep]) -> None:
    probe.steps = [asdict(step) for step in steps]
    Probe.objects.filter(pk=probe.pk).update(steps=probe.steps, ok=probe.ok, finished_at=probe.finished_at)


def _defect() -> ProbeStep:
    cause = describe("internal")
    return ProbeStep("internal", False, 0, _("Test"), str(cause.explanation), str(cause.action), cause=cause.code)


def _release(server: Server, tested: Endpoint) -> bool:
    """Let the server go on, if it is stopped and what was tested is what is stored. Whether it was stopped."""
    stored = Server.objects.filter(pk=server.pk).first()
    if stored is None or not (stored.blocked_cause or stored.trouble_since) or Endpoint.of(stored) != tested:
        return False
    release(stored)
    return True
