"""However a mail ends, nothing of it leaks into the next: neither its sender, nor a recipient, nor a word."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.smtp import DeliveryError, Envelope, Pool
from tests.lab.waiting import eventually
from tests.mail.smtp_client import Doubles, endpoint, pool_of
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.wire

REFUSALS = {
    **{
        f"{point} {code}": (point, f"{code} 5.7.1 No")
        for point in ("MAIL", "RCPT", "FINAL")
        for code in (421, 451, 550)
    },
    **{f"DATA {code}": ("DATA", f"{code} 5.7.1 No") for code in (421, 451, 554)},
}
CLOSED = {f"closed at {point}": point for point in ("MAIL", "RCPT", "DATA", "BODY", "FINAL")}
CANCELLED = {f"cancelled at {point}": point for point in ("MAIL", "RCPT", "DATA", "FINAL")}
GATES: dict[str, Literal["mail", "data"]] = {"stopped before MAIL": "mail", "stopped before the content": "data"}
ENDINGS = ["accepted", *REFUSALS, *CLOSED, *CANCELLED, *GATES]
# What a server may have taken although we were never told so.
MAY_ARRIVE = {"accepted", "closed at FINAL", "cancelled at FINAL"}


class Stopped(Exception):
    """The gate said no."""


@pytest.fixture(scope="module", params=[("PIPELINING",), ()], ids=["pipelining", "steps"])
def double(request: pytest.FixtureRequest) -> Iterator[SmtpDouble]:
    with SmtpDouble(extensions=request.param) as double:
        yield double


@given(endings=st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=6))
def test_every_mail_arrives_as_it_is_or_not_at_all(double: SmtpDouble, endings: list[str]) -> None:
    double.behave()
    double.mails.clear()

    asyncio.run(_send_all(double, [*endings, "accepted"]))

    assert double.violations == []
    arrived: Counter[int] = Counter()
    for received in double.mails:
        number = received.sender.removeprefix("s").partition("@")[0]
        assert received.recipients == (f"r{number}@levante.example",)
        assert received.data == _message(number)
        arrived[int(number)] += 1
    assert set(arrived.values()) == {1}
    by_ending = dict(enumerate([*endings, "accepted"]))
    assert {number for number, ending in by_ending.items() if ending == "accepted"} <= set(arrived)
    assert {by_ending[number] for number in arrived} <= MAY_ARRIVE


async def _send_all(double: SmtpDouble, endings: list[str]) -> None:
    # A single connection, so that whatever a mail leaves behind, the next one meets.
    async with pool_of(endpoint(double, max_connections=1)) as pool:
        for number, ending in enumerate(endings):
            await _send(double, pool, str(number), ending)


async def _send(double: SmtpDouble, pool: Pool, number: str, ending: str) -> None:
    mail = Envelope(f"s{number}@miempresa.example", f"r{number}@levante.example", _message(number))

    async def gate(step: Literal["mail", "data"]) -> None:
        if GATES.get(ending) == step:
            raise Stopped

    if ending in REFUSALS:
        point, reply = REFUSALS[ending]
        double.answer(point, reply, **_of_this_mail(point, mail))
    elif ending in CLOSED:
        double.close(CLOSED[ending], **_of_this_mail(CLOSED[ending], mail))
    elif ending in CANCELLED:
        double.hang(CANCELLED[ending], times=1)
        [rule] = double._rules
        sending = asyncio.create_task(pool.send(mail, gate=gate))
        await asyncio.to_thread(eventually, lambda: rule.left == 0, every=0.001)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        double.behave()
        return
    if ending == "accepted":
        await pool.send(mail, gate=gate)
        return
    with pytest.raises((DeliveryError, Stopped)):
        await pool.send(mail, gate=gate)
    double.behave()


def _of_this_mail(point: str, mail: Envelope) -> dict[str, Any]:
    if point == "MAIL":
        return {"address": mail.sender}
    return {"times": 1} if point == "DATA" else {"address": mail.recipient}


def _message(number: str) -> bytes:
    return f"Subject: {number}\r\n\r\nOnly for r{number}\r\n.\r\n".encode()


async def test_different_credentials_never_share_a_connection(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(users={"ana": "una", "berta": "otra"})
    ways = [endpoint(double, username=user, password=double.users[user]) for user in ("ana", "berta")]
    async with pool_of(ways[0]) as of_ana, pool_of(ways[1]) as of_berta:
        for number in range(3):
            for pool, user in ((of_ana, "ana"), (of_berta, "berta")):
                await pool.send(Envelope(f"{user}@miempresa.example", f"r{number}@levante.example", _message("0")))

    assert {(received.user, received.sender.partition("@")[0]) for received in double.mails} == {
        ("ana", "ana"),
        ("berta", "berta"),
    }
    assert (len(double.mails), double.connections) == (6, 2)
