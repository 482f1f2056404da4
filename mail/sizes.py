"""How large an e-mail a server takes, as it says so itself (RFC 1870)."""

import asyncio
import contextlib
from dataclasses import replace

from mail.connection import Connection
from mail.endpoint import Endpoint
from mail.exceptions import DeliveryError

STEP_SECONDS = 8.0
ALL_SECONDS = 15.0


def ask_size(endpoint: Endpoint) -> int:
    """The largest message in bytes, 0 when the server names none. Does not log in. Raises DeliveryError."""
    return asyncio.run(_ask(endpoint))


async def _ask(endpoint: Endpoint) -> int:
    quick = replace(
        endpoint,
        connect_seconds=min(endpoint.connect_seconds, STEP_SECONDS),
        command_seconds=min(endpoint.command_seconds, STEP_SECONDS),
    )
    connection = Connection(quick)
    try:
        async with asyncio.timeout(ALL_SECONDS):
            for phase, step in connection.steps():
                # The features are known by now; what comes next would need a secret.
                if phase == "auth":
                    break
                await step()
    except TimeoutError:
        raise DeliveryError(connection.phase, "timeout", detail="No answer in time") from None
    else:
        return connection.max_size
    finally:
        with contextlib.suppress(DeliveryError):
            await connection.quit()
