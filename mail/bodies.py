"""The encoded bodies of a worker: each made once for its copies, and never more of them at once than memory allows."""

import asyncio
from collections import Counter, OrderedDict
from contextlib import suppress

from mail.composing import Body, encode_body
from mail.delivery import Job

KEPT = 32
# Ten copies of a mail with a large file are ten times its size while they are on the wire.
MOST_BYTES = 32 * 1024 * 1024


class Bodies:
    """What the mails in hand are made of."""

    def __init__(self) -> None:
        self._made: OrderedDict[int, asyncio.Future[Body]] = OrderedDict()
        self._in_use: Counter[tuple[str, int]] = Counter()
        self._used_by: dict[Job, int] = {}
        self._freed = asyncio.Condition()

    async def take(self, job: Job) -> Body:
        """The body of this mail, once there is room for another copy; `give_back` ends its use.

        Each lane and server has room of its own, so that a slow server never holds up the mail of the others.
        """
        body = await self._encoded(job)
        size, key = len(body.data), (job.mail.lane, job.mail.server_id)
        async with self._freed:
            await self._freed.wait_for(lambda: not self._in_use[key] or self._in_use[key] + size <= MOST_BYTES)
            self._in_use[key] += size
            self._used_by[job] = size
        return body

    async def give_back(self, job: Job) -> None:
        """This mail is done with, however it ended."""
        size = self._used_by.pop(job, 0)
        if size:
            async with self._freed:
                self._in_use[job.mail.lane, job.mail.server_id] -= size
                self._freed.notify_all()

    async def _encoded(self, job: Job) -> Body:
        key = job.mail.content_id
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(asyncio.to_thread(encode_body, job.letter))
        self._made.move_to_end(key)
        making = self._made[key]
        try:
            return await asyncio.shield(making)
        except BaseException:
            # The next copy tries anew: a file may be back in storage, or the storage itself.
            if making.done() and self._made.get(key) is making:
                del self._made[key]
            raise
        finally:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Keep what was used last, within bounds; copies on the wire hold their own body."""
        sizes = {key: self._size(making) for key, making in self._made.items()}
        total = sum(sizes.values())
        for key in list(self._made)[:-1]:
            if len(self._made) <= KEPT and total <= MOST_BYTES:
                return
            total -= sizes[key]
            del self._made[key]

    @staticmethod
    def _size(making: "asyncio.Future[Body]") -> int:
        with suppress(Exception, asyncio.CancelledError):
            return len(making.result().data)
        return 0
