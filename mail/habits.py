"""What a worker learns of a server while mail goes out: how many mails a connection carries, how many it takes at once.

Kept as long as the pool, and so forgotten when the settings of the server change.
"""

import asyncio
import sys
from collections import deque

# What was learnt is tried anew after so long: servers change.
LEARNT_SECONDS = 3600.0
# One connection more is tried after so long.
GROW_SECONDS = 60.0


class Lifespan:
    """How many mails a connection carries before the server ends it, once it did so twice at about the same number."""

    def __init__(self) -> None:
        self._most = sys.maxsize
        self._seen = 0
        self._seen_at = float("-inf")

    def most(self, moment: float) -> int:
        """After how many mails to say goodbye first."""
        if moment > self._seen_at + LEARNT_SECONDS:
            self._most, self._seen = sys.maxsize, 0
        return self._most

    def ended(self, mails: int, *, opened_at: float, moment: float) -> None:
        """The server ended a connection, opened at this moment, after so many mails."""
        # All that were open when it did so first may have ended together, as when it is restarted: that tells nothing.
        if not 0 < mails < self.most(moment) or opened_at < self._seen_at:
            return
        if self._seen and abs(mails - self._seen) <= max(1, mails // 10):
            self._most = min(mails, self._seen)
        self._seen, self._seen_at = mails, moment


class Slots:
    """Who may use a connection now, in the order of asking: as many as agreed, or as the server takes."""

    def __init__(self, agreed: int) -> None:
        self.agreed = self.size = max(1, agreed)
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._grows_at = float("-inf")

    async def take(self, *, is_first: bool = False) -> None:
        """Wait for one; whoever had one already may come first. `give_back` follows."""
        if self._taken < self.size and not self._waiting:
            self._taken += 1
            return
        self._grow()
        turn = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if is_first else self._waiting.append)(turn)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had just been given one
                self.give_back()
            raise

    def give_back(self) -> None:
        """The connection is free again, or gone."""
        self._taken -= 1
        self._let_in()

    def shrink(self, size: int) -> None:
        """The server took so many connections and not one more."""
        self.size = min(self.agreed, max(1, size))
        self._grows_at = asyncio.get_running_loop().time() + GROW_SECONDS

    def hold(self, size: int) -> None:
        """So many are open: the server takes at least these."""
        self.size = min(self.agreed, max(self.size, size))

    def _grow(self) -> None:
        moment = asyncio.get_running_loop().time()
        if self.size < self.agreed and moment >= self._grows_at:
            self.size += 1
            self._grows_at = moment + GROW_SECONDS

    def _let_in(self) -> None:
        while self._waiting and self._taken < self.size:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._taken += 1
