"""What a conversation must not tell: to whom notes are closed, and to whom another conversation is."""

from email import message_from_bytes
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now

from chatter import emails, posting
from chatter.delivery import glance
from chatter.models import Follower, Message, Notification
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.addresses import Mailbox
from mail.composing import compose, encode_body, letter_of
from mail.models import Contact, Content, Mail, Server
from mail.queue import author_of
from tests.chatter.conftest import Enter
from tests.conftest import give
from tests.smtp_double import SmtpDouble

NOTE = "The margin is thin"


@pytest.fixture
def told(opportunity: Opportunity, alice: User, colleague: User) -> Notification:
    """A note that Dana was told of in the application, before she ceased to be an internal user."""
    follower = opportunity.follow(colleague)
    Follower.objects.filter(pk=follower.pk).update(wants_notes=True)
    opportunity.post(author=alice, body=f"<p>{NOTE}</p>", kind=Message.Kind.NOTE)
    colleague.user_permissions.clear()
    give(colleague, "documents.view_opportunity")
    return Notification.objects.get()


@pytest.fixture
def sending(outgoing: Server, smtp_double: SmtpDouble) -> SmtpDouble:
    """A server that takes what is queued."""
    outgoing.host, outgoing.port = smtp_double.host, smtp_double.port
    outgoing.save()
    return smtp_double


def test_notes_are_told_of_only_while_one_may_read_them(told: Notification, colleague: User, enter: Enter) -> None:
    client = enter(User.objects.get(pk=colleague.pk))

    page = client.get(reverse("chatter:notifications"))

    assert NOTE not in page.content.decode()
    assert page.context["shell"].bell.count == 0
    assert client.get(reverse("chatter:notification", args=[told.pk])).status_code == 404
    client.post(reverse("chatter:read_all"))
    assert Notification.objects.get().read_at is None


def test_news_say_nothing_of_what_moves_elsewhere(
    opportunity: Opportunity, outgoing: Server, alice: User, bob: User, charlie: User, enter: Enter
) -> None:
    opportunity.follow(bob)
    hidden = opportunity.post(author=alice, body="<p>Secret</p>")
    assert glance([hidden.pk])[hidden.pk].moving
    own = Opportunity.objects.create(name="Own", responsible=charlie)
    own.post(author=None, body="<p>Hola</p>")

    response = enter(charlie).get(reverse("chatter:news", args=[own.thread.pk]), {"last": 0, "s": f"{hidden.pk}.0"})

    assert response.status_code == 200
    assert response.context["moving"] is False


@pytest.mark.parametrize("digits", [30, 5000])
def test_a_key_as_long_as_a_novel_is_nobodys(opportunity: Opportunity, alice: User, enter: Enter, digits: int) -> None:
    thread, long = opportunity.thread.pk, "9" * digits
    client = enter(alice)

    assert client.post(reverse("chatter:follow", args=[thread]), {"contact": long}).status_code == 404
    assert client.post(reverse("chatter:unfollow", args=[thread]), {"follower": long}).status_code == 404
    assert client.post(reverse("chatter:wishes", args=[thread]), {"follower": long}).status_code == 404


def test_a_nul_in_a_search_for_people_is_as_if_it_were_not_there(
    opportunity: Opportunity, alice: User, enter: Enter
) -> None:
    # PostgreSQL takes none.
    url = reverse("chatter:people", args=[opportunity.thread.pk])

    assert "Julia Ferrer" in enter(alice).get(url, {"q": "Ju\0lia"}).content.decode()


def test_somebody_elses_form_token_brings_nothing(
    opportunity: Opportunity, alice: User, bob: User, enter: Enter
) -> None:
    theirs = opportunity.post(author=alice, body="<p>Private words</p>", kind=Message.Kind.NOTE, form_token=uuid4())
    form = {"kind": "message", "body": "Hola", "form_token": str(theirs.form_token)}

    response = enter(bob).post(reverse("chatter:post", args=[theirs.thread_id]), form, headers={"HX-Request": "true"})

    assert response.status_code == 422
    assert "Private words" not in response.content.decode()
    assert Message.objects.count() == 1


@pytest.mark.parametrize("name", ["messages", "news", "recipients", "people", "files", "followers"])
def test_a_conversation_one_cannot_see_is_not_there(
    opportunity: Opportunity, charlie: User, enter: Enter, name: str
) -> None:
    give(charlie, "chatter.use_notes", "mail.view_contact", "mail.manage_mail")

    assert enter(charlie).get(reverse(f"chatter:{name}", args=[opportunity.thread.pk])).status_code == 404


@pytest.mark.parametrize("name", ["post", "upload", "follow", "unfollow", "wishes"])
def test_nobody_writes_where_one_cannot_see(opportunity: Opportunity, charlie: User, enter: Enter, name: str) -> None:
    give(charlie, "chatter.use_notes", "mail.manage_mail")
    form = {"kind": "message", "body": "Hola", "form_token": str(uuid4())}

    assert enter(charlie).post(reverse(f"chatter:{name}", args=[opportunity.thread.pk]), form).status_code == 404
    assert not Message.objects.exists()


