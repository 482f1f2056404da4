"""What the page of a record asks of the database, however much there is to show."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.test import Client

from chatter.models import Message
from chatter.reading import PAGE
from daeris.documents.models import Invoice, Opportunity, SaleOrder
from daeris.models import User
from mail import pauses, planning
from mail.attachments import store
from mail.models import Contact, Mail, Options
from tests.conftest import give, log_in

# Owed are twelve, to everybody: a superuser, those who may do some things, those who may not see contacts.
ALONE, FULL = 10, 12


@pytest.fixture(autouse=True)
def _settings_are_known(db: None, django_capture_on_commit_callbacks: Any) -> Iterator[None]:
    """As after the first request of a process: what decides how mail leaves is read again when it changes."""
    with django_capture_on_commit_callbacks(execute=True):
        Options.load()
        planning.snapshot()
        pauses.shown()
    yield
    planning.forget()


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", "boss@miempresa.example", "una-clave-larga")


@pytest.fixture
def erin(db: None) -> User:
    """Sells, and has no contacts but her own."""
    erin = User.objects.create_user("erin", "erin@miempresa.example", "una-clave-larga", first_name="Erin")
    verbs = [f"documents.{verb}_{model}" for verb in ("view", "change") for model in ("opportunity", "invoice")]
    return give(erin, *verbs, "chatter.use_notes")


@pytest.fixture(params=["boss", "alice", "erin"])
def reader(request: pytest.FixtureRequest) -> User:
    """Each of those who open the page."""
    found: User = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def busy(opportunity: Opportunity, alice: User) -> Opportunity:
    """An opportunity with lines, followers, files, copies that arrived and copies that did not."""
    opportunity.lines.create(product="Furgón", quantity=2, price=1)
    for number in range(4):
        opportunity.follow(Contact.objects.create(name=f"C{number}", email=f"c{number}@acme.example"))
    for number in range(3):
        file = store(ContentFile(b"x"), name=f"{number}.txt", content_type="text/plain", owner=alice)
        opportunity.post(author=alice, body=f"<p>{number}</p>", attachments=[file])
    Mail.objects.update(state="sent", cause="")
    last = Mail.objects.latest("pk").pk
    Mail.objects.filter(pk__gt=last - 2).update(state="failed", cause="relay_denied")
    return opportunity


@pytest.mark.parametrize("model", [Opportunity, SaleOrder, Invoice])
@pytest.mark.large
def test_a_record_with_two_thousand_messages(
    boss: User, alice: User, erin: User, customer: Contact, model: Any, django_assert_max_num_queries: Any
) -> None:
    record = model.objects.create(customer=customer, responsible=erin)
    thread = record.thread
    Message.objects.bulk_create(
        Message(thread=thread, author=erin.contact, user=erin, body="<p>Hola</p>") for _ in range(2000)
    )
    ContentType.objects.get_for_model(Mail)
    for reader in (boss, alice, erin):
        client = log_in(Client(), reader)
        with django_assert_max_num_queries(ALONE, info=reader.username):
            page = client.get(record.get_absolute_url())
        assert page.content.count(b"<article") == PAGE, reader.username


def test_a_record_with_everything(
    client: Client, reader: User, busy: Opportunity, django_assert_max_num_queries: Any
) -> None:
    client.force_login(reader)
    client.get(busy.get_absolute_url())
    with django_assert_max_num_queries(FULL):
        page = client.get(busy.get_absolute_url())
    assert page.content.count(b'class="failure"') == 1


def test_the_page_says_the_same_as_before_it_asked_together(client: Client, alice: User, busy: Opportunity) -> None:
    client.force_login(alice)
    context = client.get(busy.get_absolute_url()).context
    bar = context["conversation"].bar.told
    assert (bar.files, bar.followers, bar.following) == (3, busy.thread.followers.count(), False)
    assert context["conversation"].thread == busy.thread
    assert context["conversation"].thread.root == busy.thread.root
    assert [(int(stat.count), int(stat.failed)) for stat in context["stats"]] == [(Mail.objects.count(), 2)]
    assert context["line_count"] == 1
