"""Who follows, who may say so, and what they want to hear of."""

from django.urls import reverse

from chatter.models import Follower
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact
from tests.chatter.conftest import Enter

HTMX = {"HX-Request": "true"}


def url(name: str, opportunity: Opportunity) -> str:
    return reverse(f"chatter:{name}", args=[opportunity.thread.pk])


def test_follow_and_unfollow(opportunity: Opportunity, bob: User, enter: Enter) -> None:
    client = enter(bob)

    client.post(url("follow", opportunity))
    client.post(url("follow", opportunity))
    assert Follower.objects.get().contact == bob.contact

    response = client.post(url("unfollow", opportunity), {"back": "record"})
    assert not Follower.objects.exists()
    assert response["Location"] == opportunity.get_absolute_url()


def test_add_and_remove_others(opportunity: Opportunity, bob: User, customer: Contact, enter: Enter) -> None:
    client = enter(bob)

    added = client.post(url("follow", opportunity), {"contact": customer.pk}, headers=HTMX)
    follower = Follower.objects.get()
    assert follower.contact == customer
    assert "Julia Ferrer" in added.content.decode()
    assert "followers:changed" in added["HX-Trigger"]

    client.post(url("unfollow", opportunity), {"follower": follower.pk}, headers=HTMX)
    assert not Follower.objects.exists()


def test_what_a_follower_wants(opportunity: Opportunity, bob: User, enter: Enter) -> None:
    follower = opportunity.follow(bob)

    enter(bob).post(url("wishes", opportunity), {"follower": follower.pk, "wants_notes": "on", "wants_changes": "on"})

    follower.refresh_from_db()
    assert (follower.wants_messages, follower.wants_notes, follower.wants_changes) == (False, True, True)


def test_an_outsider_decides_only_for_himself(
    opportunity: Opportunity, charlie: User, customer: Contact, enter: Enter
) -> None:
    theirs = opportunity.follow(customer)
    client = enter(charlie)
    assert client.post(url("follow", opportunity)).status_code == 404

    Opportunity.objects.update(responsible=charlie)
    assert client.post(url("follow", opportunity)).status_code == 303
    assert client.post(url("follow", opportunity), {"contact": customer.pk}).status_code == 403
    assert client.post(url("unfollow", opportunity), {"follower": theirs.pk}).status_code == 403
    assert client.post(url("wishes", opportunity), {"follower": theirs.pk}).status_code == 403
    assert client.post(url("unfollow", opportunity)).status_code == 303


def test_a_follower_of_another_thread_is_not_found(opportunity: Opportunity, bob: User, enter: Enter) -> None:
    elsewhere = Opportunity.objects.create(name="Other").follow(bob)

    for name in ("unfollow", "wishes"):
        assert enter(bob).post(url(name, opportunity), {"follower": elsewhere.pk}).status_code == 404
    for junk in ("x", "-1", "99999"):
        assert enter(bob).post(url("unfollow", opportunity), {"follower": junk}).status_code == 404
        assert enter(bob).post(url("follow", opportunity), {"contact": junk}).status_code == 404


def test_the_page_works_by_itself(opportunity: Opportunity, bob: User, customer: Contact, enter: Enter) -> None:
    opportunity.follow(customer)
    opportunity.follow(Contact.objects.create(name="Lost"))

    page = enter(bob).get(url("followers", opportunity)).content.decode()

    assert "<!doctype html>" in page
    assert "Julia Ferrer" in page
    assert "No valid address" in page
