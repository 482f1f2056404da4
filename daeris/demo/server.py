"""A real SMTP server on loopback: it takes everything in, refuses one address and defers another."""

import asyncio
import logging
from collections import OrderedDict
from hashlib import sha256
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from asgiref.sync import sync_to_async
from django.db import close_old_connections

from daeris.demo.models import KEPT, CapturedMail
from daeris.demo.reading import Reading

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MOST_PUT_OFF = 1000
# Larger than what the composer lets through, so that its own limit is what a person meets.
MOST_BYTES = 40 * 1024 * 1024


class Capture:
    """Keeps each mail for each recipient. `refused` never accepts; `deferred` accepts each mail the second time."""

    def __init__(self, *, refused: str, deferred: str) -> None:
        self._refused, self._deferred = refused.lower(), deferred.lower()
        # The mails put off once, the oldest first; forgotten when accepted.
        self._put_off: OrderedDict[str, None] = OrderedDict()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """550 for the one who does not exist; everybody else is welcome."""
        if address.lower() == self._refused:
            return "550 5.1.1 This mailbox does not exist (demo)"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep it; the deferred one's mail only the second time. Which mail it is shows only now, so 451 comes now."""
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        if self._deferred in map(str.lower, envelope.rcpt_tos) and self._puts_off(raw):
            return "451 4.2.1 This mailbox is busy, try again in a moment (demo)"
        await sync_to_async(_keep)(str(envelope.mail_from or "").strip("<>"), envelope.rcpt_tos, raw)
        return "250 2.0.0 Kept in the demo mailbox"

    async def handle_exception(self, error: Exception) -> str:
        """A mail that we could not keep is not the sender's fault, and may come again."""
        logger.error("a mail could not be kept", exc_info=error)
        return "451 4.3.0 The demo mailbox could not keep this mail, try again"

    def _puts_off(self, raw: bytes) -> bool:
        mail = Reading(raw).header("Message-ID") or sha256(raw).hexdigest()
        if mail in self._put_off:
            del self._put_off[mail]
            return False
        self._put_off[mail] = None
        if len(self._put_off) > MOST_PUT_OFF:
            self._put_off.popitem(last=False)
        return True


def _keep(sender: str, recipients: list[str], raw: bytes) -> None:
    close_old_connections()
    reading = Reading(raw)
    CapturedMail.objects.bulk_create(
        CapturedMail(
            sender=sender,
            recipient=recipient,
            from_header=reading.header("From"),
            subject=reading.header("Subject"),
            raw=raw,
        )
        for recipient in recipients
    )
    newest = CapturedMail.objects.order_by("-pk").values_list("pk", flat=True)
    if (oldest_kept := newest[KEPT : KEPT + 1].first()) is not None:
        CapturedMail.objects.filter(pk__lte=oldest_kept).delete()


class _Listener(Controller):
    """A controller that may be given port 0: it learns its port before it knocks at its own door."""

    def _trigger_server(self) -> None:
        listening = cast(asyncio.Server, self.server)
        self.port = listening.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class DemoServer:
    """The server in a thread of its own; `port` is known once it is started."""

    def __init__(self, *, refused: str, deferred: str, port: int = 0) -> None:
        handler = Capture(refused=refused, deferred=deferred)
        self._controller: Any = _Listener(
            handler,
            hostname=HOST,
            port=port,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            ident="Daeris demo",
        )

    def start(self) -> int:
        """Listen; the port. Raises OSError when a given port is taken."""
        self._controller.start()
        port: int = self._controller.port
        return port

    def stop(self) -> None:
        self._controller.stop()
