"""Writing: what the form posts, what it refuses in words, and who the "To" line names."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from chatter.composing import composer
from chatter.models import Follower, Message, Thread
from daeris.documents.models import Opportunity
from daeris.models import User
from mail import attachments
from mail.models import Attachment, Contact, Mail
from tests.chatter.conftest import Enter

HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.usefixtures("outgoing")


def form(**changes: Any) -> dict[str, Any]:
    return {"kind": "message", "body": "Hello", "form_token": str(uuid4()), **changes}


@pytest.fixture
def url(opportunity: Opportunity) -> str:
    return reverse("chatter:post", args=[opportunity.thread.pk])


def test_htmx_gets_the_message_and_a_composer_made_ready(
    url: str, opportunity: Opportunity, alice: User, customer: Contact, enter: Enter
) -> None:
    opportunity.follow(customer)
    sent = form()

    response = enter(alice).post(url, sent, headers=HTMX)

    message = Message.objects.get()
    page = response.content.decode()
    assert response.status_code == 201
    assert f'id="message-{message.pk}"' in page
    assert f'id="token-{opportunity.thread.pk}"' in page
    assert sent["form_token"] not in page
    assert Mail.objects.get().recipient_address == customer.email


def test_without_script_the_record_is_shown_again(
    url: str, opportunity: Opportunity, alice: User, enter: Enter
) -> None:
    response = enter(alice).post(url, form(body="First line\n\nhttps://example.org & <b>more</b>"))

    message = Message.objects.get()
    assert response.status_code == 303
    assert response["Location"] == f"{opportunity.get_absolute_url()}#message-{message.pk}"
    # What was typed is text, not HTML.
    assert "&lt;b&gt;more" in message.body
    assert '<a href="https://example.org"' in message.body


def test_the_editor_sends_html_and_it_is_sanitised(url: str, alice: User, enter: Enter) -> None:
    body = "<p>Hi <strong>all</strong><script>alert(1)</script><img src=x onerror=alert(1)></p>"

    enter(alice).post(url, form(body=body, written_as="html"))

    assert Message.objects.get().body == "<p>Hi <strong>all</strong></p>"


def test_a_form_posted_twice_makes_one_message(
    url: str, opportunity: Opportunity, alice: User, customer: Contact, enter: Enter
) -> None:
    opportunity.follow(customer)
    upload = attachments.store(SimpleUploadedFile("a.txt", b"a"), name="a.txt", owner=alice)
    sent = form(attachments=[upload.pk])
    client = enter(alice)

    first, second = client.post(url, sent, headers=HTMX), client.post(url, sent, headers=HTMX)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second["HX-Reswap"] == "none"
    assert (Message.objects.count(), Mail.objects.count()) == (1, 1)


def test_whoever_writes_follows(url: str, opportunity: Opportunity, alice: User, enter: Enter) -> None:
    enter(alice).post(url, form(kind="note"))
    assert not Follower.objects.exists()

    enter(alice).post(url, form())
    assert Follower.objects.get().contact == alice.contact


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"body": ""}, "Write something or attach a file."),
        ({"body": " \n "}, "Write something or attach a file."),
        ({"body": "<p></p>", "written_as": "html"}, "Write something or attach a file."),
        ({"form_token": "x"}, "Enter a valid UUID."),
        ({"form_token": ""}, "This form is out of date."),
        ({"kind": "change"}, "Select a valid choice."),
        ({"to": ["999999"]}, "Select a valid choice."),
        ({"to": ["x"]}, "not a valid value"),
        ({"attachments": ["999999"]}, "A file is no longer there."),
    ],
)
def test_what_is_wrong_is_said(url: str, alice: User, enter: Enter, changes: dict[str, Any], said: str) -> None:
    response = enter(alice).post(url, form(**changes), headers=HTMX)

    assert response.status_code == 422
    assert said in response.content.decode()
    assert response["HX-Retarget"].startswith("#errors-")
    assert Message.objects.count() == 0


def test_a_refused_page_keeps_what_was_written(
    url: str, alice: User, customer: Contact, enter: Enter, settings: Settings
) -> None:
    settings.MAIL_MAX_UPLOAD_BYTES = 10
    file = SimpleUploadedFile("big.pdf", b"x" * 11)

    response = enter(alice).post(url, form(body="Half an hour's <work>", kind="note", to=[customer.pk], files=[file]))

    page = response.content.decode()
    assert response.status_code == 422
    assert "Half an hour&#x27;s &lt;work&gt;" in page
    assert "“big.pdf” is too large: a file may have" in page
    assert f'name="to" value="{customer.pk}"' in page
    assert Attachment.objects.count() == 0


def test_the_files_of_a_message_have_a_limit_together_and_none_is_lost(
    url: str, alice: User, enter: Enter, settings: Settings
) -> None:
    settings.MAIL_MAX_MESSAGE_BYTES = 10
    before = attachments.store(SimpleUploadedFile("a.txt", b"aaaaaa"), name="a.txt", owner=alice)
    file = SimpleUploadedFile("b.txt", b"bbbbbb")
    client, sent = enter(alice), form(body="Half an hour", attachments=[before.pk])

    response = client.post(url, {**sent, "files": [file]})

    page = response.content.decode()
    kept = Attachment.objects.get(name="b.txt")
    assert response.status_code == 422
    assert "The files have 12\xa0bytes together; a message takes 10\xa0bytes at most." in page
    assert "Half an hour" in page
    for one in (before, kept):
        assert f'<input type="checkbox" class="check" name="attachments" value="{one.pk}" checked>' in page
    assert Message.objects.count() == 0

    client.post(url, {**sent, "attachments": [kept.pk]})
    assert Message.objects.get().attachments.get() == kept


def test_the_composer_says_how_much_it_takes(opportunity: Opportunity, alice: User, enter: Enter) -> None:
    page = enter(alice).get(opportunity.get_absolute_url()).content.decode()

    assert "up to 20.0\xa0MB each and 25.0\xa0MB together" in page
    assert f'data-together="{25 * 1024 * 1024}"' in page


def test_files_come_with_the_form_or_were_uploaded_before(url: str, alice: User, enter: Enter) -> None:
    before = attachments.store(SimpleUploadedFile("a.txt", b"a"), name="a.txt", owner=alice)
    files = [SimpleUploadedFile("b.txt", b"b"), SimpleUploadedFile("c.txt", b"c")]

    enter(alice).post(url, form(body="", attachments=[before.pk], files=files))

    message = Message.objects.get()
    assert sorted(message.attachments.values_list("name", "posted")) == [
        ("a.txt", True),
        ("b.txt", True),
        ("c.txt", True),
    ]


def test_nobody_posts_the_upload_of_another(url: str, alice: User, bob: User, enter: Enter) -> None:
    private = attachments.store(SimpleUploadedFile("a.txt", b"a"), name="a.txt", owner=bob)

    assert enter(alice).post(url, form(attachments=[private.pk]), headers=HTMX).status_code == 422


def test_who_may_write(url: str, opportunity: Opportunity, bob: User, charlie: User, enter: Enter) -> None:
    # Bob only reads records, but he is a colleague: he sees this one, so he may write in its conversation.
    assert enter(bob).post(url, form(), headers=HTMX).status_code == 201
    assert enter(charlie).post(url, form(), headers=HTMX).status_code == 404
    Opportunity.objects.update(responsible=charlie)
    assert enter(charlie).post(url, form(), headers=HTMX).status_code == 403
    assert enter(charlie).post(url, form(kind="note"), headers=HTMX).status_code == 403
    assert 'class="composer"' not in enter(charlie).get(opportunity.get_absolute_url()).content.decode()


def test_the_forgery_check_is_on(url: str, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(url, form()).status_code == 403
    assert Message.objects.count() == 0


def test_the_column_is_on_the_record(opportunity: Opportunity, alice: User, enter: Enter) -> None:
    opportunity.post(author=alice, body="<p>Hello there</p>")

    page = enter(alice).get(opportunity.get_absolute_url()).content.decode()

    assert "Hello there" in page
    assert "Only internal users will see it" in page
    assert 'enctype="multipart/form-data"' in page


def test_ids_of_a_thousand_are_written_without_separator(alice: User, enter: Enter) -> None:
    Opportunity.objects.create(pk=1234, name="Late")
    kind = ContentType.objects.get_for_model(Opportunity)
    Thread.objects.create(pk=5678, document_type=kind, document_id=1234)

    page = enter(alice).get("/crm/opportunities/1234/").content.decode()

    assert 'id="thread-5678"' in page
    assert "5,678" not in page


# -- The "To" line ----------------------------------------------------------------------------------


def test_the_line_names_outsiders_and_counts_colleagues(
    opportunity: Opportunity, alice: User, bob: User, customer: Contact, colleague: User
) -> None:
    lost = Contact.objects.create(name="Lost", email="")
    for who in (alice, bob, customer, colleague, lost):
        opportunity.follow(who)
    stranger = Contact.objects.create(name="Stranger", email="s@acme.example")

    message, note = composer(opportunity.thread, opportunity, alice, [stranger]).lines

    assert (list(message.named), list(message.outside)) == ([stranger], [customer])
    assert set(message.followers) == {bob.contact, colleague.contact}
    assert list(message.without_address) == [lost]
    assert (list(note.named), list(note.kept_out), note.others) == ([], [stranger], 0)


def test_everyone_named_in_the_line_gets_it_and_nobody_else(
    url: str, opportunity: Opportunity, alice: User, bob: User, customer: Contact, enter: Enter
) -> None:
    opportunity.follow(bob)
    line = composer(opportunity.thread, opportunity, alice, [customer]).lines[0]

    enter(alice).post(url, form(to=[customer.pk]))

    told = {contact.email for contact in (*line.named, *line.outside, *line.followers)}
    assert {mail.recipient_address for mail in Mail.objects.all()} == told


def test_names_come_and_go(opportunity: Opportunity, alice: User, customer: Contact, enter: Enter) -> None:
    other = Contact.objects.create(name="Other", email="o@acme.example")
    url = reverse("chatter:recipients", args=[opportunity.thread.pk])
    client = enter(alice)

    both = client.get(url, {"to": [customer.pk, other.pk, "", "x"]}).content.decode()
    one = client.get(url, {"to": [customer.pk, other.pk], "drop": other.pk}).content.decode()

    assert both.count('type="hidden" name="to"') == 2
    assert one.count('type="hidden" name="to"') == 1
    assert "Remove Julia Ferrer" in one


def test_people_are_found_by_any_part(opportunity: Opportunity, alice: User, customer: Contact, enter: Enter) -> None:
    url = reverse("chatter:people", args=[opportunity.thread.pk])
    client = enter(alice)

    for words in ("julia", "ferrer jul", "grupolevante"):
        assert f'data-value="{customer.pk}"' in client.get(url, {"q": words}).content.decode(), words
    assert "Nothing found" in client.get(url, {"q": "nobody"}).content.decode()


def test_strangers_find_nobody(opportunity: Opportunity, charlie: User, enter: Enter) -> None:
    for name in ("people", "recipients"):
        url = reverse(f"chatter:{name}", args=[opportunity.thread.pk])
        assert enter(charlie).get(url, {"q": "a"}).status_code == 404
    Opportunity.objects.update(responsible=charlie)
    for name in ("people", "recipients"):
        url = reverse(f"chatter:{name}", args=[opportunity.thread.pk])
        assert enter(charlie).get(url, {"q": "a"}).status_code == 403


def test_the_customer_is_offered_until_reached(
    opportunity: Opportunity, alice: User, customer: Contact, enter: Enter
) -> None:
    assert list(composer(opportunity.thread, opportunity, alice).suggested) == [customer]
    assert list(composer(opportunity.thread, opportunity, alice, [customer]).suggested) == []
    opportunity.follow(customer)
    assert list(composer(opportunity.thread, opportunity, alice).suggested) == []


def test_who_follows_is_not_offered_as_a_new_follower(
    opportunity: Opportunity, alice: User, customer: Contact, enter: Enter
) -> None:
    opportunity.follow(customer)
    url = reverse("chatter:people", args=[opportunity.thread.pk])
    found = f'data-value="{customer.pk}"'

    assert found in enter(alice).get(url, {"q": "julia"}).content.decode()
    assert found not in enter(alice).get(url, {"q": "julia", "new": ""}).content.decode()


def test_a_user_from_before_the_installation_gets_a_contact(
    url: str, opportunity: Opportunity, alice: User, enter: Enter
) -> None:
    alice.contact.delete()

    assert enter(alice).get(opportunity.get_absolute_url()).status_code == 200
    assert enter(alice).post(url, form(), headers=HTMX).status_code == 201
    assert Message.objects.get().author == Contact.objects.get(user=alice)
