"""One connection after another: what is kept between mails, and what is not."""

import asyncio

import pytest

from mail import connection as connections
from mail import smtp
from mail.smtp import DeliveryError
from tests.lab.waiting import eventually
from tests.mail.smtp_client import endpoint, mail, pool_of
from tests.smtp_double import SmtpDouble


async def test_one_connection_carries_many_mails(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double)) as pool:
        for _ in range(5):
            await pool.send(mail())
        assert pool.open == 1

    assert smtp_double.connections == 1
    assert smtp_double.commands[-1] == "QUIT"


async def test_a_connection_is_replaced_after_a_hundred_mails(
    smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_MAILS", 3)
    async with pool_of(endpoint(smtp_double)) as pool:
        for _ in range(7):
            await pool.send(mail())

    assert smtp_double.mails_per_connection == {1: 3, 2: 3, 3: 1}


async def test_the_pool_never_opens_more_than_agreed(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_MAILS", 4)
    smtp_double.answer("RCPT", "550 5.1.1 No", address="nadie@levante.example")
    async with pool_of(endpoint(smtp_double, max_connections=3)) as pool:
        sent = [pool.send(mail("nadie@levante.example" if n % 7 == 0 else "julia@levante.example")) for n in range(60)]
        results = await asyncio.gather(*sent, return_exceptions=True)
        assert 1 <= pool.open <= 3

    assert sum(isinstance(result, DeliveryError) for result in results) == 9
    assert len(smtp_double.mails) == 51
    assert smtp_double.most_open <= 3


async def test_nothing_of_a_refused_mail_leaks_into_the_next(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("RCPT", "550 5.1.1 No", address="nadie@levante.example")
    smtp_double.answer("DATA", "451 4.3.0 Later", times=1)
    async with pool_of(endpoint(smtp_double)) as pool:
        for recipient in ("nadie@levante.example", "uno@levante.example", "nadie@levante.example"):
            with pytest.raises(DeliveryError):
                await pool.send(mail(recipient, sender="secreto@miempresa.example"))
        await pool.send(mail("dos@levante.example"))

    (received,) = smtp_double.mails
    assert (received.sender, received.recipients) == ("ana@miempresa.example", ("dos@levante.example",))
    assert smtp_double.connections == 1
    assert smtp_double.commands.count("RSET") == 3  # RCPT, DATA and RCPT had left a transaction open


async def test_a_refused_sender_is_forgotten_too(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("MAIL", "553 5.7.1 Not you", address="otra@miempresa.example")
    async with pool_of(endpoint(smtp_double)) as pool:
        with pytest.raises(DeliveryError):
            await pool.send(mail(sender="otra@miempresa.example"))
        await pool.send(mail())

    assert smtp_double.connections == 1


async def test_a_connection_with_many_refusals_is_given_up(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("RCPT", "550 5.1.1 No")
    async with pool_of(endpoint(smtp_double)) as pool:
        for _ in range(connections.MAX_ERRORS + 1):
            with pytest.raises(DeliveryError):
                await pool.send(mail())

    assert smtp_double.connections == 2


@pytest.mark.parametrize("ending", ["close", "421"])
async def test_an_idle_connection_that_the_server_closed_is_no_failure(smtp_double: SmtpDouble, ending: str) -> None:
    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail())
        if ending == "close":
            smtp_double.close("MAIL", times=1)
        else:
            smtp_double.answer("MAIL", "421 4.4.2 Idle for too long", times=1)
        await pool.send(mail())

    assert (len(smtp_double.mails), smtp_double.connections) == (2, 2)


async def test_a_server_that_closed_all_idle_connections_is_connected_to_anew(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double, max_connections=4)) as pool:
        await asyncio.gather(*(pool.send(mail()) for _ in range(4)))
        smtp_double.stop()
        smtp_double.start()
        await asyncio.gather(*(pool.send(mail()) for _ in range(4)))

    assert len(smtp_double.mails) == 8


async def test_only_one_new_connection_is_tried_for_it(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail())
        smtp_double.close("MAIL")
        with pytest.raises(DeliveryError) as caught:
            await pool.send(mail())

    assert (caught.value.kind, caught.value.phase) == ("dropped", "mail")
    assert smtp_double.connections == 2


async def test_idle_connections_close_by_themselves(smtp_double: SmtpDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0.05)
    async with pool_of(endpoint(smtp_double)) as pool:
        await asyncio.gather(*(pool.send(mail()) for _ in range(3)))
        await asyncio.to_thread(eventually, lambda: not pool.open)
        await pool.send(mail())

    assert smtp_double.commands.count("QUIT") == 4
    assert smtp_double.most_open <= 3


async def test_a_cancelled_mail_takes_its_connection_with_it(smtp_double: SmtpDouble) -> None:
    smtp_double.hang("RCPT", times=1)
    async with pool_of(endpoint(smtp_double, max_connections=1)) as pool:
        sending = asyncio.create_task(pool.send(mail("uno@levante.example")))
        await asyncio.to_thread(eventually, lambda: "RCPT TO:<uno@levante.example>" in smtp_double.commands)
        sending.cancel()
        await asyncio.wait([sending])
        await pool.send(mail("dos@levante.example"))

    assert [received.recipients for received in smtp_double.mails] == [("dos@levante.example",)]


async def test_the_gate_is_asked_before_mail_and_before_the_content(smtp_double: SmtpDouble) -> None:
    asked: list[str] = []

    class Closed(Exception):
        pass

    async def gate(step: str) -> None:
        asked.append(step)
        if len(asked) in (3, 5):
            raise Closed

    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail(), gate=gate)
        for _ in range(2):  # stopped before MAIL, then before the content
            with pytest.raises(Closed):
                await pool.send(mail(), gate=gate)
        await pool.send(mail())

    assert asked == ["mail", "data", "mail", "mail", "data"]
    # Whoever stops after DATA can only hang up: what came until then is no message.
    assert (len(smtp_double.mails), smtp_double.connections) == (2, 2)
