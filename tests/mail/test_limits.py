"""What may leave through a server: windows, connections, pauses, and a provider that says that it is too much."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils.timezone import now

from mail import claiming, limits, queue, shares, tallies
from mail.claiming import Hands
from mail.models import Attempt, ConnectionShare, Lane, Mail, Options, Server, Usage
from tests.mail.conftest import MakeMails, deliver_all
from tests.smtp_double import SmtpDouble

pytestmark = pytest.mark.django_db
MakeServer = Callable[..., Server]
Window = Usage.Window


def many(number: int) -> list[str]:
    return [f"r{index}@levante.example" for index in range(number)]


def claim(lane: str = Lane.TRANSACTIONAL, *, owner: str = "me", hands: Hands | None = None) -> int:
    return len(claiming.claim(lane, owner=owner, hands=hands or Hands()))


def limit(server: Server, **fields: int | None) -> Server:
    for name, value in fields.items():
        setattr(server, name, value)
    server.save(update_fields=list(fields))
    return server


def pass_(seconds: int) -> None:
    """Let time pass: what was counted is older by so much."""
    for one in Usage.objects.all():
        one.slice -= seconds // Usage.SECONDS[Window(one.window)][1]
        one.save(update_fields=["slice"])


# -- Windows -----------------------------------------------------------------------------------------


def test_a_server_without_limits_has_room_for_everything_and_counts_nothing(server: Server) -> None:
    limits.record({server.pk: 5})
    assert limits.room(server, Lane.TRANSACTIONAL) is None
    assert limits.gauges(server) == []
    assert limits.opens_at(server) is None
    assert not Usage.objects.exists()


@pytest.mark.parametrize(
    ("fields", "used", "room"),
    [
        ({"limit_minute": 10}, 0, 10),
        ({"limit_minute": 10}, 4, 6),
        ({"limit_minute": 10}, 10, 0),
        ({"limit_minute": 10}, 12, 0),
        ({"limit_hour": 10}, 4, 6),
        ({"limit_day": 10}, 4, 6),
        ({"limit_minute": 10, "limit_hour": 8, "limit_day": 100}, 4, 4),
        ({"limit_minute": 3, "limit_hour": 8, "limit_day": 5}, 2, 1),
    ],
)
def test_the_narrowest_window_decides(server: Server, fields: dict[str, int], used: int, room: int) -> None:
    limit(server, **fields)
    if used:
        limits.record({server.pk: used})
    assert limits.room(server, Lane.TRANSACTIONAL) == room


@pytest.mark.parametrize(
    ("fields", "after", "room"),
    [
        ({"limit_minute": 10}, 50, 0),
        ({"limit_minute": 10}, 63, 10),
        ({"limit_hour": 10}, 3500, 0),
        ({"limit_hour": 10}, 3720, 10),
        ({"limit_day": 10}, 85_500, 0),
        ({"limit_day": 10}, 88_200, 10),
    ],
)
def test_what_left_counts_for_a_whole_window(server: Server, fields: dict[str, int], after: int, room: int) -> None:
    limit(server, **fields)
    limits.record({server.pk: 10})
    pass_(after)
    assert limits.room(server, Lane.TRANSACTIONAL) == room


def test_what_is_in_a_workers_hands_counts(server: Server, make_mails: MakeMails) -> None:
    limit(server, limit_minute=7)
    make_mails(*many(10))
    assert claim() == 7
    assert claim(owner="another") == 0
    assert [(one.used, one.limit, one.is_full) for one in limits.gauges(server)] == [(7, 7, True)]


def test_mail_over_the_limit_waits_and_is_no_failure(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    limit(server, limit_minute=3)
    make_mails(*many(8))

    deliver_all()

    assert len(smtp_double.mails) == 3
    waiting = Mail.objects.filter(state="queued")
    assert waiting.count() == 5
    assert not waiting.red().exists()
    assert not Attempt.objects.exclude(outcome="accepted").exists()
    pass_(62)
    deliver_all()
    assert len(smtp_double.mails) == 6


def test_a_refused_recipient_counts_and_an_unreachable_server_does_not(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    limit(server, limit_minute=30)
    smtp_double.answer("RCPT", "550 5.1.1 No such user")
    make_mails(*many(2))
    deliver_all()
    assert limits.gauges(server)[0].used == 2
    smtp_double.stop()
    make_mails("late@levante.example")
    deliver_all()
    assert limits.gauges(server)[0].used == 2


def test_what_a_dead_worker_held_counts(server: Server, make_mails: MakeMails) -> None:
    limit(server, limit_minute=5)
    make_mails(*many(2))
    assert claim() == 2
    Mail.objects.update(lease_until=now() - timedelta(seconds=1))
    assert claiming.recover() == 2
    assert limits.gauges(server)[0].used == 2


def test_mass_mail_leaves_a_tenth_to_what_a_person_waits_for(server: Server, make_mails: MakeMails) -> None:
    limit(server, limit_minute=20)
    make_mails(*many(30), lane=Lane.MASS)
    hands = Hands()
    assert claim(Lane.MASS, hands=hands) == 18
    make_mails("urgent@levante.example")
    assert claim(Lane.TRANSACTIONAL) == 1


def test_when_it_opens_again(server: Server) -> None:
    limit(server, limit_minute=10)
    assert limits.opens_at(server) is None
    limits.record({server.pk: 10})
    began = now()
    pass_(20)
    opens = limits.opens_at(server)
    assert opens is not None
    assert began + timedelta(seconds=38) <= opens <= now() + timedelta(seconds=42)
    behind = limits.opens_at(server, ahead=25)
    assert behind is not None
    assert behind - opens == timedelta(seconds=120)


def test_old_slices_are_swept(server: Server) -> None:
    limit(server, limit_minute=10, limit_day=10)
    limits.record({server.pk: 3})
    pass_(200)
    assert limits.sweep() == 1
    assert set(Usage.objects.values_list("window", flat=True)) == {"hour", "day"}


# -- Connections -------------------------------------------------------------------------------------


def test_connections_are_shared_out_among_the_workers(server: Server, make_mails: MakeMails) -> None:
    limit(server, limit_connections=3, max_connections=2)
    make_mails(*many(20))
    first, second, third = Hands(), Hands(), Hands()
    assert claim(owner="first", hands=first) == 4
    assert claim(owner="second", hands=second) == 2
    assert claim(owner="third", hands=third) == 0
    assert (first.shares, second.shares, third.shares) == ({server.pk: 2}, {server.pk: 1}, {})
    shares.give_back("first")
    assert claim(owner="third", hands=third) == 4


def test_the_share_of_a_dead_worker_ends_with_its_lease(server: Server, make_mails: MakeMails) -> None:
    limit(server, limit_connections=1)
    make_mails(*many(5))
    assert claim(owner="dead") == 2
    ConnectionShare.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert claim(owner="alive") == 2


def test_mass_mail_yields_the_only_connection(server: Server, make_mails: MakeMails) -> None:
    limit(server, limit_connections=1)
    make_mails(*many(5), lane=Lane.MASS)
    assert claim(Lane.MASS, owner="mass") == 2
    make_mails("urgent@levante.example")
    assert claim(Lane.MASS, owner="mass") == 0
    shares.give_back("mass")
    assert claim(Lane.TRANSACTIONAL, owner="other") == 1


def test_a_worker_keeps_to_its_share(server: Server, smtp_double: SmtpDouble, make_mails: MakeMails) -> None:
    limit(server, limit_connections=2, max_connections=10)
    make_mails(*many(30))
    deliver_all()
    assert len(smtp_double.mails) == 30
    assert smtp_double.most_open <= 2
    assert not ConnectionShare.objects.exists()


def test_the_connections_in_use_are_shown(server: Server) -> None:
    limit(server, limit_minute=30, limit_connections=3)

    def hold(owner: str, connections: int, seconds: int) -> None:
        lease = Now() + timedelta(seconds=seconds)
        ConnectionShare.objects.create(server=server, owner=owner, connections=connections, lease_until=lease)

    def shown() -> tuple[int, int]:
        windows, connections = limits.gauges(server)
        assert (windows.window, connections.window) == ("minute", "connections")
        return connections.used, connections.limit

    assert shown() == (0, 3)
    hold("one", 1, seconds=60)
    hold("dead", 1, seconds=-1)
    assert shown() == (1, 3)
    hold("two", 2, seconds=60)
    assert shown() == (3, 3)
    # What was agreed before the limit was lowered ends with its lease.
    limit(server, limit_connections=2)
    assert shown() == (2, 2)
    assert limits.opens_at(server) is None


# -- Pauses ------------------------------------------------------------------------------------------


def test_a_paused_server_sends_nothing_and_nothing_fails(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    [mail] = make_mails()
    limit(server, is_paused=True)
    deliver_all()
    queue.retry(Mail.objects.all())
    deliver_all()
    mail.refresh_from_db()
    assert (mail.state, mail.cause, len(smtp_double.mails)) == ("queued", "", 0)
    limit(server, is_paused=False)
    deliver_all()
    assert len(smtp_double.mails) == 1


@pytest.mark.parametrize(("paused", "sent"), [("mass", Lane.TRANSACTIONAL), ("transactional", Lane.MASS)])
def test_a_paused_lane_waits_while_the_other_goes_on(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails, paused: str, sent: str
) -> None:
    make_mails("a@levante.example", lane=Lane.MASS)
    make_mails("b@levante.example", lane=Lane.TRANSACTIONAL)
    Options.objects.update(**{f"{paused}_paused": True})
    deliver_all()
    assert list(Mail.objects.filter(state="sent").values_list("lane", flat=True)) == [sent]
    assert Mail.objects.filter(lane=paused, state="queued", cause="").exists()


# -- Too much, and in trouble ------------------------------------------------------------------------


def test_a_provider_that_says_too_much_is_left_alone_for_a_while(
    server: Server, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    limit(server, max_connections=1)
    smtp_double.answer("MAIL", "421 4.7.0 Too many messages, try again in 90 seconds")
    make_mails(*many(6))
    deliver_all()
    server.refresh_from_db()
    assert server.slowed_until is not None
    assert timedelta(seconds=60) < server.slowed_until - now() < timedelta(seconds=95)
    assert "Too many messages" in server.slowed_reply
    assert (server.trouble_since, server.blocked_cause) == (None, "")
    # One mail heard it; the others wait and nothing is held against them.
    assert Mail.objects.filter(state="queued", cause="").count() == 5
    Server.objects.update(slowed_until=now() - timedelta(seconds=1))
    Mail.objects.update(due_at=now())
    smtp_double.behave()
    deliver_all()
    assert Mail.objects.filter(state="sent").count() == 6


def test_what_fails_over_to_a_limited_server_keeps_its_limit(
    make_server: MakeServer, smtp_double: SmtpDouble, make_mails: MakeMails
) -> None:
    # Nothing listens at the first one; the second takes two a minute.
    dead = make_server(smtp_double, name="Dead", priority=1, port=1)
    second = make_server(smtp_double, name="Second", priority=2, limit_minute=2)
    make_mails(*many(5))
    deliver_all()
    assert len(smtp_double.mails) == 2
    assert (
        Mail.objects.filter(server=second, state="queued").count()
        + Mail.objects.filter(server=dead, state="queued").count()
        == 3
    )
    assert not Mail.objects.filter(state="failed").exists()


def test_a_server_back_from_trouble_is_tried_with_one_mail(server: Server, make_mails: MakeMails) -> None:
    Server.objects.update(trouble_since=now(), failures=4, resting_until=now() - timedelta(seconds=1))
    make_mails(*many(9))
    assert claim() == 1


# -- Tallies -----------------------------------------------------------------------------------------


def test_the_last_day_of_a_server(server: Server, smtp_double: SmtpDouble, make_mails: MakeMails) -> None:
    make_mails(*many(3))
    deliver_all()
    smtp_double.answer("RCPT", "550 5.1.1 No such user")
    make_mails("nobody@levante.example")
    deliver_all()
    tallies.record(sent={server.pk: 2, 987_654: 1}, failed={})
    assert tallies.last_day([server.pk]) == {server.pk: tallies.LastDay(sent=5, failed=1)}
