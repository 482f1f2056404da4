"""Reading a conversation: in order, page by page, quickly, and only by those who may."""

from collections.abc import Callable
from datetime import timedelta
from time import process_time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from chatter.delivery import deliveries, glance, with_others
from chatter.models import Follower, Message, Notification, Thread
from chatter.quoting import folded
from chatter.reading import PAGE, read
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact, Mail, Server
from tests.chatter.conftest import Enter


def write(thread: Thread, author: Contact, number: int, **fields: object) -> list[Message]:
    return Message.objects.bulk_create(
        Message(thread=thread, author=author, body=f"<p>No. {n}</p>", **fields) for n in range(number)
    )


def test_pages_follow_each_other_by_key_and_lose_nothing(opportunity: Opportunity, alice: User) -> None:
    thread = opportunity.thread
    write(thread, alice.contact, 70)
    seen: list[int] = []
    before = None
    while True:
        page = read(thread, Opportunity, alice, before=before)
        seen += [entry.message.pk for entry in page.entries]
        if page.oldest is None:
            break
        before = page.oldest

    assert seen == list(Message.objects.order_by("-pk").values_list("pk", flat=True))


def test_messages_are_grouped_by_day(opportunity: Opportunity, alice: User) -> None:
    thread = opportunity.thread
    for days in (9, 1, 0, 0):
        write(thread, alice.contact, 1, created_at=now() - timedelta(days=days))

    page = read(thread, Opportunity, alice)

    assert [(day.label, len(day.entries)) for day in page.days[:2]] == [("Today", 2), ("Yesterday", 1)]
    assert len(page.earlier) == 2


@pytest.mark.large
def test_two_thousand_messages_with_files_and_copies(
    opportunity: Opportunity, alice: User, customer: Contact, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    thread = opportunity.thread
    messages = write(thread, alice.contact, 2000, user=alice)
    Notification.objects.bulk_create(
        Notification(message=message, contact=contact, channel="email")
        for message in messages
        for contact in (customer, alice.contact)
    )
    read(thread, Opportunity, alice)

    with django_assert_max_num_queries(5):
        page = read(thread, Opportunity, alice)

    assert len(page.entries) == PAGE


@pytest.mark.large
def test_the_record_page_with_2000_messages_is_quick(
    opportunity: Opportunity, alice: User, customer: Contact, enter: Enter
) -> None:
    thread = opportunity.thread
    write(thread, alice.contact, 2000, user=alice)
    opportunity.follow(customer)
    client = enter(alice)
    url = reverse("chatter:messages", args=[thread.pk])
    client.get(url, headers={"HX-Request": "true"})

    seconds = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            started = process_time()
            response = client.get(url, headers={"HX-Request": "true"})
            seconds.append(process_time() - started)

    assert response.content.count(b"<article") == PAGE
    assert len(captured) <= 12
    assert min(seconds) < 0.25  # 60 ms on a quiet machine; the bench measures it, this only sees a slip


def test_strangers_see_nothing_and_outsiders_no_notes(
    opportunity: Opportunity, alice: User, charlie: User, enter: Enter
) -> None:
    opportunity.post(author=alice, body="<p>For everyone</p>")
    opportunity.post(author=alice, kind="note", body="<p>Among us</p>")
    url = reverse("chatter:messages", args=[opportunity.thread.pk])

    assert enter(charlie).get(url).status_code == 404
    Opportunity.objects.update(responsible=charlie)  # his own record, without the right to read notes
    page = enter(charlie).get(url).content.decode()
    assert "For everyone" in page
    assert "Among us" not in page
    assert "Among us" in enter(alice).get(url).content.decode()


def test_a_thread_of_a_model_that_is_gone_is_not_found(alice: User, opportunity: Opportunity, enter: Enter) -> None:
    thread = opportunity.thread
    Opportunity.objects.all().delete()

    assert enter(alice).get(f"/chatter/{thread.pk}/").status_code == 404


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 40, "1;drop"])
def test_a_wrong_key_does_no_harm(opportunity: Opportunity, alice: User, enter: Enter, before: str) -> None:
    response = enter(alice).get(reverse("chatter:messages", args=[opportunity.thread.pk]), {"before": before})

    assert response.status_code == 200


# -- What became of the copies ----------------------------------------------------------------------


@pytest.fixture
def sent_to(outgoing: Server, opportunity: Opportunity, alice: User) -> Callable[..., Message]:
    def send(*states: dict[str, object]) -> Message:
        for number, _state in enumerate(states):
            opportunity.follow(Contact.objects.create(name=f"C{number}", email=f"c{number}@acme.example"))
        message = opportunity.post(author=alice, body="<p>Hola</p>")
        for mail, state in zip(Mail.objects.order_by("pk"), states, strict=True):
            Mail.objects.filter(pk=mail.pk).update(**state)
        return message

    return send


FAILED = {"state": "failed", "cause": "recipient_unknown", "reply_code": 550}
AGAIN = {"state": "queued", "cause": "greylisted", "reply_code": 451}


@pytest.mark.parametrize(
    ("states", "tone", "moving"),
    [
        ([{"state": "sent"}, {"state": "sent"}], "success", False),
        ([{"state": "sent"}, {"state": "queued"}], "info", True),
        ([{"state": "sent"}, FAILED], "danger", False),
        ([{"state": "sent"}, AGAIN], "danger", False),
        ([{"state": "cancelled"}], "neutral", False),
    ],
)
def test_the_worst_copy_decides_the_icon(
    sent_to: Callable[..., Message], states: list[dict[str, object]], tone: str, moving: bool
) -> None:
    message = sent_to(*states)

    delivery = deliveries([message.pk])[message.pk]

    assert (delivery.tone, delivery.moving, delivery.total) == (tone, moving, len(states))


