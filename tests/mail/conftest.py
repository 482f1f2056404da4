"""A server that counts, and mail for it."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command

import tests.settings
from mail.addresses import Mailbox
from mail.models import Content, Domain, Mail, Options, Server
from mail.queue import Recipient, enqueue
from tests.smtp_double import SmtpDouble

MakeMails = Callable[..., list[Mail]]


@pytest.fixture(autouse=True)
def _no_file_stays() -> Iterator[None]:
    yield
    shutil.rmtree(tests.settings.MEDIA_ROOT, ignore_errors=True)


@pytest.fixture
def company(db: None) -> Domain:
    """An alias domain, and custom servers on."""
    options = Options.load()
    options.custom_servers = True
    options.save()
    domain = Domain.objects.create(name="miempresa.example", default_from="notificaciones", is_default=True)
    Options.raise_version()
    return domain


@pytest.fixture
def make_server(company: Domain) -> Callable[..., Server]:
    """Make the row of a server double."""

    def make(double: SmtpDouble, **fields: Any) -> Server:
        fields = {"name": f"Server {double.port}", "host": double.host, "port": double.port, **fields}
        return Server.objects.create(**fields)

    return make


@pytest.fixture
def server(make_server: Callable[..., Server], smtp_double: SmtpDouble) -> Server:
    return make_server(smtp_double, name="Corporativo")


@pytest.fixture
def make_content(db: None) -> Callable[..., Content]:
    def make(**fields: Any) -> Content:
        defaults = {
            "subject": "Presupuesto S00187",
            "html": "<p>Hola, Julia</p>",
            "author_name": "Ana Gil",
            "author_address": "ana@miempresa.example",
            "message_id": f"<{Content.objects.count()}.test@miempresa.example>",
        }
        return Content.objects.create(**{**defaults, **fields})

    return make


@pytest.fixture
def make_mails(make_content: Callable[..., Content]) -> MakeMails:
    """Queue one content for these addresses."""

    def make(*addresses: str, content: Content | None = None, **options: Any) -> list[Mail]:
        recipients = [Recipient(Mailbox("", address)) for address in addresses or ["julia@levante.example"]]
        keys = enqueue(content or make_content(), recipients, **options)
        return list(Mail.objects.filter(pk__in=keys).order_by("pk"))

    return make


def deliver_all() -> None:
    """Deliver what is due, as `mail_work` does."""
    call_command("mail_work", until_empty=True, verbosity=0)
