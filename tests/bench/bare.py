"""The bare sender: aiosmtplib in a loop over kept connections, no queue, no database. `python -m tests.bench.bare`."""

import asyncio
import sys
import time

import aiosmtplib


async def send(port: int, total: int, connections: int, message: bytes) -> None:
    left = iter(range(total))

    async def client() -> None:
        smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, use_tls=False)
        await smtp.connect()
        for number in left:
            await smtp.sendmail("ana@miempresa.test", [f"customer{number}@acme.test"], message)
        await smtp.quit()

    await asyncio.gather(*(client() for _ in range(connections)))


if __name__ == "__main__":
    port, total, connections = map(int, sys.argv[1:4])
    message = sys.stdin.buffer.read()
    began = time.perf_counter()
    asyncio.run(send(port, total, connections, message))
    sys.stdout.write(f"{time.perf_counter() - began}\n")
