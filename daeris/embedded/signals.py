"""Being told to end, and hearing of a child's death, without missing either."""

import select
import signal
import socket

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """After `listen`, `wait` answers whether somebody asked us to end; a child's death ends a wait early.

    Not a threading.Event: its lock is held while the main thread begins to wait, and a handler that runs
    at that moment would wait for it for ever.
    """

    def __init__(self) -> None:
        self.asked_to_end = False
        self._heard, self._bell = socket.socketpair()
        self._heard.setblocking(False)
        self._bell.setblocking(False)

    def listen(self) -> None:
        """From now on signals set `asked_to_end`; only the main thread may say this."""
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        for number in ENDING:
            # `nohup` means that closing the terminal should not end us.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._ask_to_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken

    def wait(self, seconds: float) -> bool:
        """Wait so long at most, less when a signal arrives; whether to end."""
        if not self.asked_to_end and select.select([self._heard], [], [], seconds)[0]:
            self._heard.recv(4096)
        return self.asked_to_end

    def _ask_to_end(self, *_: object) -> None:
        self.asked_to_end = True
