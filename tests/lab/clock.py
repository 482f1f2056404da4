"""Clocks that are wrong: a process that thinks it is another time of the day (libfaketime)."""

from pathlib import Path

from tests.lab.proc import MissingPackageError


def clock(**faketime: str) -> dict[str, str]:
    """The environment of such a process; `FAKETIME="+7m"` puts it seven minutes ahead.

    Only the clock of the day: the one that counts since the machine started goes on, as it really does.
    """
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        raise MissingPackageError("libfaketime is not installed: apt-get install faketime")
    return {"LD_PRELOAD": str(libraries[0]), "DONT_FAKE_MONOTONIC": "1", **faketime}
