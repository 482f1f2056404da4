"""The people and records that the tests are about.

Alice may do everything, Bob reads, Charlie sees nothing that is not his.
"""

import gc
import os
from functools import cache
from typing import Any

import hypothesis
import pytest
from django.contrib.auth.models import Permission
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact

# A busy machine is not a slow test. Where everything is tested, properties are tried more often; and as often as
# HYPOTHESIS_EXAMPLES says.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES") or (100 if os.environ.get("CI") else 25)),
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


@cache
def _permission_ids() -> dict[str, int]:
    """By name ("mail.manage_mail"): the same rows in every test, until one has emptied the tables."""
    known = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    return {f"{app}.{codename}": pk for app, codename, pk in known}


@receiver(post_migrate)
def _forget_permissions(**kwargs: Any) -> None:
    _permission_ids.cache_clear()


def give(user: User, *permissions: str) -> User:
    """The user with these permissions ("mail.manage_mail"), read anew so that no cache hides them."""
    given = [_permission_ids()[name] for name in permissions]
    holding = User.user_permissions.through
    holding.objects.bulk_create([holding(user_id=user.pk, permission_id=pk) for pk in given], ignore_conflicts=True)
    return User.objects.get(pk=user.pk)


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
