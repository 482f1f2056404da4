"""The secrets of an embedded installation: made once, kept in a private file."""

import fcntl
import os
import secrets
import stat
from pathlib import Path
from typing import IO

from cryptography.fernet import Fernet

NAMES = ("SECRET_KEY", "DAERIS_FIELD_KEYS", "DAERIS_TOKEN_KEY")


def load_or_create(folder: Path) -> dict[str, str]:
    """The secrets of this installation, by environment name.

    Whichever command comes first makes them, under a lock, in `secrets.env` (mode 0600) inside
    `folder` (mode 0700). A name that is missing from an older file is added to it.
    Raises OSError when the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "secrets.env"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != 0o600:
            os.fchmod(file.fileno(), 0o600)
        known = _complete_lines(file)
        missing = [name for name in NAMES if not known.get(name)]
        for name in missing:
            known[name] = _new(name)
            file.write(f"{name}={known[name]}\n")
        if missing:
            file.flush()
            os.fsync(file.fileno())
    return known


def not_writable(folder: Path, error: OSError) -> str:
    """What to tell a person whose installation cannot be written."""
    return (
        f"Daeris cannot write in {folder} ({error.strerror}); give yourself write permission there, "
        "or choose another folder with DAERIS_DATA."
    )


def _complete_lines(file: IO[str]) -> dict[str, str]:
    """What the file says; a last line that was cut off by a crash goes, for half a key would look like a whole one."""
    text = file.read()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.truncate(len(whole.encode()))
    file.seek(0, os.SEEK_END)
    return dict(line.split("=", 1) for line in whole.splitlines() if "=" in line)


def _new(name: str) -> str:
    if name == "DAERIS_FIELD_KEYS":
        return Fernet.generate_key().decode()
    return secrets.token_urlsafe(50)
