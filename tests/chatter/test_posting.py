"""A message is written once, and everyone who should hear of it does."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from chatter import posting
from chatter.models import Follower, Message, Notification
from chatter.posting import EmptyMessage, TokenTaken
from chatter.recipients import Audience, audience
from daeris.documents.models import Opportunity
from daeris.models import User
from mail import attachments
from mail.models import Contact, Content, Mail, Server

pytestmark = pytest.mark.usefixtures("outgoing")


def test_each_follower_but_the_author_gets_a_copy(
    opportunity: Opportunity, alice: User, bob: User, customer: Contact, colleague: User
) -> None:
    for who in (alice, bob, customer, colleague):
        opportunity.follow(who)

    message = opportunity.post(author=alice, body="<p>Shall we say Friday?</p>")

    mails = Mail.objects.order_by("pk")
    assert [mail.recipient_address for mail in mails] == [bob.email, customer.email]
    assert {mail.user_id for mail in mails} == {alice.pk}
    assert {(mail.document_type.model, mail.document_id) for mail in mails} == {("opportunity", opportunity.pk)}
    told = {n.contact_id: (n.channel, n.mail_id) for n in message.notifications.all()}
    assert told == {
        bob.contact.pk: ("email", mails[0].pk),
        customer.pk: ("email", mails[1].pk),
        colleague.contact.pk: ("app", None),
    }


def test_contents_differ_by_language_and_by_who_may_open_the_record(
    opportunity: Opportunity, alice: User, bob: User, customer: Contact, settings: Settings
) -> None:
    settings.BASE_URL = "https://daeris.miempresa.example"
    john = Contact.objects.create(name="John", email="john@acme.example", language="en")
    jane = Contact.objects.create(name="Jane", email="jane@acme.example", language="en")
    for who in (bob, customer, john, jane):
        opportunity.follow(who)

    message = opportunity.post(author=alice, body="<p>Hola</p>")

    contents = Content.objects.order_by("pk")
    assert [(content.language, content.mails.count()) for content in contents] == [("es", 1), ("es", 1), ("en", 2)]
    inside, outside, english = contents
    link = f"https://daeris.miempresa.example{opportunity.get_absolute_url()}"
    assert link in inside.html
    assert link in inside.text
    assert "https://" not in outside.html + english.html
    assert {content.message_id for content in contents} == {message.message_id}
    assert {content.subject for content in contents} == {"Renovación flota Levante"}
    assert {content.author_address for content in contents} == {alice.email}
    assert not any(content.auto_submitted for content in contents)
    assert {content.to for content in contents} == {""}


def test_those_named_see_each_other_and_followers_see_only_themselves(
    opportunity: Opportunity, alice: User, customer: Contact
) -> None:
    follower = Contact.objects.create(name="Rosa", email="rosa@acme.example")
    named = [customer, Contact.objects.create(name="Ana", email="ana@acme.example")]
    opportunity.follow(follower)

    opportunity.post(author=alice, body="<p>Hola</p>", to=named)

    shown = {mail.recipient_address: mail.content.to for mail in Mail.objects.select_related("content")}
    together = "Julia Ferrer <j.ferrer@grupolevante.example>, Ana <ana@acme.example>"
    assert shown == {customer.email: together, "ana@acme.example": together, "rosa@acme.example": ""}


def test_answers_hang_together(opportunity: Opportunity, alice: User, bob: User, customer: Contact) -> None:
    opportunity.follow(customer)
    Follower.objects.create(thread=opportunity.thread, contact=bob.contact, wants_notes=True)
    first = opportunity.post(author=alice, body="<p>One</p>")
    note = opportunity.post(author=alice, kind=Message.Kind.NOTE, body="<p>Psst</p>")
    second = opportunity.post(author=alice, body="<p>Two</p>")

    root = f"<{opportunity.thread.root}@miempresa.example>"
    assert first.message_id.endswith("@miempresa.example>")
    assert _headers(first) == (root, "")
    assert _headers(note) == (f"{root} {first.message_id}", first.message_id)
    # The customer never saw the note.
    assert _headers(second) == (f"{root} {first.message_id}", first.message_id)


def test_a_note_stays_inside(
    opportunity: Opportunity, alice: User, bob: User, charlie: User, customer: Contact
) -> None:
    thread = opportunity.thread
    for contact in (bob.contact, charlie.contact, customer):
        Follower.objects.create(thread=thread, contact=contact, wants_notes=True)

    opportunity.post(author=alice, kind=Message.Kind.NOTE, body="<p>Careful</p>", to=[customer, charlie.contact])

    assert [mail.recipient_address for mail in Mail.objects.all()] == [bob.email]
    assert Notification.objects.count() == 1


def test_what_nobody_hears_of_by_e_mail_has_no_message_id(opportunity: Opportunity, alice: User) -> None:
    message = opportunity.post(author=alice, body="<p>To myself</p>")

    assert message.message_id == ""
    assert Content.objects.count() == 0


def test_whoever_has_no_address_is_written_down(opportunity: Opportunity, alice: User) -> None:
    lost = Contact.objects.create(name="Lost", email="nowhere")
    opportunity.follow(lost)

    message = opportunity.post(author=alice, body="<p>Hola</p>")

    notification = message.notifications.get()
    assert (notification.channel, notification.mail, notification.contact) == ("email", None, lost)


def test_the_same_form_posted_twice_makes_one_message(opportunity: Opportunity, alice: User, customer: Contact) -> None:
    opportunity.follow(customer)
    token = uuid4()

    first = opportunity.post(author=alice, body="<p>Hola</p>", form_token=token)
    second = opportunity.post(author=alice, body="<p>Hola</p>", form_token=token)

    assert first == second
    assert Mail.objects.count() == 1


def test_a_token_gives_nothing_of_another_conversation(opportunity: Opportunity, alice: User, bob: User) -> None:
    token = uuid4()
    opportunity.post(author=alice, body="<p>Hola</p>", form_token=token)
    other = Opportunity.objects.create(name="Other")

    with pytest.raises(TokenTaken):
        other.post(author=alice, body="<p>Hola</p>", form_token=token)
    with pytest.raises(TokenTaken):
        opportunity.post(author=bob, body="<p>Hola</p>", form_token=token)


def test_of_two_requests_at_once_the_quicker_counts(
    opportunity: Opportunity, alice: User, customer: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    opportunity.follow(customer)
    token = uuid4()

    def meanwhile(*args: Any, **kwargs: Any) -> Audience:
        # Between the look for an earlier message and our own INSERT, the other request commits.
        monkeypatch.undo()
        opportunity.post(author=alice, body="<p>Hola</p>", form_token=token)
        return audience(*args, **kwargs)

    monkeypatch.setattr(posting, "audience", meanwhile)
    message = opportunity.post(author=alice, body="<p>Hola</p>", form_token=token)

    assert message == Message.objects.get()
    assert Mail.objects.count() == 1


@pytest.mark.parametrize("body", ["", "   ", "<p></p>", "<p>&nbsp;</p>", "<script>alert(1)</script>", "<p><br></p>"])
def test_nothing_is_not_posted(opportunity: Opportunity, alice: User, body: str) -> None:
    with pytest.raises(EmptyMessage):
        opportunity.post(author=alice, body=body)


@pytest.mark.parametrize(
    ("hostile", "gone"),
    [
        ("<p>Hi<script>alert(1)</script></p>", "script"),
        ('<p onclick="alert(1)">Hi</p>', "onclick"),
        ('<p><a href="javascript:alert(1)">Hi</a></p>', "javascript"),
        ('<p>Hi<img src="https://spy.example/x.gif"></p>', "spy.example"),
        ('<p style="position:fixed">Hi</p>', "position"),
        ('<p>Hi</p><iframe src="https://spy.example"></iframe>', "iframe"),
        ('<p>Hi</p><form action="/logout/"><button>x</button></form>', "form"),
        ("<p>Hi<svg/onload=alert(1)></p>", "onload"),
    ],
)
def test_hostile_html_is_neither_kept_nor_sent(
    opportunity: Opportunity, alice: User, customer: Contact, hostile: str, gone: str
) -> None:
    opportunity.follow(customer)

    message = opportunity.post(author=alice, body=hostile)

    assert gone not in message.body
    assert gone not in Content.objects.get().html
    assert "Hi" in Content.objects.get().text


def test_the_subject_is_one_line(opportunity: Opportunity, alice: User, customer: Contact) -> None:
    opportunity.follow(customer)

    opportunity.post(author=alice, body="<p>Hi</p>", subject="Offer\r\nBcc: all@acme.example")

    assert Content.objects.get().subject == "Offer Bcc: all@acme.example"


def test_files_are_shared_by_the_message_and_every_content(
    opportunity: Opportunity, alice: User, bob: User, customer: Contact
) -> None:
    opportunity.follow(bob)
    opportunity.follow(customer)
    upload = attachments.store(ContentFile(b"%PDF-1.7"), name="Offer.pdf", content_type="application/pdf", owner=alice)

    message = opportunity.post(author=alice, body="", attachments=[upload])

    upload.refresh_from_db()
    assert upload.posted
    assert list(message.attachments.all()) == [upload]
    assert [list(content.attachments.all()) for content in Content.objects.all()] == [[upload], [upload]]


def test_nothing_is_left_when_the_transaction_is_undone(
    opportunity: Opportunity, alice: User, customer: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    opportunity.follow(customer)

    def broken(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Notification.objects, "bulk_create", broken)
    with pytest.raises(OSError, match="disk full"):
        opportunity.post(author=alice, body="<p>Hola</p>")

    assert (Message.objects.count(), Mail.objects.count(), Content.objects.count()) == (0, 0, 0)


def test_mail_that_cannot_leave_is_seen(
    opportunity: Opportunity, alice: User, customer: Contact, outgoing: Server
) -> None:
    Server.objects.all().delete()
    opportunity.follow(customer)

    message = opportunity.post(author=alice, body="<p>Hola</p>")

    mail = message.notifications.get().mail
    assert mail
    assert (mail.state, mail.cause) == ("failed", "no_server")


def test_a_contact_writes_without_a_user(opportunity: Opportunity, bob: User, customer: Contact) -> None:
    opportunity.follow(bob)
    opportunity.follow(customer)

    message = opportunity.post(author=customer, body="<p>Thank you</p>")

    assert (message.author, message.user) == (customer, None)
    assert [mail.recipient_address for mail in Mail.objects.all()] == [bob.email]


def test_questions_do_not_grow_with_the_followers(
    opportunity: Opportunity, alice: User, query_count: Callable[..., int]
) -> None:
    few, many = (query_count(opportunity, alice, followers) for followers in (10, 60))

    assert many - few <= 4  # SQLite takes 999 parameters at a time: a few more INSERTs, none per follower


@pytest.mark.large
def test_two_thousand_followers(
    opportunity: Opportunity, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    _followers(opportunity, 2000)
    with django_assert_max_num_queries(140):
        message = opportunity.post(author=alice, body="<p>Hola</p>")

    assert Content.objects.count() == 1
    assert Mail.objects.filter(notification__message=message).count() == 2000


@pytest.fixture
def query_count() -> Callable[[Opportunity, User, int], int]:
    def count(opportunity: Opportunity, author: User, followers: int) -> int:
        record = Opportunity.objects.create(name=f"With {followers}")
        _followers(record, followers)
        with CaptureQueriesContext(connection) as captured:
            record.post(author=author, body="<p>Hola</p>")
        return len(captured)

    return count


def _followers(record: Opportunity, number: int) -> None:
    thread = record.thread
    made = Contact.objects.bulk_create(Contact(name=f"C {n}", email=f"c{n}@acme.example") for n in range(number))
    Follower.objects.bulk_create(Follower(thread=thread, contact=contact) for contact in made)


def _headers(message: Message) -> tuple[str, str]:
    mail = Mail.objects.filter(notification__message=message).select_related("content").latest("pk")
    return mail.content.references, mail.content.in_reply_to
