"""Ports for servers that must be told one: private to this process, below the range that the kernel gives away."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Client sockets get theirs from 32768 on: a server there could find its port taken by a passing connection.
FIRST, SPAN, SPANS = 20_000, 50, 240

_given: list[int] = []


def free_port() -> int:
    """A port on loopback that nobody else in this laboratory, nor another copy of it, will use."""
    port = next(_free)
    _given.append(port)
    return port


def given() -> list[int]:
    """Every port handed out so far."""
    return list(_given)


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _spans() -> Iterator[int]:
    # The lock lasts as long as this process, whatever its end; two copies never share a span.
    folder = Path(tempfile.gettempdir()) / f"daeris-lab-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for span in random.sample(range(SPANS), SPANS):
        lock = os.open(folder / str(span), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            yield FIRST + span * SPAN
    raise RuntimeError("every span of ports is taken by another laboratory")


def _ports() -> Iterator[int]:
    for start in _spans():
        yield from filter(_is_free, range(start, start + SPAN))


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_free = _ports()
