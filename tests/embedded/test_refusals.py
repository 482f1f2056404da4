"""Why `make run` may refuse: one clear sentence each, no traceback, exit code 1."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from daeris.embedded.preparing import CannotRun, check_port, claim_folder
from daeris.embedded.stack import broker_folder, forget_broker_folder
from tests.lab.stack import PROJECT

NOBODY = 65534


def run(folder: Path, *arguments: str) -> str:
    """What `manage.py run` says when it refuses."""
    env = {"PATH": os.environ["PATH"], "DAERIS_DATA": str(folder)}
    command = [sys.executable, "manage.py", "run", *arguments]
    done = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    return sentence


@pytest.mark.peers
def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        sentence = run(tmp_path, "--port", str(port))

    assert sentence.startswith(f"CommandError: Port {port} is taken")
    assert sentence.endswith(f"make run PORT={port + 1}")


def test_a_port_that_does_not_exist() -> None:
    for port in (-1, 65536, 100_000):
        with pytest.raises(CannotRun, match="does not exist; choose one from 1024 to 65535"):
            check_port("127.0.0.1", port)


@pytest.mark.peers
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    sentence = run(tmp_path / "file" / "data")

    assert sentence == (
        f"Daeris cannot start: Daeris cannot write in {tmp_path}/file/data (Not a directory); give yourself write "
        "permission there, or choose another folder with DAERIS_DATA."
    )


def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if is_root := os.getuid() == 0:  # who may write everywhere
        os.seteuid(NOBODY)
    try:
        with pytest.raises(CannotRun, match="Permission denied"):
            claim_folder(tmp_path)
    finally:
        if is_root:
            os.seteuid(0)
        tmp_path.chmod(0o700)


def test_a_folder_in_use(tmp_path: Path) -> None:
    lock = claim_folder(tmp_path)
    try:
        with pytest.raises(CannotRun, match=r"already runs with the data in .*; stop it with Ctrl\+C first"):
            claim_folder(tmp_path)
    finally:
        os.close(lock)
    os.close(claim_folder(tmp_path))


def test_a_socket_folder_that_somebody_else_made_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    data = tmp_path / ("x" * 100)
    ours = broker_folder(data)
    assert ours.parent == tmp_path / "t"
    assert ours.stat().st_mode & 0o777 == 0o700
    forget_broker_folder(data)
    assert not ours.exists()
    (tmp_path / "theirs").mkdir()
    ours.symlink_to(tmp_path / "theirs")

    with pytest.raises(CannotRun, match="belongs to somebody else"):
        broker_folder(data)


def test_python_that_is_too_old(tmp_path: Path) -> None:
    """A machine whose only Python is 3.9: make says so before anything else."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    make = shutil.which("make")
    assert make, "make is not installed"

    done = subprocess.run(
        [make, ".venv/bin/python"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path / "bin"), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 2
    assert "Daeris needs Python 3.11 or newer; here is Python 3.9.2." in done.stderr
    assert not (tmp_path / ".venv").exists()
