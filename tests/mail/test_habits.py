"""What a worker learns of a server: after how many mails a connection ends, how many connections it takes at once."""

import asyncio

import pytest

from mail import habits, smtp
from mail.habits import LEARNT_SECONDS, Lifespan, Slots
from mail.replies import classify
from mail.smtp import DeliveryError, Pool
from tests.lab.waiting import eventually
from tests.mail.smtp_client import Doubles, endpoint, mail, pool_of
from tests.smtp_double import SmtpDouble

ENDINGS = {
    "hangs up after its answer": "close after",
    "hangs up at MAIL": "close",
    "421": "421 4.7.0 Too many messages in this connection",
    "4xx and goes on": "452 4.5.3 Too many messages in this session",
    "4xx without a word of why": "451 4.7.1 Please try again later",
}
with_and_without_pipelining = pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelining", "steps"])


async def send_many(pool: Pool, number: int, first: int = 0) -> None:
    await asyncio.gather(*(pool.send(mail(f"{n}@levante.example")) for n in range(first, first + number)))


def assert_each_once(double: SmtpDouble, number: int) -> None:
    assert sorted(int(received.recipients[0].partition("@")[0]) for received in double.mails) == [*range(number)]


# -- How many mails a connection carries -------------------------------------------------------------


@with_and_without_pipelining
@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_connection_is_retired_before_the_server_ends_it(
    smtp_doubles: Doubles, ending: str, extensions: tuple[str, ...]
) -> None:
    double = smtp_doubles(mails_at_most=5, enough=ENDINGS[ending], extensions=extensions)
    async with pool_of(endpoint(double)) as pool:
        for number in range(24):
            await send_many(pool, 1, number)

    assert_each_once(double, 24)
    assert double.mails_per_connection == {1: 5, 2: 5, 3: 5, 4: 5, 5: 4}
    # Twice it was seen; then we say goodbye first. Whoever hung up with the last answer is not there to hear it.
    goodbyes = {"hangs up after its answer": 1, "hangs up at MAIL": 3, "421": 3}.get(ending, 5)
    assert double.commands.count("QUIT") == goodbyes
    assert double.turned_away == (0 if goodbyes == 1 else 2)


@pytest.mark.parametrize("ending", ["421", "hangs up at MAIL"])
async def test_several_connections_learn_from_each_other(smtp_doubles: Doubles, ending: str) -> None:
    double = smtp_doubles(mails_at_most=5, enough=ENDINGS[ending])
    async with pool_of(endpoint(double, max_connections=4)) as pool:
        await send_many(pool, 60)
        learnt = double.turned_away
        await send_many(pool, 60, first=60)

    assert_each_once(double, 120)
    assert double.turned_away == learnt <= 8  # each connection of the first two generations


async def test_an_idle_connection_that_ended_teaches_nothing(
    smtp_doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "MOMENT", 0)  # whatever ends, ended long after its last mail
    double = smtp_doubles(mails_at_most=1)
    async with pool_of(endpoint(double, max_connections=1)) as pool:
        await send_many(pool, 4)
        double.mails_at_most = None
        await send_many(pool, 4, first=4)

    assert double.mails_per_connection == {1: 1, 2: 1, 3: 1, 4: 5}


async def test_a_server_that_was_restarted_teaches_nothing(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double, max_connections=4)) as pool:
        await send_many(pool, 4)
        smtp_double.stop()
        smtp_double.start()
        await send_many(pool, 4)
        assert smtp_double.connections == 8
        await asyncio.gather(*(send_many(pool, 1) for _ in range(20)))

    assert smtp_double.connections == 8


async def test_a_sender_who_is_put_off_is_asked_for_once_more_over_a_new_connection(smtp_double: SmtpDouble) -> None:
    smtp_double.answer("MAIL", "451 4.1.8 Sender's domain does not resolve", address="otra@miempresa.example")
    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail())
        for _ in range(3):
            with pytest.raises(DeliveryError, match=r"451 4\.1\.8"):
                await pool.send(mail(sender="otra@miempresa.example"))
        for _ in range(5):
            await pool.send(mail())

    # The connection was not at fault: no other one is tried, and nothing is learnt.
    assert smtp_double.mails_per_connection == {1: 1, 2: 5}
    assert sum("otra@" in command for command in smtp_double.commands) == 4


