"""A real DNS server on loopback, by UDP and TCP, that answers what it is told, right or wrong.

    def test_a_policy_is_found(dns_double):
        dns_double.publish("_dmarc.x.test", "v=DMARC1; p=reject")

A name that nobody told it about does not exist; one below which something stands exists without records.
"""

import asyncio
import contextlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

MOST_UDP = 512
SOA = "ns.test. hostmaster.test. 1 3600 600 86400 {ttl}"


@dataclass
class DnsDouble:
    """The server; `nameserver` says where it is, as the settings write it."""

    ttl: int = 600
    questions: list[tuple[str, str]] = field(default_factory=list)
    over_tcp: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._records: dict[tuple[str, str], list[str]] = {}
        self._wrong: dict[str, str] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def nameserver(self) -> str:
        return f"127.0.0.1:{self.port}"

    # -- Orders ------------------------------------------------------------------------------------
    def publish(self, name: str, *texts: str, kind: str = "TXT") -> None:
        """These records stand at the name from now on; a long text is cut into strings as a zone file would have it."""
        self._records[name.lower(), kind] = [_quoted(text) if kind == "TXT" else text for text in texts]

    def withdraw(self, name: str, kind: str = "TXT") -> None:
        del self._records[name.lower(), kind]

    def fail(self, name: str, how: str = "servfail") -> None:
        """Go wrong at this name, or "*" at every name: servfail, refused, silence, garbage, forged, half (TCP)."""
        self._wrong[name] = how

    def behave(self) -> None:
        self._wrong.clear()

    def asked(self, kind: str = "TXT") -> list[str]:
        """The names asked for, each time."""
        return [name for name, asked in self.questions if asked == kind]

    # -- The server --------------------------------------------------------------------------------
    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        tcp = await asyncio.start_server(self._by_tcp, "127.0.0.1", 0)
        self.port = tcp.sockets[0].getsockname()[1]
        udp, _ = await self._loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=("127.0.0.1", self.port))
        self._ready.set()
        await self._end.wait()
        udp.close()
        tcp.close()
        await tcp.wait_closed()

    async def _by_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            self.over_tcp += 1
            wire, how = self.reply(await reader.readexactly(length), most=65535)
            if wire:
                writer.write(struct.pack("!H", len(wire)) + (wire[: len(wire) // 2] if how == "half" else wire))
                await writer.drain()
        writer.close()

    def reply(self, wire: bytes, *, most: int) -> tuple[bytes, str]:
        """The answer to a question as bytes, none for silence; and what goes wrong with it."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.questions.append((name, kind))
        how = self._wrong.get(name, self._wrong.get("*", ""))
        if how == "silence":
            return b"", how
        if how == "garbage":
            return wire[:2] + b"\x81\x80" + b"\xff" * 40, how
        response = self._response(query, name, kind, how)
        if how == "forged":
            response.id ^= 1
        made = response.to_wire(max_size=65535)
        if len(made) > most:
            response = dns.message.make_response(query)
            response.flags |= dns.flags.TC
            made = response.to_wire()
        return made, how

    def _response(self, query: dns.message.Message, name: str, kind: str, how: str) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if how in {"servfail", "refused"}:
            response.set_rcode(dns.rcode.from_text(how))
            return response
        where = query.question[0].name
        if records := self._records.get((name, kind)):
            response.answer.append(dns.rrset.from_text(where, self.ttl, "IN", kind, *records))
        elif alias := self._records.get((name, "CNAME")):
            response.answer.append(dns.rrset.from_text(where, self.ttl, "IN", "CNAME", *alias))
            target = dns.name.from_text(alias[0])
            if at_target := self._records.get((target.to_text(omit_final_dot=True), kind)):
                response.answer.append(dns.rrset.from_text(target, self.ttl, "IN", kind, *at_target))
        else:
            if not any(known == name or known.endswith(f".{name}") for known, _ in self._records):
                response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(dns.rrset.from_text(".", 86400, "IN", "SOA", SOA.format(ttl=self.ttl)))
        return response


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, double: DnsDouble) -> None:
        self.double = double

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        wire, _ = self.double.reply(data, most=MOST_UDP)
        if wire:
            self.transport.sendto(wire, address)


def _quoted(text: str) -> str:
    strings = [text[start : start + 250] for start in range(0, len(text), 250)] or [""]
    return " ".join('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in strings)


@pytest.fixture
def dns_double(settings: object) -> Iterator[DnsDouble]:
    """The name server of the settings. What it said to an earlier test is forgotten."""
    from django.core.cache import cache

    cache.clear()
    double = DnsDouble()
    double.start()
    settings.MAIL_NAMESERVER = double.nameserver  # type: ignore[attr-defined]
    yield double
    double.stop()
    cache.clear()
