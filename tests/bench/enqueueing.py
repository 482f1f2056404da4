"""How quickly mail is queued: by `post()`, by Django's bulk call, one by one; and by the others' calls."""

from typing import Any

from tests.bench import ours, rivals
from tests.bench.lab import Lab
from tests.bench.machine import Watch
from tests.bench.results import Figures, figures
from tests.bench.sinks import Address
from tests.bench.talking import Helper

FOLLOWERS = 2_000
NOBODY = Address(port=9)


def by_post(lab: Lab, total: int) -> Figures:
    """Posts on a record with 2,000 followers."""
    followers = min(FOLLOWERS, total)
    times = total // followers
    with ours.office(lab, "plain") as (_, inside):
        return _timed(lab, inside, followers * times, "post", followers=followers, times=times)


def by_us(lab: Lab, total: int, how: str) -> Figures:
    """Mails that all say something else, through Django's own functions and our backend."""
    with ours.office(lab, "plain") as (_, inside):
        inside.ask("queue_singly", total=1)
        inside.ask("empty")
        return _timed(lab, inside, total, how, total=total)


def by_peer(lab: Lab, total: int, peer: rivals.Peer, how: str) -> Figures:
    """The same by another queue's call."""
    env = rivals.environment(lab, NOBODY, peer)
    with rivals.helper(lab, env) as desk:
        rivals.empty(lab, desk)
        desk.ask("queue", kind=peer.kind, total=1)
        arguments = {"total": total} if how == "queue_bulk" else {"kind": peer.kind, "total": total}
        return _timed(lab, desk, total, how, **arguments)


def _timed(lab: Lab, helper: Helper, mails: int, what: str, **how: Any) -> Figures:
    with Watch({"worker": (helper.pid,), "database": (lab.database_pid,)}) as watch:
        seconds = helper.ask(what, **how)
    return figures(watch, mails) | {"rate": mails / seconds}
