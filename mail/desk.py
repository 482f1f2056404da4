"""The one thread of a worker that owns the database; the asyncio loop hands it its questions."""

import asyncio
import logging
import queue
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections, connection

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """Runs functions one after another in the thread that calls `serve`, for coroutines of another thread."""

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, or raises, once the desk has run it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                # Whoever serves inside a transaction of theirs keeps their connection.
                if not connection.in_atomic_block:
                    close_old_connections()
                result = function(*args, **kwargs)
            except BaseException as error:
                loop.call_soon_threadsafe(_answer, answer.set_exception, answer, error)
            else:
                loop.call_soon_threadsafe(_answer, answer.set_result, answer, result)

        self._questions.put(run)
        return await answer

    def serve(self) -> None:
        """Answer until `close`; call it in the thread whose database connection is to be used."""
        while (question := self._questions.get()) is not None:
            question()

    def close(self) -> None:
        """Let `serve` return once everything asked before is answered."""
        self._questions.put(None)


def _answer(give: Callable[[Any], None], answer: "asyncio.Future[Any]", value: Any) -> None:
    if not answer.cancelled():
        give(value)
