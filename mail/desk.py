"""The one thread of a worker that owns the database; the asyncio loop hands it its questions."""

import asyncio
import contextlib
import queue
import time
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

P = ParamSpec("P")
T = TypeVar("T")
# A connection is looked at this often, and after every error; more often would cost a query for each question.
LOOK_SECONDS = 1.0


class Desk:
    """Runs functions one after another in the thread that calls `serve`, for coroutines of another thread."""

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._looked_at = 0.0

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, or raises, once the desk has run it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                self._leave_dead_connections()
                result = function(*args, **kwargs)
            except BaseException as error:
                self._looked_at = 0.0
                _tell(loop, answer.set_exception, answer, error)
            else:
                _tell(loop, answer.set_result, answer, result)

        self._questions.put(run)
        return await answer

    def serve(self) -> None:
        """Answer until `close`; call it in the thread whose database connection is to be used."""
        connection_created.connect(_settle_in, dispatch_uid="mail_desk_settle_in")
        if connection.connection is not None:
            _settle_in(connection)
        while (question := self._questions.get()) is not None:
            question()

    def close(self) -> None:
        """Let `serve` return once everything asked before is answered."""
        self._questions.put(None)

    def _leave_dead_connections(self) -> None:
        # Whoever serves inside a transaction of theirs keeps their connection.
        if not connection.in_atomic_block and time.monotonic() - self._looked_at > LOOK_SECONDS:
            close_old_connections()
            self._looked_at = time.monotonic()


def _tell(
    loop: asyncio.AbstractEventLoop, give: Callable[[Any], None], answer: "asyncio.Future[Any]", value: Any
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, nobody waits for the answer any more
        loop.call_soon_threadsafe(_answer, give, answer, value)


def _answer(give: Callable[[Any], None], answer: "asyncio.Future[Any]", value: Any) -> None:
    if not answer.done():
        give(value)


def let_go_in_time(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Bound how long a transaction may stand still; for PostgreSQL, as a receiver of `connection_created`.

    Whoever is frozen, or on a host that is cut off, would keep its rows from all the others for hours: PostgreSQL
    does not notice sooner that nobody is there.
    """
    _wish(connection, {"idle_in_transaction_session_timeout": str(settings.MAIL_LEASE_SECONDS * 1000)})


def _settle_in(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """How PostgreSQL should treat a worker."""
    let_go_in_time(connection)
    if not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):  # a pooler would pass them on to pages
        # Its few statements are planned once, and written for their indexes. A plan from the time when the table was
        # short would read it all, each time, when it has grown. What is off counts as dear beyond measure, and what
        # is dear would be compiled first.
        off = dict.fromkeys(("jit", "enable_seqscan", "enable_bitmapscan", "enable_sort"), "off")
        _wish(connection, {"plan_cache_mode": "force_generic_plan", **off})


def _wish(connection: BaseDatabaseWrapper, wishes: Mapping[str, str]) -> None:
    if connection.vendor == "postgresql":
        each = ", ".join(["set_config(%s, %s, false)"] * len(wishes))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {each}", list(chain.from_iterable(wishes.items())))