async def test_who_sends_too_much_does_not_come_in_by_another_door(smtp_double: SmtpDouble) -> None:
    async with pool_of(endpoint(smtp_double)) as pool:
        await pool.send(mail())
        smtp_double.answer("MAIL", "450 4.7.1 Error: too much mail from 192.0.2.1")
        with pytest.raises(DeliveryError, match="too much mail"):
            await pool.send(mail())

    assert smtp_double.connections == 1


def test_what_was_learnt_is_tried_anew_after_an_hour() -> None:
    lifespan = Lifespan()
    lifespan.ended(50, opened_at=1, moment=10)
    assert lifespan.most(11) > 50
    lifespan.ended(48, opened_at=11, moment=20)
    assert lifespan.most(20 + LEARNT_SECONDS) == 48
    assert lifespan.most(21 + LEARNT_SECONDS) > 1000


def test_numbers_that_have_nothing_in_common_teach_nothing() -> None:
    lifespan = Lifespan()
    for moment, mails in enumerate((0, 50, 7, 80, 0, 20), start=1):
        lifespan.ended(mails, opened_at=moment, moment=moment)
    assert lifespan.most(10) > 1000


# -- How many connections it takes -------------------------------------------------------------------


REFUSALS = ["421 4.7.0 Too many concurrent connections", "421 4.3.2 Try again later", "554 Too many connections"]


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_mail_waits_for_the_connections_that_the_server_takes(smtp_doubles: Doubles, refusal: str) -> None:
    double = smtp_doubles(connections_at_most=3, too_many=refusal)
    async with pool_of(endpoint(double, max_connections=10)) as pool:
        await send_many(pool, 60)
        assert double.turned_away <= 7
        asked = double.turned_away
        await send_many(pool, 60, first=60)
        assert pool.open == 3

    assert_each_once(double, 120)
    assert double.turned_away == asked
    assert double.connections == asked + 3


@with_and_without_pipelining
async def test_mail_waits_also_where_it_is_told_so_at_mail(smtp_doubles: Doubles, extensions: tuple[str, ...]) -> None:
    double = smtp_doubles(extensions=extensions)
    async with pool_of(endpoint(double, max_connections=2)) as pool:
        held = double.hold("DATA")
        first = asyncio.create_task(send_many(pool, 1))
        await asyncio.to_thread(eventually, lambda: "DATA" in double.commands)
        double.answer("MAIL", "451 4.7.0 Too many connections from you", times=1)
        second = asyncio.create_task(send_many(pool, 1, first=1))
        await asyncio.to_thread(eventually, lambda: "QUIT" in double.commands)
        held.set()
        await asyncio.gather(first, second)

    assert_each_once(double, 2)
    assert double.mails_per_connection == {1: 2}


async def test_one_connection_more_is_tried_later(smtp_doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> None:
    double = smtp_doubles(connections_at_most=2)
    async with pool_of(endpoint(double, max_connections=3)) as pool:
        await send_many(pool, 30)
        assert pool.open == 2
        monkeypatch.setattr(habits, "GROW_SECONDS", 0)
        pool._slots.shrink(2)
        double.connections_at_most = None
        await send_many(pool, 30, first=30)
        assert pool.open == 3

    assert_each_once(double, 60)


async def test_the_server_is_told_of_when_it_takes_no_connection_at_all(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(connections_at_most=0)
    async with pool_of(endpoint(double)) as pool:
        with pytest.raises(DeliveryError) as caught:
            await pool.send(mail())

    assert classify(caught.value).cause == "too_many_connections"


async def test_a_connection_of_ours_that_the_server_has_not_seen_end_yet_is_waited_for(smtp_doubles: Doubles) -> None:
    double = smtp_doubles(connections_at_most=1, mails_at_most=1)
    async with pool_of(endpoint(double)) as pool:
        await send_many(pool, 1)
        double.open += 1  # it still counts one that has gone
        sending = asyncio.create_task(send_many(pool, 1, first=1))
        await asyncio.to_thread(eventually, lambda: double.turned_away == 2)
        double.open -= 1
        await sending

    assert_each_once(double, 2)


async def test_whoever_gives_up_waiting_takes_no_place() -> None:
    slots = Slots(1)
    await slots.take()
    waiting = [asyncio.create_task(slots.take()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    slots.give_back()
    waiting[1].cancel()  # it was let in at this very moment
    await asyncio.wait(waiting)

    assert [task.cancelled() for task in waiting] == [True, True, False]
    slots.give_back()
    async with asyncio.timeout(1):
        await slots.take()
