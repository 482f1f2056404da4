"""A server that was stopped or left alone goes on."""

from mail import bell
from mail.models import Lane, Server


def release(server: Server) -> None:
    """It works: it is no longer stopped, and what waited for it goes at once."""
    if server.blocked_cause or server.trouble_since:
        server.unblock()
        for lane in Lane:
            bell.ring(lane)
