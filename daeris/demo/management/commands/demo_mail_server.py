"""The demo's mail server."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from daeris import demo_company
from daeris.demo.server import HOST, DemoServer
from daeris.embedded.stack import LISTENS
from mail.models import Server


class Command(BaseCommand):
    help = "Take in what the demo company sends, on a free loopback port, until it is told to end."

    def handle(self, *args: Any, **options: Any) -> None:
        server = self._start()
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
        try:
            signal.pause()
        except KeyboardInterrupt:
            server.stop()

    def _start(self) -> DemoServer:
        """On the port of last time when it is free, so that the settings, and all plans made by them, stay."""
        known = Server.objects.filter(name=demo_company.DEMO_SERVER).values_list("port", flat=True).first()
        refused, deferred = demo_company.REFUSED_ADDRESS, demo_company.DEFERRED_ADDRESS
        try:
            server = DemoServer(refused=refused, deferred=deferred, port=known or 0)
            port = server.start()
        except OSError:
            server = DemoServer(refused=refused, deferred=deferred)
            port = server.start()
        demo_company.set_demo_server(HOST, port)
        # The supervisor waits for these words.
        self.stdout.write(f"The demo mail server {LISTENS} {HOST}:{port}.")
        return server
