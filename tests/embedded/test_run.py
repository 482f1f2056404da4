"""`make run` for real: what it starts, that it stays up, and that nothing is left of it."""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.embedded.conftest import MakeInstallation
from tests.embedded.installation import Installation
from tests.lab.stack import PROJECT
from tests.lab.waiting import eventually

pytestmark = pytest.mark.peers

# How each of the five starts ends. The last one gets no chance to tidy up.
ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL]
CHILDREN = 6


def test_the_first_start_tells_of_every_long_step(first_start: Installation) -> None:
    said = first_start.output()

    steps = ["Preparing the database…", "Collecting the static files…", "Founding the demo company…", "Starting…"]
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    assert first_start.url in said
    assert f"{first_start.url}/demo/mailbox/" in said
    assert said.rstrip().endswith("Ending…")
    for name in ("marta", "ivan", "lucia"):
        assert re.search(rf"^ +{name} +\S{{12,}} ", said, re.MULTILINE)


def test_what_it_keeps_is_for_its_owner_alone(first_start: Installation) -> None:
    assert first_start.data.stat().st_mode & 0o777 == 0o700
    for name in ("secrets.env", "demo-logins.json"):
        assert (first_start.data / name).stat().st_mode & 0o777 == 0o600
    assert (first_start.data / "broker").stat().st_mode & 0o777 == 0o700


def test_second_starts_are_quick_and_every_end_is_clean(make_installation: MakeInstallation) -> None:
    installation = make_installation()
    seconds = []
    for ending in ENDINGS:
        seconds.append(installation.start())
        assert "Preparing" not in installation.output()
        assert len(installation.children()) == CHILDREN
        assert installation.process
        began = time.monotonic()
        if ending == signal.SIGKILL:
            installation.process.kill()
        else:
            assert installation.process.stop(ending) == 0, installation.output()
            assert not installation.processes()
            logs_are_quiet(installation)
        installation.wait_until_gone()
        assert time.monotonic() - began < 15
    print("ready after", [f"{one:.2f}" for one in sorted(seconds)])  # noqa: T201
    assert statistics.median(seconds) < 6


def logs_are_quiet(installation: Installation) -> None:
    """No mistakes, and nothing of anybody's mail."""
    logs = {path.name: path.read_text() for path in (installation.data / "logs").iterdir()}
    assert logs.keys() >= {"web.log", "worker.log", "worker-mass.log", "schedule.log", "demo-mail-server.log"}
    assert [name for name, text in logs.items() if "Traceback" in text or ".example" in text] == []


def test_it_is_reached_from_this_machine_alone(make_installation: MakeInstallation) -> None:
    installation = make_installation()
    installation.start()

    # The web server and the demo's mail server; the broker has only its socket.
    assert {address.rpartition(":")[0] for address in installation.listening()} == {"127.0.0.1"}
    assert len(installation.listening()) == 2
    assert (installation.data / "broker" / "valkey.sock").stat().st_mode & 0o777 == 0o700
    assert len(set(log_ins(installation).values())) == 3
    for name, password in log_ins(installation).items():
        assert "/login/" not in installation.log_in(name, password)
    assert "/login/" in installation.log_in("marta", "wrong")
    refuses_a_second_start(installation)


def log_ins(installation: Installation) -> dict[str, str]:
    """As they were printed."""
    return dict(re.findall(r"^ +(marta|ivan|lucia) +(\S+) ", installation.output(), re.MULTILINE))


def refuses_a_second_start(installation: Installation) -> None:
    again = Installation(installation.data, installation.log.with_name("again.log"))
    assert again.launch().wait() == 1
    (sentence,) = again.output().splitlines()
    assert sentence.startswith("CommandError: Daeris already runs with the data in ")
    assert installation.answers()


def test_who_dies_is_started_again_and_mail_goes_on(make_installation: MakeInstallation) -> None:
    # A path that no socket address could hold; the broker's lies in the temporary folder then.
    installation = make_installation("a" * 60 + "/" + "ñ" * 60)
    installation.start()
    assert broker_folders() == {path for path in broker_folders() if path.stat().st_mode & 0o777 == 0o700}
    before = installation.children()

    for pid in before:
        os.kill(pid, signal.SIGKILL)

    eventually(lambda: installation.output().count("was started again") == CHILDREN, says=installation.output)
    eventually(installation.answers, deadline=30)
    assert not set(before) & set(installation.children())
    send(installation, "Después")
    eventually(lambda: installation.captured("Después") == ["julia@levante.example"], deadline=30)
    gives_up_on_what_dies_again_and_again(installation)


def broker_folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"daeris-{os.getuid()}-*"))


def send(installation: Installation, subject: str) -> None:
    code = "import sys; from django.core.mail import send_mail; send_mail(sys.argv[1], 'Hola', None, [sys.argv[2]])"
    subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {code}", subject, "julia@levante.example"],
        env={**installation.env, "DJANGO_SETTINGS_MODULE": "daeris.settings"},
        cwd=PROJECT,
        check=True,
        timeout=30,
    )


def gives_up_on_what_dies_again_and_again(installation: Installation) -> None:
    assert installation.process
    killed: set[int] = set()
    for _ in range(2):  # it died once already
        pid = eventually(lambda: next((pid for pid in schedules(installation) if pid not in killed), 0), deadline=20)
        killed.add(pid)
        os.kill(pid, signal.SIGKILL)

    assert installation.process.wait(deadline=40) == 1
    assert "CommandError: The schedule ended again and again." in installation.output()
    assert "Traceback" not in installation.output()
    installation.wait_until_gone()
    assert not broker_folders()


def schedules(installation: Installation) -> list[int]:
    return [pid for pid, command in installation.children().items() if " beat " in command]
