"""New mail is written by hand, and no other than the models would have written it."""

from collections.abc import Callable

import pytest
from django.db import transaction

from mail import planning, writing
from mail.addresses import Mailbox
from mail.models import Content, Domain, Mail, Options, Server
from mail.queue import Recipient, enqueue, enqueue_all
from mail.writing import Letter, Shared
from tests.mail import written_rows

JULIA = [Recipient(Mailbox("", "julia@levante.example"))]


@pytest.mark.django_db
def test_every_column_is_as_the_models_would_have_written_it() -> None:
    written_rows.check()


def content(**fields: object) -> Content:
    return Content(**{"subject": "Hola", "text": "Qué tal", "author_address": "ana@miempresa.example", **fields})


@pytest.fixture
def planned_before(company: Domain) -> Server:
    """A process that has read the settings, which were changed by another one since."""
    first = Server.objects.create(name="Primero", host="h.example", priority=1)
    planning.snapshot()
    Server.objects.create(name="Nuevo", host="h.example", from_filter="miempresa.example")
    Domain.objects.update(name="nueva.example")
    Options.raise_version()
    return first


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("letters", [1, 3])
def test_nobody_is_planned_under_settings_that_no_longer_hold(planned_before: Server, letters: int) -> None:
    contents = [content() for _ in range(letters)]

    keys = enqueue_all((one, JULIA) for one in contents)

    mails = Mail.objects.select_related("server", "content").order_by("pk")
    assert [mail.pk for mail in mails] == keys
    assert {mail.server.name for mail in mails if mail.server} == {"Nuevo"}
    assert {mail.plan_version for mail in mails} == {Options.load().version}
    assert all(mail.content.message_id.endswith("@nueva.example>") for mail in mails)
    assert Content.objects.count() == letters


@pytest.mark.django_db
@pytest.mark.parametrize("is_kept", [False, True])
def test_under_another_version_nothing_is_written(company: Domain, is_kept: bool) -> None:
    one = content(message_id="<1@x.example>")
    if is_kept:
        one.save()
    copies: list[writing.Copy] = [
        {
            "content_id": one.pk,
            "server_id": None,
            "recipient_name": "",
            "recipient_address": "a@b.example",
            "contact_id": None,
            "search": "",
            "cause": "",
        }
    ]
    shared: Shared = {
        "lane": "mass",
        "user_id": None,
        "document_type_id": None,
        "document_id": None,
        "document_name": "",
        "team_id": None,
        "asked_server_id": None,
        "due_at": None,
    }

    written = writing.write([Letter(one, "<1@x.example>", copies)], shared, version=Options.load().version + 1)

    assert written == []
    assert (Mail.objects.count(), Content.objects.count()) == (0, int(is_kept))


@pytest.mark.django_db
def test_what_is_queued_goes_with_the_callers_transaction(company: Domain) -> None:
    with transaction.atomic():
        enqueue(content(), JULIA)
        assert Mail.objects.count() == 1
        transaction.set_rollback(True)

    assert (Mail.objects.count(), Content.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_content_that_was_queued_is_a_saved_one(company: Domain, make_content: Callable[..., Content]) -> None:
    new = content()
    enqueue(new, JULIA)
    new.subject = "Otra"
    new.save(update_fields=["subject"])

    enqueue(new, JULIA)

    assert [mail.content.subject for mail in Mail.objects.select_related("content")] == ["Otra"] * 2
    assert enqueue(content(), []) == []
    assert Content.objects.count() == 1
