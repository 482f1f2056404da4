"""The bell: what one was told of in the application, until it is read."""

from django.urls import reverse

from chatter.models import Notification
from daeris.documents.models import Opportunity
from daeris.models import User
from tests.chatter.conftest import Enter


def test_a_message_rings_until_it_is_opened(
    opportunity: Opportunity, alice: User, colleague: User, enter: Enter
) -> None:
    opportunity.follow(colleague)
    message = opportunity.post(author=alice, body="<p>Have a <b>look</b></p>")
    client = enter(colleague)

    page = client.get(reverse("chatter:notifications")).content.decode()
    assert "data-unread" in page
    assert "Alice: Have a look" in page

    response = client.get(reverse("chatter:notification", args=[Notification.objects.get().pk]))
    assert response["Location"] == f"{opportunity.get_absolute_url()}#message-{message.pk}"
    assert Notification.objects.get().read_at
    assert "data-unread" not in client.get(reverse("chatter:notifications")).content.decode()


def test_everything_can_be_read_at_once(opportunity: Opportunity, alice: User, colleague: User, enter: Enter) -> None:
    opportunity.follow(colleague)
    for _ in range(3):
        opportunity.post(author=alice, body="<p>Hola</p>")

    assert enter(colleague).get(reverse("chatter:read_all")).status_code == 405
    enter(colleague).post(reverse("chatter:read_all"))

    assert not Notification.objects.filter(read_at=None).exists()


def test_nobody_reads_anothers(opportunity: Opportunity, alice: User, bob: User, colleague: User, enter: Enter) -> None:
    opportunity.follow(colleague)
    opportunity.post(author=alice, body="<p>Hola</p>")
    pk = Notification.objects.get().pk

    assert enter(bob).get(reverse("chatter:notification", args=[pk])).status_code == 404
    assert "Hola" not in enter(bob).get(reverse("chatter:notifications")).content.decode()
    enter(bob).post(reverse("chatter:read_all"))
    assert Notification.objects.get().read_at is None


def test_a_record_that_is_no_longer_seen_is_not_told(
    opportunity: Opportunity, alice: User, colleague: User, enter: Enter
) -> None:
    opportunity.follow(colleague)
    opportunity.post(author=alice, body="<p>Hola</p>")
    colleague.user_permissions.clear()

    assert "Hola" not in enter(colleague).get(reverse("chatter:notifications")).content.decode()


def test_older_ones_are_a_page_away(opportunity: Opportunity, alice: User, colleague: User, enter: Enter) -> None:
    opportunity.follow(colleague)
    for number in range(32):
        opportunity.post(author=alice, body=f"<p>No. {number}</p>")
    client = enter(colleague)
    page = client.get(reverse("chatter:notifications")).content.decode()
    assert "No. 31" in page
    assert "No. 1<" not in page

    oldest = Notification.objects.order_by("-pk")[29].pk
    assert f"?before={oldest}" in page
    assert "No. 1<" in client.get(reverse("chatter:notifications"), {"before": oldest}).content.decode()
