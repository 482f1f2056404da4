"""The people and records that the tests are about.

Alice may do everything, Bob reads, Charlie sees nothing that is not his.
"""

import functools
import gc
import os
from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.test import Client
from django.utils.crypto import get_random_string
from django.utils.timezone import now

from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact

# A busy machine is not a slow test. Where everything is tested, properties are tried more often; and as often as
# HYPOTHESIS_EXAMPLES says.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES") or (100 if os.environ.get("CI") else 15)),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")
pytest_plugins = [
    "tests.smtp_double",
    "tests.dns_double",
    "tests.lab.identity",
    "tests.lab.fixtures",
    "tests.scheduling",
    "tests.peers.faults.matrix",
]

# Models, modules and thousands of tests stay to the end: looking for garbage among them took a tenth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


# Who asks for one of these talks to a server over a socket.
DOUBLES = {"smtp_double", "smtp_doubles", "dns_double", "identity", "identities"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests over the wire are a tier of their own: the fast ones compute, or ask the database."""
    if DOUBLES.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.wire)


def pytest_runtest_setup() -> None:
    """What one test left in the cache is no answer to the next: it may be of rows that are gone."""
    cache.clear()


@functools.cache
def _permission_ids() -> dict[str, int]:
    """By name ("mail.manage_mail"): the same rows in every test, until one has emptied the tables."""
    known = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    return {f"{app}.{codename}": pk for app, codename, pk in known}


@receiver(post_migrate)
def _forget_permissions(**kwargs: Any) -> None:
    _permission_ids.cache_clear()


def give(user: User, *permissions: str) -> User:
    """The user with these permissions ("mail.manage_mail"), read anew so that no cache hides them."""
    table = User.user_permissions.through._meta.db_table
    rows = [(user.pk, _permission_ids()[name]) for name in permissions]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} (user_id, permission_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", rows)
    return User.objects.get(pk=user.pk)


def log_in(client: Client, user: User) -> Client:
    """What `force_login` leaves behind, a session and its cookie; nobody writes down when it was."""
    kept = {SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0]}
    session = SessionStore(get_random_string(32, "abcdefghijklmnopqrstuvwxyz"))
    Session.objects.create(
        session_key=session.session_key,
        session_data=session.encode({**kept, HASH_SESSION_KEY: user.get_session_auth_hash()}),
        expire_date=now() + timedelta(days=1),
    )
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def _user(name: str, **names: Any) -> User:
    return User.objects.create_user(
        name, f"{name}@miempresa.example", "una-clave-larga", first_name=name.title(), **names
    )


@pytest.fixture
def alice(db: None) -> User:
    models = ("opportunity", "saleorder", "invoice")
    documents = [f"documents.{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in models]
    contacts = [f"mail.{verb}_contact" for verb in ("view", "add", "change", "delete")]
    return give(_user("alice"), *documents, *contacts, "chatter.use_notes", "mail.manage_mail", "mail.manage_servers")


@pytest.fixture
def bob(db: None) -> User:
    views = [f"documents.view_{model}" for model in ("opportunity", "saleorder", "invoice")]
    return give(_user("bob"), *views, "mail.view_contact", "chatter.use_notes")


@pytest.fixture
def charlie(db: None) -> User:
    return _user("charlie")


@pytest.fixture
def customer(db: None) -> Contact:
    return Contact.objects.create(name="Julia Ferrer", email="j.ferrer@grupolevante.example")


@pytest.fixture
def opportunity(alice: User, customer: Contact) -> Opportunity:
    return Opportunity.objects.create(name="Renovación flota Levante", customer=customer, responsible=alice)
