"""The servers around what is measured: a PostgreSQL that keeps its word, a Redis, certificates, an installation."""

import shutil
from pathlib import Path

from tests.bench.talking import Helper
from tests.lab.ca import Authority
from tests.lab.postgres import Postgres
from tests.lab.proc import private_folder
from tests.lab.redis import Redis
from tests.lab.stack import Stack

# What the workers' memory is measured with; 20 MB are usual.
LARGEST_FILE = 25 * 2**20


class Lab:
    """Everything that lasts for one `make bench`."""

    def __init__(self) -> None:
        self.folder = private_folder("bench")
        self.authority = Authority(self.folder / "ca")
        self._postgres = Postgres(durable=True).start()
        self._redis = Redis().start()
        self.stack = Stack(
            self.folder / "ours",
            database_url=self._postgres.create_database(),
            redis_url=self._redis.url,
            MAIL_MAX_UPLOAD_BYTES=LARGEST_FILE,
        )
        self.peers_database = self._postgres.create_database()
        # A number of its own: the peers' broker is emptied before each run.
        self.peers_broker = self._redis.url.removesuffix("/0") + "/1"
        self.stack.manage("migrate", "--verbosity", "0")

    @property
    def database_pid(self) -> int:
        return self._postgres.pid

    def inside(self) -> Helper:
        """A process inside our installation."""
        return Helper("tests.bench.inside", log=self.log("inside"), env=self.stack.env)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def stop(self) -> None:
        self.stack.stop()
        self._redis.remove()
        self._postgres.stop()
        shutil.rmtree(self.folder)
