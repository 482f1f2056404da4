"""Mails in every state, and a browser for whoever looks at them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.timezone import now

from daeris.models import User
from mail.folding import fold
from mail.models import Content, Mail, Server
from tests.conftest import log_in

MakeMail = Callable[..., Mail]
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """For what is read from a response after it was given: words that are translated when they are looked at."""
    with translation.override("en"):
        yield


@pytest.fixture
def make_mail(make_content: Callable[..., Content]) -> MakeMail:
    """A mail as it lies in the table; the states that need more columns get them."""

    def make(
        user: User | None = None, *, state: str = "sent", subject: str = "Presupuesto S00187", **fields: Any
    ) -> Mail:
        content = fields.pop("content", None) or make_content(subject=subject)
        address = fields.pop("to", "julia@levante.example")
        needed = {"lease_until": now()} if state == "sending" else {}
        if state in {"failed", "bounced"}:
            needed = {"cause": "recipient_unknown", "reply_code": 550, "settled_at": now()}
        document = fields.pop("document", None)
        if document:
            fields |= {"document": document, "document_name": str(document)}
        search = fold(" ".join([content.subject, address, fields.get("document_name", "")]))
        return Mail.objects.create(
            user=user, state=state, content=content, recipient_address=address, search=search, **{**needed, **fields}
        )

    return make


@pytest.fixture
def blocked(db: None) -> Server:
    return Server.objects.create(
        name="Respaldo",
        host="smtp.miempresa.example",
        username="ana",
        blocked_cause="credentials_wrong",
        blocked_reply="535 5.7.8 Authentication failed",
        blocked_at=now(),
    )


def _client(user: User) -> Client:
    return log_in(Client(headers={"accept-language": "en"}), user)


@pytest.fixture
def as_alice(alice: User) -> Client:
    return _client(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return _client(bob)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return _client(charlie)


@pytest.fixture
def stranger() -> Client:
    return Client(headers={"accept-language": "en"})
