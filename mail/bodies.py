"""The encoded bodies of a worker: each made once for its copies, and never more of them at once than memory allows."""

import asyncio
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

from mail.composing import Body, Letter, encode_body
from mail.delivery import Job

KEPT = 32
# Two letters with files of 25 MB, as base64: what is in use for one lane and server at once.
MOST_BYTES = 72 * 1024 * 1024


@dataclass(slots=True)
class _Room:
    """What the mails of one lane for one server use: the copies of each content, and the bytes of all of those."""

    copies: dict[int, int] = field(default_factory=dict)
    size: int = 0

    def fits(self, content_id: int, size: int) -> bool:
        return not self.copies or content_id in self.copies or self.size + size <= MOST_BYTES


class Bodies:
    """What the mails in hand are made of."""

    def __init__(self) -> None:
        self._made: OrderedDict[int, Body] = OrderedDict()
        self._making: dict[int, asyncio.Future[Body]] = {}
        self._kept_bytes = 0
        # Each lane and server has room of its own, so that a slow server never holds up the mail of the others.
        self._rooms: defaultdict[tuple[str, int], _Room] = defaultdict(_Room)
        self._used: dict[Job, int] = {}
        self._freed = asyncio.Event()

    async def take(self, job: Job) -> Body:
        """The body of this mail, once there is room for it; `give_back` ends its use."""
        content_id = job.mail.content_id
        body = self._made.get(content_id) or await self._encoded(content_id, job.letter)
        size, room = len(body.data), self._rooms[job.mail.lane, job.mail.server_id]
        while not room.fits(content_id, size):
            self._freed.clear()
            await self._freed.wait()
        if content_id not in room.copies:
            room.size += size
        room.copies[content_id] = room.copies.get(content_id, 0) + 1
        self._used[job] = size
        return body

    def give_back(self, job: Job) -> None:
        """This mail is done with, however it ended."""
        size = self._used.pop(job, None)
        if size is None:
            return
        room, content_id = self._rooms[job.mail.lane, job.mail.server_id], job.mail.content_id
        room.copies[content_id] -= 1
        if not room.copies[content_id]:
            del room.copies[content_id]
            room.size -= size
            self._freed.set()

    async def _encoded(self, content_id: int, letter: Letter) -> Body:
        if letter.is_small:
            return self._keep(content_id, encode_body(letter))
        making = self._making.get(content_id)
        if making is None:
            making = self._making[content_id] = asyncio.ensure_future(asyncio.to_thread(encode_body, letter))
            # Also where it failed, so that the next copy tries anew: a file may be back in storage, or the storage.
            making.add_done_callback(lambda _: self._making.pop(content_id, None))
        body = await asyncio.shield(making)
        return self._made.get(content_id) or self._keep(content_id, body)

    def _keep(self, content_id: int, body: Body) -> Body:
        """Keep what was made last, within bounds; copies on the wire hold their own body."""
        self._made[content_id] = body
        self._kept_bytes += len(body.data)
        while len(self._made) > 1 and (len(self._made) > KEPT or self._kept_bytes > MOST_BYTES):
            _, oldest = self._made.popitem(last=False)
            self._kept_bytes -= len(oldest.data)
        return body
