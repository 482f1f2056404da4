"""The people and records that the tests are about.

Alice may do everything, Bob reads, Charlie sees nothing that is not his.
"""

import gc
import os
from typing import Any

import hypothesis
import pytest
from django.contrib.auth.models import Permission

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
]

# Models, modules and thousands of tests stay to the end: looking for garbage among them took a tenth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def give(user: User, *permissions: str) -> User:
    """The user with these permissions ("mail.manage_mail"), read anew so that no cache hides them."""
    wanted = [permission.split(".") for permission in permissions]
    known = Permission.objects.select_related("content_type").filter(codename__in=[codename for _, codename in wanted])
    found = [one for one in known if [one.content_type.app_label, one.codename] in wanted]
    assert len(found) == len(permissions), f"not all of these exist: {permissions}"
    user.user_permissions.add(*found)
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
