"""Machines with a network of their own, as far as programs can tell: Linux namespaces, joined by virtual cables.

    with Network() as network:
        host = network.host("alpha")
        with host.inside():
            worker = stack.worker()      # sees nothing but its own cable
        with network.cut(host): ...      # no packet passes, and nobody is told

`Network` itself is where the servers are: whoever is `inside` it reaches them by loopback, the hosts by `ADDRESS`.
Nothing is made in the machine's own network, and all of it goes with the last process that uses it.
"""

import ctypes
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.lab.proc import program

# Where the servers are, for every host.
ADDRESS = "10.77.0.1"
NETWORK = "10.77.0.0/16"

_CLONE_NEWNET, _CLONE_NEWUTS = 0x40000000, 0x04000000
_KINDS = {"net": _CLONE_NEWNET, "uts": _CLONE_NEWUTS}
_libc = ctypes.CDLL(None, use_errno=True)


class NoNamespacesError(Exception):
    """This machine, or this account, may not make network namespaces."""


class _Place:
    """A network and a host name, kept for as long as they are open here."""

    def __init__(self, name: str) -> None:
        self.name = name
        with _own_place():
            if _libc.unshare(_CLONE_NEWNET | _CLONE_NEWUTS):
                raise NoNamespacesError(
                    f"No network namespace can be made here ({os.strerror(ctypes.get_errno())}). The tests of several"
                    " hosts take root with CAP_SYS_ADMIN and CAP_NET_ADMIN; in a container, allow it both."
                )
            _libc.sethostname(name.encode(), len(name))
            self._files = _open_place()
            self.ip("link", "set", "lo", "up")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is there meanwhile, and whatever it starts stays there."""
        with _own_place():
            _enter(self._files)
            yield

    def ip(self, *arguments: str) -> None:
        """Run `ip` where this thread is."""
        command = [program("ip", package="iproute2"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise NoNamespacesError(f"{' '.join(command)}: {done.stderr.strip()} (it takes root with CAP_NET_ADMIN)")

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)


class Host(_Place):
    """A machine with one cable to the servers."""

    def __init__(self, name: str, number: int, servers: _Place) -> None:
        super().__init__(name)
        self.address, self._gateway = f"10.77.{number}.2", f"10.77.{number}.1"
        self._servers = servers
        with self.inside():
            # The other end goes where the servers are: named by a thread that is there.
            with _thread_inside(servers) as thread:
                self.ip("link", "add", "eth0", "type", "veth", "peer", "name", name, "netns", str(thread))
            self.ip("address", "add", f"{self.address}/24", "dev", "eth0")
            self.ip("link", "set", "eth0", "up")
        with servers.inside():
            self.ip("address", "add", f"{self._gateway}/24", "dev", name)
            self.ip("link", "set", name, "up")
        with self.inside():
            self.ip("route", "add", "default", "via", self._gateway)

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Pull the cable at the servers' end: packets vanish, connections stay and are told nothing."""
        self._pull("down")
        try:
            yield
        finally:
            self._pull("up")

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """What it sends vanishes; what the servers send still arrives."""
        with self.inside():
            wrong = ("lladdr", "02:00:00:00:00:99", "nud", "permanent")
            self.ip("neighbour", "replace", self._gateway, "dev", "eth0", *wrong)
        try:
            yield
        finally:
            with self.inside():
                self.ip("neighbour", "del", self._gateway, "dev", "eth0")

    def unacknowledged(self, port: int) -> int:
        """How many bytes it has sent to this port that have not arrived, as far as it knows; its programs may be gone
        meanwhile."""
        with self.inside():
            _, *sockets = Path("/proc/thread-self/net/tcp").read_text().splitlines()
        fields = [socket.split() for socket in sockets]
        there = (queues for _, _, remote, _, queues, *_ in fields if int(remote.partition(":")[2], 16) == port)
        return sum(int(queues.partition(":")[0], 16) for queues in there)

    def _pull(self, state: str) -> None:
        with self._servers.inside():
            self.ip("link", "set", self.name, state)


class Network(_Place):
    """The place of the servers, and the hosts that reach them."""

    def __init__(self) -> None:
        super().__init__("servers")
        self._hosts: list[Host] = []
        with self.inside():
            self.ip("address", "add", f"{ADDRESS}/32", "dev", "lo")

    def host(self, name: str) -> Host:
        """One more machine."""
        self._hosts.append(Host(name, len(self._hosts) + 1, self))
        return self._hosts[-1]

    def close(self) -> None:
        for host in self._hosts:
            host.close()
        super().close()


def _open_place() -> dict[str, int]:
    return {kind: os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in _KINDS}


def _enter(files: dict[str, int]) -> None:
    for kind, file in files.items():
        if _libc.setns(file, _KINDS[kind]):
            raise NoNamespacesError(f"Another network cannot be entered: {os.strerror(ctypes.get_errno())}")


@contextmanager
def _own_place() -> Iterator[None]:
    """This thread comes back to where it is now."""
    here = _open_place()
    try:
        yield
    finally:
        _enter(here)
        for file in here.values():
            os.close(file)


@contextmanager
def _thread_inside(place: _Place) -> Iterator[int]:
    """The id of a thread that is there meanwhile."""
    there, leave = threading.Event(), threading.Event()
    ids: list[int] = []

    def stay() -> None:
        with place.inside():
            ids.append(threading.get_native_id())
            there.set()
            leave.wait(30)

    with ExitStack() as stack:
        stack.callback(leave.set)
        thread = threading.Thread(target=stay, daemon=True)
        thread.start()
        assert there.wait(30)
        yield ids[0]
