"""The secrets of an embedded installation: made once, kept in a private file."""

import fcntl
import os
import secrets
from pathlib import Path

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
        known = dict(line.split("=", 1) for line in file.read().splitlines() if "=" in line)
        missing = [name for name in NAMES if not known.get(name)]
        for name in missing:
            known[name] = _new(name)
            file.write(f"{name}={known[name]}\n")
        if missing:
            file.flush()
            os.fsync(file.fileno())
    return known


def _new(name: str) -> str:
    if name == "DAERIS_FIELD_KEYS":
        return Fernet.generate_key().decode()
    return secrets.token_urlsafe(50)
