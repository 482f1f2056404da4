"""The secrets of an embedded installation: made once by whichever command comes first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from daeris.secrets import NAMES, load_or_create
from tests.lab.stack import PROJECT


def test_they_are_made_once_and_kept(tmp_path: Path) -> None:
    made = load_or_create(tmp_path / "data")

    assert sorted(made) == sorted(NAMES)
    assert load_or_create(tmp_path / "data") == made
    assert load_or_create(tmp_path / "other") != made
    Fernet(made["DAERIS_FIELD_KEYS"])
    assert len({*made.values()}) == 3
    assert min(len(value) for value in made.values()) >= 44


def test_only_their_owner_reads_them(tmp_path: Path) -> None:
    os.umask(before := os.umask(0))  # whatever the umask
    os.umask(0)
    try:
        load_or_create(tmp_path / "data")
    finally:
        os.umask(before)

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    (tmp_path / "secrets.env").chmod(0o644)

    load_or_create(tmp_path)

    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_what_an_older_file_lacks_is_added(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("SECRET_KEY=from-before\n")

    made = load_or_create(tmp_path)

    assert made["SECRET_KEY"] == "from-before"
    assert sorted(load_or_create(tmp_path)) == sorted(NAMES)
    assert load_or_create(tmp_path) == made


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_half_a_key_left_by_a_crash_is_made_anew(tmp_path: Path, cut: int) -> None:
    whole = load_or_create(tmp_path)
    path = tmp_path / "secrets.env"
    path.write_text(path.read_text()[:-cut])

    again = load_or_create(tmp_path)

    assert again["SECRET_KEY"] == whole["SECRET_KEY"]
    assert again["DAERIS_TOKEN_KEY"] != whole["DAERIS_TOKEN_KEY"]
    assert len(again["DAERIS_TOKEN_KEY"]) == len(whole["DAERIS_TOKEN_KEY"])
    assert load_or_create(tmp_path) == again


@pytest.mark.peers
def test_processes_that_come_at_once_agree(tmp_path: Path) -> None:
    # They wait for a line, so that all of them begin when the last one stands ready.
    ask = (
        "import sys; from pathlib import Path; from daeris.secrets import load_or_create; print('ready', flush=True);"
        "sys.stdin.readline(); print(sorted(load_or_create(Path(sys.argv[1])).items()))"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", ask, str(tmp_path / "data")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        for _ in range(5)
    ]
    for racer in racers:
        assert racer.stdout
        racer.stdout.readline()
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = {racer.communicate(timeout=30)[0] for racer in racers}

    assert len(answers) == 1
    assert answers == {f"{sorted(load_or_create(tmp_path / 'data').items())}\n"}