def test_an_administrator_of_mail_reads_no_copy_of_a_conversation_closed_to_them(
    opportunity: Opportunity, outgoing: Server, alice: User, bob: User, charlie: User, enter: Enter
) -> None:
    opportunity.follow(bob)
    message = opportunity.post(author=alice, body="<p>Secret</p>")
    client = enter(give(charlie, "mail.manage_mail"))

    assert client.get(reverse("chatter:copies", args=[message.pk])).status_code == 404
    for name in ("retry", "cancel"):
        assert client.post(reverse(f"chatter:{name}", args=[message.pk])).status_code == 404


def test_a_note_leaves_to_internal_users_only(
    opportunity: Opportunity, outgoing: Server, alice: User, bob: User, charlie: User, customer: Any
) -> None:
    for who in (bob, charlie, customer):
        follower = opportunity.follow(who)
        Follower.objects.filter(pk=follower.pk).update(wants_notes=True, wants_changes=True)

    note = opportunity.post(
        author=alice, body=f"<p>{NOTE}</p>", kind=Message.Kind.NOTE, to=[customer, charlie.contact, bob.contact]
    )

    assert [mail.recipient_address for mail in Mail.objects.all()] == [bob.email]
    assert [one.contact for one in note.notifications.all()] == [bob.contact]
    assert not Content.objects.filter(to__contains="@").exists()


def test_no_name_begins_a_header_of_its_own(
    opportunity: Opportunity, outgoing: Server, alice: User, customer: Contact
) -> None:
    """Names come from forms and log-in systems, where a line break goes unseen."""
    Contact.objects.filter(user=alice).update(name="Alice\r\nBcc: x@evil.example")
    Contact.objects.filter(pk=customer.pk).update(name="Julia\nBcc: y@evil.example")
    opportunity.name = "Flota\r\nBcc: z@evil.example"
    opportunity.follow(customer)

    opportunity.post(author=User.objects.get(pk=alice.pk), body="<p>Hola</p>")

    content, mail = Content.objects.get(), Mail.objects.get()
    letter = letter_of(content)
    author, recipient = author_of(content), Mailbox(mail.recipient_name, mail.recipient_address)
    assert author is not None
    copy = compose(letter, encode_body(letter), header_from=author, recipient=recipient, date=now())
    read = message_from_bytes(copy.message)
    assert read["Bcc"] is None
    assert read["From"] == '"Alice Bcc: x@evil.example" <alice@miempresa.example>'
    assert read["To"] == '"Julia Bcc: y@evil.example" <j.ferrer@grupolevante.example>'
    assert read["Subject"] == "Flota Bcc: z@evil.example"


def _told_by_mail(opportunity: Opportunity, author: User, reader: User, *kinds: str) -> list[Mail]:
    """The copies for a follower who wants everything by e-mail, of a message of each kind."""
    follower = opportunity.follow(reader)
    Follower.objects.filter(pk=follower.pk).update(wants_notes=True, wants_changes=True)
    for kind in kinds:
        change = [{"field": "stage", "label": "Stage", "old": "New", "new": "Won"}]
        body, changes = f"<p>{NOTE}</p>", change if kind == "change" else []
        posting.post(opportunity, author=author, body=body, kind=kind, changes=changes)
    return list(Mail.objects.order_by("pk"))


@pytest.mark.parametrize("again", ["waiting", "retried"])
def test_what_is_internal_leaves_to_nobody_who_ceased_to_be_an_internal_user(
    opportunity: Opportunity, sending: SmtpDouble, alice: User, bob: User, again: str
) -> None:
    note, change, message = _told_by_mail(opportunity, alice, bob, "note", "change", "message")
    if again == "retried":
        Mail.objects.update(state="failed", cause="refused")
    bob.user_permissions.clear()
    if again == "retried":
        assert emails.retry(Mail.objects.all()) == 3

    call_command("mail_work", until_empty=True, verbosity=0)

    for mail in (note, change):
        mail.refresh_from_db()
        assert (mail.state, mail.cause) == ("failed", "recipient_not_internal")
    message.refresh_from_db()
    assert message.state == "sent"
    assert len(sending.mails) == 1


def test_a_note_whose_contact_is_gone_leaves_to_nobody(
    opportunity: Opportunity, sending: SmtpDouble, alice: User, bob: User
) -> None:
    [note] = _told_by_mail(opportunity, alice, bob, "note")
    bob.contact.delete()

    call_command("mail_work", until_empty=True, verbosity=0)

    note.refresh_from_db()
    assert (note.state, note.cause) == ("failed", "recipient_not_internal")
    assert not sending.mails


def test_notes_still_leave_to_colleagues_and_one_question_asks_about_all_of_them(
    opportunity: Opportunity, sending: SmtpDouble, alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    mails = _told_by_mail(opportunity, alice, bob, "note", "change", "message")
    with django_assert_num_queries(1):
        assert emails.kept_inside([mail.pk for mail in mails]) == {}

    call_command("mail_work", until_empty=True, verbosity=0)

    assert len(sending.mails) == 3
