"""What holds a waiting mail is said in words, and until when."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import translation
from django.utils.timezone import now

from mail import limits, pauses
from mail.holds import hold_of
from mail.models import Lane, Mail, Options, Server
from tests.mail.conftest import MakeMails

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    cache.clear()
    with translation.override("en"):
        yield


def waiting(mail: Mail) -> Mail:
    return Mail.objects.select_related("server").get(pk=mail.pk)


def test_nothing_holds_a_mail_that_is_about_to_go(server: Server, make_mails: MakeMails) -> None:
    [mail] = make_mails()
    assert hold_of(waiting(mail)) is None


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"is_paused": True}, "server_paused", "“Corporativo” is paused"),
        ({"slowed_until": timedelta(minutes=5)}, "slowed", "asks to slow down"),
        ({"resting_until": timedelta(minutes=5), "trouble_since": timedelta(0)}, "resting", "could not be reached"),
    ],
)
def test_what_its_server_does_holds_it(
    server: Server, make_mails: MakeMails, fields: dict[str, Any], code: str, words: str
) -> None:
    [mail] = make_mails()
    moments = {name: now() + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    Server.objects.update(**moments)
    hold = hold_of(waiting(mail))
    assert hold is not None
    assert hold.code == code
    assert words in hold.words


def test_a_limit_says_when_the_mail_goes(server: Server, make_mails: MakeMails) -> None:
    Server.objects.update(limit_minute=2)
    limits.record({server.pk: 2})
    mails = make_mails(*[f"r{number}@levante.example" for number in range(3)])
    first, last = hold_of(waiting(mails[0])), hold_of(waiting(mails[2]))
    assert first is not None
    assert last is not None
    assert first.code == last.code == "limit"
    assert first.until is not None
    assert last.until is not None
    assert last.until - first.until == timedelta(seconds=60)


@pytest.mark.parametrize(
    ("lanes", "code"),
    [
        ([Lane.TRANSACTIONAL], "lane_paused"),
        ([Lane.MASS], None),
        (list(Lane), "everything_paused"),
    ],
)
def test_a_pause_holds_the_mail_of_its_lane(
    server: Server, make_mails: MakeMails, lanes: list[Lane], code: str | None
) -> None:
    [mail] = make_mails()
    pauses.pause(lanes, paused=True)
    hold = hold_of(waiting(mail))
    assert (hold.code if hold else None) == code
    pauses.pause(lanes, paused=False)
    assert hold_of(waiting(mail)) is None


def test_a_mail_for_later_is_held_by_nothing(server: Server, make_mails: MakeMails) -> None:
    [mail] = make_mails(due_at=now() + timedelta(hours=1))
    Server.objects.update(is_paused=True)
    assert hold_of(waiting(mail)) is None


def test_a_banner_costs_no_query_once_it_is_known(
    django_assert_num_queries: Any, django_capture_on_commit_callbacks: Any
) -> None:
    assert not pauses.shown().anything
    with django_assert_num_queries(0):
        assert not pauses.shown().anything
    with django_capture_on_commit_callbacks(execute=True):
        pauses.pause([Lane.MASS], paused=True)
    assert pauses.shown() == pauses.Pauses(mass=True)
    assert Options.load().mass_paused
