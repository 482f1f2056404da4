"""The encoded bodies of a worker: each made once for its copies, and never more of them at once than memory allows."""

import asyncio
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

from mail.composing import Body, Letter, encode_body
from mail.delivery import Job

KEPT = 32
# Two letters with files of 25 MB, as base64: what is in use for one lane and server at once, and what is kept.
MOST_BYTES = 72 * 1024 * 1024
# From here on only one is read and encoded at a time: while that lasts, the file is there twice.
LARGE = 1024 * 1024
# What is more than a few words is forgotten when no more copies have come for so long.
KEPT_SECONDS = 60.0


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
        self._small: OrderedDict[int, Body] = OrderedDict()
        # The others, in the order in which they were made; those in use stay.
        self._bulky: dict[int, Body] = {}
        self._making: dict[int, asyncio.Future[Body]] = {}
        self._one_large = asyncio.Lock()
        self._forgetting: dict[int, asyncio.TimerHandle] = {}
        # Each lane and server has room of its own, so that a slow server never holds up the mail of the others.
        self._rooms: defaultdict[tuple[str, int], _Room] = defaultdict(_Room)
        self._used: dict[Job, int] = {}
        self._freed = asyncio.Event()

    async def take(self, job: Job) -> Body:
        """The body of this mail, made once there is room for it; `give_back` ends its use."""
        content_id, size = job.mail.content_id, job.letter.weight
        room = self._rooms[job.mail.lane, job.mail.server_id]
        while not room.fits(content_id, size):
            self._freed.clear()
            await self._freed.wait()
        if content_id not in room.copies:
            room.size += size
        room.copies[content_id] = room.copies.get(content_id, 0) + 1
        self._used[job] = size
        if job.letter.is_small:
            return self._small.get(content_id) or self._keep(content_id, encode_body(job.letter))
        return await self._of_bulky(content_id, job.letter)

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
            self._forget_later(content_id)

    def _keep(self, content_id: int, body: Body) -> Body:
        """Keep what was made last; copies on the wire hold their own body."""
        self._small[content_id] = body
        if len(self._small) > KEPT:
            self._small.popitem(last=False)
        return body

    # -- More than a few words -----------------------------------------------------------------------

    async def _of_bulky(self, content_id: int, letter: Letter) -> Body:
        if timer := self._forgetting.pop(content_id, None):
            timer.cancel()
        if body := self._bulky.get(content_id):
            return body
        making = self._making.get(content_id)
        if making is None:
            making = self._making[content_id] = asyncio.ensure_future(self._make(content_id, letter))
            # Also where it failed, so that the next copy tries anew: a file may be back in storage, or the storage.
            making.add_done_callback(lambda _: self._making.pop(content_id, None))
        return await asyncio.shield(making)

    async def _make(self, content_id: int, letter: Letter) -> Body:
        if letter.weight <= LARGE:
            body = await asyncio.to_thread(encode_body, letter)
        else:
            async with self._one_large:
                self._make_room(letter.weight)
                body = await asyncio.to_thread(encode_body, letter)
        self._make_room(len(body.data))
        self._bulky[content_id] = body
        return body

    def _make_room(self, size: int) -> None:
        """Forget the oldest, unless they are in use."""
        kept = sum(len(body.data) for body in self._bulky.values())
        for content_id in list(self._bulky):
            if kept + size <= MOST_BYTES and len(self._bulky) < KEPT:
                break
            if not self._is_used(content_id):
                kept -= len(self._bulky.pop(content_id).data)

    def _forget_later(self, content_id: int) -> None:
        if content_id in self._bulky and not self._is_used(content_id):
            loop = asyncio.get_running_loop()
            self._forgetting[content_id] = loop.call_later(KEPT_SECONDS, self._forget, content_id)

    def _forget(self, content_id: int) -> None:
        del self._forgetting[content_id]
        self._bulky.pop(content_id, None)

    def _is_used(self, content_id: int) -> bool:
        return any(content_id in room.copies for room in self._rooms.values())
