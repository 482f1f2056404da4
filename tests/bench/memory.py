"""What two workers hold: at their start, at most, and after many mails; and what one holds over large ones."""

from tests.bench.lab import LARGEST_FILE, Lab
from tests.bench.machine import HighWater, Memory, Watch, memory_mib
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


def large(lab: Lab, total: int, *, contents: int = 1) -> Figures:
    """One worker while a file of 25 MB goes to so many people, or as many different ones."""
    with office(lab, "plain") as (sink, inside), running(lab, WORKERS[:1]) as [worker]:
        inside.ask("queue_same", total=FIRST)
        inside.ask("go", lanes=["transactional"])
        settled(inside, sink, FIRST)  # whatever is kept on purpose is there
        water = HighWater(worker.pid)
        with Watch({"worker": (worker.pid,), "database": (lab.database_pid,), "sink": (sink.pid,)}) as watch:
            inside.ask("queue_files", total=total, contents=contents, size=LARGEST_FILE)
            settled(inside, sink, FIRST + total)
        check(inside, sink, FIRST + total)
        return figures(watch, total) | {"rate": total / watch.seconds, "start": water.start, "more": water.more}
