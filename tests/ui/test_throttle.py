"""Wrong passwords are slowed, right ones are not, and nobody learns which names there are."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from daeris.models import User
from daeris.ui import throttle

pytestmark = pytest.mark.django_db
RIGHT = "una-clave-larga"


class Clock:
    """The time, as far as the throttle and the cache look at it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock.time)
    return clock


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def marta() -> User:
    return User.objects.create_user("marta", "marta@miempresa.example", RIGHT)


def attempt(name: str = "marta", password: str = "x", **extra: Any) -> Any:
    client = Client(headers={"accept-language": "en"})
    return client.post("/login/", {"username": name, "password": password}, **extra)


def statuses(count: int, **given: Any) -> list[int]:
    return [attempt(**given).status_code for _ in range(count)]


def test_five_attempts_are_free_and_then_one_waits_longer_each_time(marta: User, clock: Clock) -> None:
    assert statuses(6) == [200] * 5 + [429]

    for wait in (*throttle.WAITS, throttle.WAITS[-1]):
        clock.now += wait - 1
        assert attempt(password=RIGHT).status_code == 429
        clock.now += 1
        assert statuses(2) == [200, 429]


def test_it_says_how_long_and_keeps_the_name(marta: User, clock: Clock) -> None:
    statuses(5)
    clock.now += 10

    answer = attempt()

    page = answer.content.decode()
    assert answer.headers["Retry-After"] == "20"
    assert "Too many attempts in a row. Wait 20 seconds and try again." in page
    assert 'value="marta"' in page
    assert "do not match" not in page


def test_a_name_that_nobody_has_is_slowed_alike(marta: User, clock: Clock) -> None:
    real, invented = [statuses(6, name=name) for name in ("marta", "nadie")]

    assert real == invented
    assert (
        attempt().content.decode().count("Wait 30 seconds")
        == attempt("nadie").content.decode().count("Wait 30 sec")
        == 1
    )


def test_the_right_password_clears_what_was_before(marta: User, clock: Clock) -> None:
    statuses(4)
    assert attempt(password=RIGHT).status_code == 302
    assert statuses(5) == [200] * 5


def test_others_are_not_held_up(marta: User, clock: Clock) -> None:
    statuses(6)

    assert attempt("otra").status_code == 200
    assert attempt(password=RIGHT, REMOTE_ADDR="10.0.0.7").status_code == 302


def test_ways_of_writing_a_name_are_one_name(marta: User, clock: Clock) -> None:
    assert [attempt(name).status_code for name in ("marta", "MARTA", " marta", "ｍarta", "Marta", "marta")][-1] == 429


def test_behind_a_proxy_the_address_that_it_saw_counts(marta: User, clock: Clock, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    seen = [attempt(headers={"X-Forwarded-For": f"6.6.6.{number}, 10.0.0.7"}).status_code for number in range(6)]

    assert seen[-1] == 429
    assert attempt(headers={"X-Forwarded-For": "10.0.0.7, 10.0.0.8"}).status_code == 200


def test_nobody_chooses_an_address_without_a_proxy(marta: User, clock: Clock) -> None:
    assert [attempt(headers={"X-Forwarded-For": f"6.6.6.{number}"}).status_code for number in range(6)][-1] == 429


def test_an_hour_later_all_is_forgotten(marta: User, clock: Clock) -> None:
    statuses(6)
    clock.now += throttle.REMEMBERED + 1

    assert statuses(5) == [200] * 5


def test_without_a_cache_people_still_log_in(marta: User, settings: Any) -> None:
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:9"}
    settings.CACHES = {"default": redis}

    assert attempt(password=RIGHT).status_code == 302
