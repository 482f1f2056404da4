"""A real SMTP server on loopback: it takes everything in, refuses one address and defers another."""

from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from asgiref.sync import sync_to_async
from django.db import close_old_connections

from daeris.demo.models import KEPT, CapturedMail
from daeris.demo.reading import Reading

# Larger than what the composer lets through, so that its own limit is what a person meets.
MOST_BYTES = 40 * 1024 * 1024


class Capture:
    """Keeps each mail for each recipient. `refused` never accepts; `deferred` accepts the second time it is asked."""

    def __init__(self, *, refused: str, deferred: str) -> None:
        self._refused, self._deferred = refused, deferred
        self._asked: set[str] = set()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """550 for the one, 451 for the other's first time, 250 for everybody else."""
        if address.lower() == self._refused:
            return "550 5.1.1 This mailbox does not exist (demo)"
        if address.lower() == self._deferred and envelope.mail_from not in self._asked:
            self._asked.add(str(envelope.mail_from))
            return "451 4.2.1 This mailbox is busy, try again in a moment (demo)"
        if address.lower() == self._deferred:
            self._asked.discard(str(envelope.mail_from))
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await sync_to_async(_keep)(str(envelope.mail_from or ""), envelope.rcpt_tos, bytes(envelope.content or b""))
        return "250 2.0.0 Kept in the demo mailbox"


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


class _Listener(Controller):  # type: ignore[misc]  # aiosmtpd has no types
    """A controller that may be given port 0: it learns its port before it knocks at its own door."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class DemoServer:
    """The server in a thread of its own; `port` is known once it is started."""

    def __init__(self, *, refused: str, deferred: str, port: int = 0) -> None:
        handler = Capture(refused=refused, deferred=deferred)
        self._controller: Any = _Listener(
            handler,
            hostname="127.0.0.1",
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
