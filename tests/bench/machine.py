"""What the kernel knows: who used the processor, who holds which memory, and what machine this is."""

import os
import platform
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1
PROC = Path("/proc")
# Columns of /proc/stat that are work: user, nice, system, irq, softirq, steal.
BUSY = (1, 2, 3, 6, 7, 8)


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process with all its children, those that have ended included."""
    return sum(used for used, _ in _family(pid))


def memory_mib(*pids: int) -> float:
    """Memory of these processes with their children, what they share with others counted in proportion (PSS)."""
    return sum(_pss_kib(each) for pid in pids for _, each in _family(pid)) / 1024


class HighWater:
    """What a process comes to hold at most, the kernel's own count: no moment is missed, pages of programs included."""

    def __init__(self, pid: int) -> None:
        self._status = PROC / str(pid) / "status"
        (PROC / str(pid) / "clear_refs").write_text("5")  # see proc(5): the mark is that of now
        self.start = self._mib("VmRSS")

    @property
    def more(self) -> float:
        """MiB above what it held at first."""
        return self._mib("VmHWM") - self.start

    def _mib(self, name: str) -> float:
        return int(_named(self._status, name).split()[0]) / 1024


class Watch:
    """For the time of a `with`: processor seconds of each group of processes, and the share of everybody else.

    Ours is this process with all that it started. A run during which others took much is not used.
    """

    def __init__(self, groups: Mapping[str, tuple[int, ...]]) -> None:
        self._groups = groups
        self.used: dict[str, float] = {}
        self.foreign = 0.0

    def __enter__(self) -> Self:
        self._began, self._busy, self._ours = time.monotonic(), _busy_seconds(), cpu_seconds(os.getpid())
        self._before = self._now()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        after = self._now()
        self.used = {name: after[name] - self._before[name] for name in after}
        self.seconds = time.monotonic() - self._began
        others = (_busy_seconds() - self._busy) - (cpu_seconds(os.getpid()) - self._ours)
        self.foreign = max(0.0, others) / (CORES * self.seconds)

    def _now(self) -> dict[str, float]:
        return {name: sum(cpu_seconds(pid) for pid in pids) for name, pids in self._groups.items()}


class Memory(threading.Thread):
    """For the time of a `with`: the most memory that these processes held together, in MiB."""

    def __init__(self, *pids: int) -> None:
        super().__init__(daemon=True)
        self._pids, self._over, self.peak = pids, threading.Event(), 0.0

    def run(self) -> None:
        while not self._over.wait(0.4):
            self.peak = max(self.peak, memory_mib(*self._pids))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self.join()
        self.peak = max(self.peak, memory_mib(*self._pids))


def wait_for_quiet(limit: float = 25, share: float = 0.1) -> None:
    """Other work spoils a run: wait for a quiet half second, but not for ever."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before = _busy_seconds()
        time.sleep(0.5)
        if (_busy_seconds() - before) / (0.5 * CORES) < share:
            return


def description() -> str:
    """The machine in a line."""
    processor = _named(PROC / "cpuinfo", "model name") or platform.machine()
    gibibytes = int(_named(PROC / "meminfo", "MemTotal").split()[0]) / 2**20
    system = _named(Path("/etc/os-release"), "PRETTY_NAME", "=").strip('"') or platform.system()
    kernel, python = platform.release(), platform.python_version()
    return f"{CORES} cores ({processor}), {gibibytes:.0f} GiB, {system}, Linux {kernel}, Python {python}"


def _family(pid: int) -> list[tuple[float, int]]:
    """Processor seconds and id of a process and of all below it."""
    children: dict[int, list[tuple[float, int]]] = defaultdict(list)
    found = []
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            values = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        # See proc(5): parent, then user and system time, of itself and of the children it waited for.
        one = (sum(map(int, values[11:15])) / TICKS, int(folder.name))
        children[int(values[1])].append(one)
        if one[1] == pid:
            found.append(one)
    for _, each in found:
        found += children[each]
    return found


def _pss_kib(pid: int) -> int:
    try:
        return int(_named(PROC / str(pid) / "smaps_rollup", "Pss").split()[0])
    except (OSError, IndexError):
        return 0


def _busy_seconds() -> float:
    columns = (PROC / "stat").read_text().split("\n", 1)[0].split()
    return sum(int(columns[column]) for column in BUSY) / TICKS


def _named(file: Path, name: str, separator: str = ":") -> str:
    for line in file.read_text(errors="replace").splitlines():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()
    return ""
