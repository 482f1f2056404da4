"""Changed fields become a message, in the words of whoever reads it."""

from decimal import Decimal

import pytest
from django.utils import translation

from chatter.changes import in_words
from chatter.models import Follower, Message
from chatter.tracking import snapshot, track
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact, Content, Mail


def test_one_message_tells_all_that_changed(opportunity: Opportunity, alice: User, bob: User) -> None:
    before = snapshot(opportunity)
    opportunity.stage = "proposal"
    opportunity.expected_revenue = Decimal("48600.50")
    opportunity.responsible = bob
    opportunity.customer = None
    opportunity.save()

    message = track(opportunity, before, author=alice)

    assert message
    assert (message.kind, message.author, message.user) == (Message.Kind.CHANGE, alice.contact, alice)
    assert [(c.label, c.old, c.new) for c in in_words(message.changes, Opportunity)] == [
        ("Stage", "New", "Proposal"),
        ("Expected revenue", "0", "48,600.50"),
        ("Responsible", "Alice", "Bob"),
        ("Customer", "Julia Ferrer", ""),
    ]


def test_nothing_changed_is_no_message(opportunity: Opportunity, alice: User) -> None:
    before = snapshot(opportunity)
    opportunity.refresh_from_db()
    opportunity.expected_revenue = 0  # the database gives Decimal("0.00")
    opportunity.name = "Not tracked"

    assert track(opportunity, before, author=alice) is None
    assert Message.objects.count() == 0


def test_each_reader_has_the_words_of_the_own_language(opportunity: Opportunity, alice: User) -> None:
    with translation.override("es"):
        before = snapshot(opportunity)
        opportunity.stage = "won"
        message = track(opportunity, before, author=alice)

    assert message
    (change,) = in_words(message.changes, Opportunity)
    assert (change.label, change.old, change.new) == ("Stage", "New", "Won")


def test_what_the_model_no_longer_has_keeps_its_old_words() -> None:
    changes = [{"field": "gone", "label": "Team", "old": "North", "new": "South"}]
    gone = [
        {"field": "stage", "label": "Stage", "old": "Dreamt", "new": "New", "old_value": "dream", "new_value": "new"}
    ]

    assert [(c.label, c.old, c.new) for c in in_words(changes, Opportunity)] == [("Team", "North", "South")]
    assert in_words(gone, Opportunity)[0].old == "dream"


@pytest.mark.usefixtures("outgoing")
def test_a_change_is_told_to_who_asked_and_says_that_a_machine_wrote_it(
    opportunity: Opportunity, alice: User, bob: User, customer: Contact
) -> None:
    Follower.objects.create(thread=opportunity.thread, contact=bob.contact, wants_changes=True)
    Follower.objects.create(thread=opportunity.thread, contact=customer, wants_changes=True)
    before = snapshot(opportunity)
    opportunity.stage = "won"

    track(opportunity, before, author=alice)

    assert Mail.objects.get().recipient_address == bob.email
    content = Content.objects.get()
    assert content.auto_submitted
    assert "Ganada" in content.text or "Won" in content.text