def test_failures_for_one_reason_are_told_together(sent_to: Callable[..., Message]) -> None:
    message = sent_to(*[FAILED] * 5, AGAIN, {"state": "sent"})

    first, second = sorted(deliveries([message.pk])[message.pk].failures, key=lambda failure: -failure.count)

    assert (first.who, first.reply_code, first.waits, first.can_be_held) == ("C0, C1, C2 and 2 more", 550, False, True)
    assert (second.who, second.waits) == ("C5", True)
    assert second.next_try == Mail.objects.get(cause="greylisted").due_at


def test_one_question_however_much_went_wrong(sent_to: Callable[..., Message], django_assert_num_queries: Any) -> None:
    message = sent_to(FAILED, AGAIN, {"state": "sent"})

    with django_assert_num_queries(1):
        delivery = deliveries([message.pk])[message.pk]

    assert (delivery.who, len(delivery.failures)) == ("C0, C1 and C2", 2)


def test_the_version_changes_with_the_copies_and_only_then(sent_to: Callable[..., Message]) -> None:
    message = sent_to({"state": "queued"})
    version = deliveries([message.pk])[message.pk].version

    assert glance([message.pk])[message.pk].version == version
    Mail.objects.update(state="sent")
    assert glance([message.pk])[message.pk].version != version


@pytest.mark.parametrize(
    ("names", "others", "said"),
    [([], 0, ""), (["A"], 0, "A"), (["A", "B"], 0, "A and B"), (["A", "B", "C"], 4, "A, B, C and 4 more")],
)
def test_names_in_a_line(names: list[str], others: int, said: str) -> None:
    assert with_others(names, others) == said


# -- News -------------------------------------------------------------------------------------------


def test_no_news_is_no_content(sent_to: Callable[..., Message], alice: User, enter: Enter) -> None:
    message = sent_to({"state": "queued"})
    version = glance([message.pk])[message.pk].version
    url = reverse("chatter:news", args=[message.thread_id])

    response = enter(alice).get(url, {"last": message.pk, "s": f"{message.pk}.{version}"})

    assert response.status_code == 204


def test_news_bring_what_changed(
    sent_to: Callable[..., Message], opportunity: Opportunity, alice: User, bob: User, enter: Enter
) -> None:
    message = sent_to({"state": "queued"})
    version = glance([message.pk])[message.pk].version
    Mail.objects.update(**FAILED)
    answer = opportunity.post(author=bob, body="<p>An answer</p>")
    url = reverse("chatter:news", args=[message.thread_id])

    page = enter(alice).get(url, {"last": message.pk, "s": f"{message.pk}.{version}"}).content.decode()

    assert f'hx-swap-oob="innerHTML:#failures-{message.pk}"' in page
    assert "Not sent to C0: address does not exist (550)." in page
    assert f'id="message-{answer.pk}"' in page
    assert f'name="last" value="{answer.pk}"' in page


def test_news_tell_nothing_of_other_conversations(
    sent_to: Callable[..., Message], alice: User, charlie: User, enter: Enter
) -> None:
    message = sent_to(FAILED)
    own = Opportunity.objects.create(name="Own", responsible=charlie)
    query = {"last": 0, "s": f"{message.pk}.0"}

    assert enter(charlie).get(reverse("chatter:news", args=[message.thread_id]), query).status_code == 404
    assert enter(charlie).get(reverse("chatter:news", args=[own.thread.pk]), query).status_code == 204


# -- Quotes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "new", "quote"),
    [
        ("<p>New</p>", "<p>New</p>", ""),
        ("<p>New</p>\n<blockquote><p>Old</p></blockquote>\n", "<p>New</p>", "<blockquote><p>Old</p></blockquote>"),
        (
            "<p>New</p><blockquote>A<blockquote>B</blockquote></blockquote>",
            "<p>New</p>",
            "<blockquote>A<blockquote>B</blockquote></blockquote>",
        ),
        (
            "<blockquote>One</blockquote><blockquote>Two</blockquote>",
            "<blockquote>One</blockquote>",
            "<blockquote>Two</blockquote>",
        ),
        ("<blockquote><p>Only a quote</p></blockquote>", "<blockquote><p>Only a quote</p></blockquote>", ""),
        ("<blockquote>Old</blockquote><p>New</p>", "<blockquote>Old</blockquote><p>New</p>", ""),
    ],
)
def test_quoted_history_is_folded(body: str, new: str, quote: str) -> None:
    assert folded(body) == (new, quote)


def test_followers_that_want_nothing_are_left_in_peace(
    opportunity: Opportunity, alice: User, customer: Contact
) -> None:
    Follower.objects.create(thread=opportunity.thread, contact=customer, wants_messages=False)

    assert opportunity.post(author=alice, body="<p>Hola</p>").notifications.count() == 0


def test_wrong_methods_are_refused(opportunity: Opportunity, alice: User, enter: Enter) -> None:
    client: Client = enter(alice)
    pk = opportunity.thread.pk

    for name in ("messages", "news", "recipients", "people", "files", "followers"):
        assert client.post(reverse(f"chatter:{name}", args=[pk])).status_code == 405, name
    for name in ("post", "upload", "follow", "unfollow", "wishes"):
        assert client.get(reverse(f"chatter:{name}", args=[pk])).status_code == 405, name


def test_who_is_not_logged_in_is_asked_to(opportunity: Opportunity, client: Client) -> None:
    pk = opportunity.thread.pk

    for name in ("messages", "news", "recipients", "people", "files", "followers"):
        response = client.get(reverse(f"chatter:{name}", args=[pk]))
        assert response.status_code == 302, name
        assert response["Location"].startswith(reverse("login")), name
