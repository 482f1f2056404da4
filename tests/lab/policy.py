"""Greylisting as Postfix asks for it: refuse the first time, take the second."""

import socketserver
import threading


class Greylist:
    """A Postfix policy service (SMTPD_POLICY_README). Each sender and recipient is put off `times` times."""

    REPLY = "451 4.7.1 Greylisted, please try again later"

    def __init__(self, times: int = 1) -> None:
        self.seen: dict[tuple[str, str], int] = {}
        greylist = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while asked := self._ask():
                    self.wfile.write(f"action={greylist.verdict(asked)}\n\n".encode())

            def _ask(self) -> dict[str, str]:
                asked = {}
                while line := self.rfile.readline().decode().strip():
                    name, _, value = line.partition("=")
                    asked[name] = value
                return asked

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False  # Postfix keeps its connections open until it ends

        self._times = times
        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02], name="greylist", daemon=True)

    def verdict(self, asked: dict[str, str]) -> str:
        pair = (asked.get("sender", ""), asked.get("recipient", ""))
        self.seen[pair] = self.seen.get(pair, 0) + 1
        return self.REPLY if self.seen[pair] <= self._times else "DUNNO"

    def start(self) -> "Greylist":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
