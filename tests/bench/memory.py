"""What two workers hold: at their start, at most, and after many mails."""

from tests.bench.lab import Lab
from tests.bench.machine import Memory, Watch, memory_mib
from tests.bench.ours import WORKERS, check, office, pids, running, settled
from tests.bench.results import Figures, figures

# After so many, whatever is kept on purpose is there.
FIRST = 10_000
COPIES = 100


def many(lab: Lab, total: int) -> Figures:
    """Two workers while so many mails go out, a hundred of each content."""
    first = min(FIRST, total // 4)
    with office(lab, "plain") as (sink, inside), running(lab, WORKERS) as workers:
        held = pids(workers)
        start = memory_mib(*held)
        groups = {"worker": held, "database": (lab.database_pid,), "sink": (sink.pid,)}
        with Memory(*held) as memory, Watch(groups) as watch:
            inside.ask("queue_same", total=first, each=COPIES)
            inside.ask("go", lanes=["transactional"], workers=len(workers))
            settled(inside, sink, first)
            warm = memory_mib(*held)
            inside.ask("queue_same", total=total - first, each=COPIES)
            settled(inside, sink, total)
        after = memory_mib(*held)
        check(inside, sink, total)
    return figures(watch, total) | {"start": start, "memory": memory.peak, "after": after, "growth": after / warm}
