"""What the tests of conversations have in common."""

from collections.abc import Iterator
from typing import Protocol

import pytest
from django.test import Client
from django.utils import translation

from daeris.models import User
from mail.models import Contact, Domain, Options, Server
from tests.conftest import give, log_in


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def outgoing(db: None) -> Server:
    """A server for everything, and a domain of our own; nothing is sent, only queued."""
    Options.objects.update_or_create(pk=1, defaults={"custom_servers": True})
    Domain.objects.create(name="miempresa.example", default_from="notificaciones", is_default=True)
    return Server.objects.create(name="Principal", host="smtp.miempresa.example", port=587)


@pytest.fixture
def colleague(db: None) -> User:
    """An internal user besides alice and bob, told in the application."""
    user = User.objects.create_user("dana", "dana@miempresa.example", "una-clave-larga", first_name="Dana")
    Contact.objects.filter(user=user).update(notify=Contact.Notify.APP)
    return give(user, "documents.view_opportunity", "chatter.use_notes")


class Enter(Protocol):
    """A browser in which this user is logged in, reading English."""

    def __call__(self, user: User) -> Client: ...


@pytest.fixture
def enter() -> Enter:
    return lambda user: log_in(Client(headers={"accept-language": "en"}), user)
