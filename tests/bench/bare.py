"""The bare sender: aiosmtplib in a loop over kept connections and a message made before, no queue, no database.

python -m tests.bench.bare PORT CONNECTIONS CERTIFICATES      (a file of those to trust, or nothing: no STARTTLS)
"""

import asyncio
import ssl
import sys
import time
from collections.abc import Iterator

import aiosmtplib
import uvloop

from tests.bench import letter
from tests.bench.talking import serve

MESSAGE = letter.wire(0)


def send(first: int, total: int) -> float:
    """So many mails to recipients from this number on; the seconds it took, connecting included."""
    began = time.perf_counter()
    uvloop.run(_send(iter(range(first, first + total))))
    return time.perf_counter() - began


async def _send(numbers: Iterator[int]) -> None:
    port, connections, trusted = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    context = ssl.create_default_context(cafile=trusted) if trusted else None

    async def client() -> None:
        smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=bool(trusted), tls_context=context)
        await smtp.connect()
        for number in numbers:
            await smtp.sendmail(letter.SENDER, [letter.recipient(number)], MESSAGE)
        await smtp.quit()

    await asyncio.gather(*(client() for _ in range(connections)))


if __name__ == "__main__":
    serve([send])
