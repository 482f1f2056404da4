"""Retry, cancel and the list of recipients, from the conversation."""

import pytest
from django.urls import reverse

from chatter.models import Message
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact, Mail
from tests.chatter.conftest import Enter

HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.usefixtures("outgoing")


@pytest.fixture
def message(opportunity: Opportunity, alice: User, customer: Contact) -> Message:
    """To three people: one copy refused, one deferred, one accepted."""
    for number in range(2):
        opportunity.follow(Contact.objects.create(name=f"C{number}", email=f"c{number}@acme.example"))
    opportunity.follow(customer)
    message = opportunity.post(author=alice, body="<p>Hola</p>")
    first, second, third = Mail.objects.order_by("pk")
    Mail.objects.filter(pk=first.pk).update(state="failed", cause="recipient_unknown", reply_code=550)
    Mail.objects.filter(pk=second.pk).update(state="queued", cause="greylisted", reply_code=451, tries=1)
    Mail.objects.filter(pk=third.pk).update(state="sent")
    return message


def states() -> list[str]:
    return list(Mail.objects.order_by("pk").values_list("state", flat=True))


def test_retry_sends_the_red_ones_again(message: Message, alice: User, enter: Enter) -> None:
    response = enter(alice).post(reverse("chatter:retry", args=[message.pk]), headers=HTMX)

    assert states() == ["queued", "queued", "sent"]
    assert not Mail.objects.red().exists()
    page = response.content.decode()
    assert f'hx-swap-oob="innerHTML:#failures-{message.pk}"' in page
    assert "Not sent" not in page
    assert "2 e-mails are in the queue again." in response["HX-Trigger"]


def test_only_those_of_one_cause(message: Message, alice: User, enter: Enter) -> None:
    enter(alice).post(reverse("chatter:retry", args=[message.pk]), {"cause": "recipient_unknown"})

    assert states() == ["queued", "queued", "sent"]
    assert Mail.objects.red().get().cause == "greylisted"


def test_cancel_gives_up_what_has_not_left(message: Message, alice: User, enter: Enter) -> None:
    response = enter(alice).post(reverse("chatter:cancel", args=[message.pk]))

    assert states() == ["cancelled", "cancelled", "sent"]
    assert response.status_code == 303
    assert response["Location"].endswith(f"#message-{message.pk}")


def test_who_may(
    message: Message, opportunity: Opportunity, alice: User, bob: User, charlie: User, enter: Enter
) -> None:
    for name in ("retry", "cancel"):
        url = reverse(f"chatter:{name}", args=[message.pk])
        assert enter(bob).post(url).status_code == 403  # reads the message, but did not send it
        assert enter(charlie).post(url).status_code == 404
        assert enter(alice).get(url).status_code == 405
    assert states() == ["failed", "queued", "sent"]


def test_only_the_sender_sees_the_buttons(
    message: Message, opportunity: Opportunity, alice: User, bob: User, enter: Enter
) -> None:
    hers, his = (enter(user).get(opportunity.get_absolute_url()).content.decode() for user in (alice, bob))

    for page in (hers, his):
        assert "Not sent to C0: address does not exist (550)." in page
    assert reverse("chatter:retry", args=[message.pk]) in hers
    assert reverse("chatter:retry", args=[message.pk]) not in his


def test_all_recipients_have_a_page(message: Message, bob: User, charlie: User, enter: Enter) -> None:
    url = reverse("chatter:copies", args=[message.pk])

    page = enter(bob).get(url).content.decode()
    assert enter(charlie).get(url).status_code == 404
    for words in ("c0@acme.example", "Failed", "Will be retried", "Sent"):
        assert words in page


def test_the_servers_own_words_stay_with_the_sender(
    message: Message, opportunity: Opportunity, bob: User, enter: Enter
) -> None:
    Mail.objects.update(failure="550 5.1.1 hidden words of the server")

    assert "hidden words" not in enter(bob).get(opportunity.get_absolute_url()).content.decode()
