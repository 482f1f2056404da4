"""How long a mail takes from `send_mail` until its server has accepted it."""

import math
from collections.abc import Mapping

from tests.bench import letter, ours, rivals
from tests.bench.lab import Lab
from tests.bench.machine import Watch
from tests.bench.ours import COMPOSE, office, running
from tests.bench.results import Figures, figures
from tests.bench.sinks import Sink

EVERY, BUSY_EVERY = 0.2, 0.1
# Mails before the first that counts: connections stand, code is warm.
FIRST = 5
BUSY_MAILS = 150


def ours_idle(lab: Lab, total: int) -> Figures:
    """One mail each 0.2 s through `send_mail` and the real bell, to an installation that has nothing else to do."""
    with office(lab, "stamped") as (sink, inside), running(lab, COMPOSE):
        beat = lab.stack.beat()
        try:
            inside.ask("go", lanes=["transactional", "mass"])
            with Watch({}) as watch:
                moments = inside.ask("queue_slowly", total=total + FIRST, every=EVERY)
                sink.wait_for(total + FIRST, deadline=60)
            ours.check(inside, sink, total + FIRST)
        finally:
            beat.stop()
        return figures(watch, total) | percentiles(_seconds(moments, sink.accepted(), first=FIRST))


def peer_idle(lab: Lab, total: int) -> Figures:
    """The same by a Celery task for each row."""
    sink = Sink("stamped", lab.authority)
    try:
        env = rivals.environment(lab, sink.address, rivals.CELERY)
        with rivals.helper(lab, env) as desk:
            rivals.empty(lab, desk)
            worker = rivals.Tasks(lab, env, queue="bench")
            try:
                with Watch({}) as watch:
                    moments = desk.ask("queue_slowly", kind="celery", total=total + FIRST, every=EVERY)
                    sink.wait_for(total + FIRST, deadline=60)
            finally:
                worker.stop()
        return figures(watch, total) | percentiles(_seconds(moments, sink.accepted(), first=FIRST))
    finally:
        sink.stop()


def ours_busy(lab: Lab, total: int) -> Figures:
    """One mail each 0.1 s while so many of the other lane go out, over the same server on the same machine."""
    with office(lab, "stamped") as (sink, inside):
        inside.ask("queue_same", total=total, lane="mass")
        inside.ask("settle_down")
        with running(lab, COMPOSE) as workers:
            beat = lab.stack.beat()
            try:
                groups = {"worker": ours.pids(workers), "database": (lab.database_pid,), "sink": (sink.pid,)}
                with Watch(groups) as watch:
                    began = inside.ask("go", lanes=["transactional", "mass"])
                    sink.wait_for(min(1000, total // 4), deadline=60)
                    moments = inside.ask("queue_slowly", total=BUSY_MAILS, every=BUSY_EVERY, first=total)
                    ours.settled(inside, sink, total + BUSY_MAILS)
                ours.check(inside, sink, total + BUSY_MAILS)
            finally:
                beat.stop()
        accepted = sink.accepted()
    mass_ended = max(accepted[letter.recipient(number)] for number in range(total))
    meant = {who: moment for who, moment in moments.items() if moment < mass_ended}
    late = percentiles(_seconds(meant, accepted))
    return figures(watch, total) | late | {"beside": len(meant), "rate": total / (mass_ended - began)}


def percentiles(seconds: list[float]) -> Figures:
    """The half and the hundredth that waited longest, in milliseconds."""
    ordered = sorted(1000 * each for each in seconds)

    def at(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return {"p50": at(0.5), "p99": at(0.99)}


def _seconds(moments: Mapping[str, float], accepted: Mapping[str, float], first: int = 0) -> list[float]:
    return [accepted[who] - moment for who, moment in list(moments.items())[first:]]
