"""Who hears of a message: a table of cases, then the same from the database."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import Group, Permission
from pytest_django import DjangoAssertNumQueries

from chatter.models import Follower, Message
from chatter.recipients import Audience, Person, addressable_by, audience, choose, internal_contacts, mailbox_of
from daeris.documents.models import Opportunity
from daeris.models import User
from mail.models import Contact

APP = Contact.Notify.APP
MESSAGE, NOTE, CHANGE = Message.Kind.MESSAGE, Message.Kind.NOTE, Message.Kind.CHANGE


def person(
    pk: int, email: str = "", *, inside: bool = False, named: bool = False, app: bool = False, name: str = ""
) -> Person:
    email = f"p{pk}@acme.example" if email == "" else email
    contact = Contact(pk=pk, name=name or f"P{pk}", email=email, notify=APP if app else Contact.Notify.EMAIL)
    return Person(contact, is_internal=inside, is_named=named)


def ids(contacts: Sequence[Contact]) -> list[int]:
    return [contact.pk for contact in contacts]


# people, kind, then whom: by e-mail, in the application, without address, kept out. The author is contact 1.
CASES: list[tuple[str, list[Person], str, list[int], list[int], list[int], list[int]]] = [
    ("nobody", [], MESSAGE, [], [], [], []),
    ("a follower", [person(2)], MESSAGE, [2], [], [], []),
    ("not the author", [person(1), person(2)], MESSAGE, [2], [], [], []),
    ("the author when named", [person(1, named=True), person(2)], MESSAGE, [1, 2], [], [], []),
    ("named and following: once", [person(2, named=True), person(2)], MESSAGE, [2], [], [], []),
    ("in the application", [person(2, inside=True, app=True)], MESSAGE, [], [2], [], []),
    ("outsiders always by e-mail", [person(2, app=True)], MESSAGE, [2], [], [], []),
    ("no address", [person(2, " ")], MESSAGE, [], [], [2], []),
    ("an address that is none", [person(2, "julia@")], MESSAGE, [], [], [2], []),
    ("two addresses in one field", [person(2, "a@x.example, b@x.example")], MESSAGE, [], [], [2], []),
    ("no address, but in the application", [person(2, " ", inside=True, app=True)], MESSAGE, [], [2], [], []),
    (
        "one mailbox, one copy",
        [person(2, "info@acme.example"), person(3, "INFO@ACME.example")],
        MESSAGE,
        [2],
        [],
        [],
        [],
    ),
    ("a note for colleagues", [person(2), person(3, inside=True)], NOTE, [3], [], [], []),
    ("a note never leaves", [person(2, named=True), person(3, inside=True)], NOTE, [3], [], [], [2]),
    ("a note in the application", [person(3, inside=True, app=True)], NOTE, [], [3], [], []),
    ("a change for colleagues", [person(2), person(3, inside=True)], CHANGE, [3], [], [], []),
    ("named first", [person(3, named=True), person(2)], MESSAGE, [3, 2], [], [], []),
    (
        "IDN in either form",
        [person(2, "a@señal.example"), person(3, "a@xn--seal-hqa.example")],
        MESSAGE,
        [2],
        [],
        [],
        [],
    ),
]


@pytest.mark.parametrize(
    ("people", "kind", "mailed", "told", "lost", "kept_out"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_who_hears_of_it(
    people: list[Person], kind: str, mailed: list[int], told: list[int], lost: list[int], kept_out: list[int]
) -> None:
    chosen: Audience = choose(people, author=Contact(pk=1, name="Author"), kind=kind)

    assert ids(chosen.by_email) == mailed
    assert ids(chosen.in_app) == told
    assert ids(chosen.without_address) == lost
    assert ids(chosen.kept_out) == kept_out


def test_followers_hear_only_the_kinds_they_want(opportunity: Opportunity, alice: User, bob: User) -> None:
    Follower.objects.create(
        thread=opportunity.thread, contact=bob.contact, wants_messages=False, wants_notes=True, wants_changes=False
    )

    assert ids(audience(opportunity, alice.contact, MESSAGE).by_email) == []
    assert ids(audience(opportunity, alice.contact, NOTE).by_email) == [bob.contact.pk]
    assert ids(audience(opportunity, alice.contact, CHANGE).by_email) == []


def test_a_user_who_may_not_use_notes_is_not_internal(opportunity: Opportunity, alice: User, charlie: User) -> None:
    Follower.objects.create(thread=opportunity.thread, contact=charlie.contact, wants_notes=True)

    assert len(audience(opportunity, alice.contact, NOTE)) == 0
    assert ids(audience(opportunity, alice.contact, NOTE, to=[charlie.contact]).kept_out) == [charlie.contact.pk]


def test_notes_may_be_granted_by_group_and_go_with_the_account(bob: User, charlie: User) -> None:
    group = Group.objects.create(name="Ventas")
    group.permissions.add(Permission.objects.get(codename="use_notes"))
    charlie.groups.add(group)
    User.objects.create_superuser("root", "root@miempresa.example", "una-clave-larga")
    User.objects.filter(pk=bob.pk).update(is_active=False)

    assert set(internal_contacts().values_list("user__username", flat=True)) == {"charlie", "root"}


@pytest.mark.large
def test_two_thousand_followers_are_three_questions(
    opportunity: Opportunity, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    thread = opportunity.thread
    contacts = Contact.objects.bulk_create(
        Contact(name=f"Contact {n}", email=f"c{n}@acme.example") for n in range(2000)
    )
    Follower.objects.bulk_create(Follower(thread=thread, contact=contact) for contact in contacts)

    with django_assert_max_num_queries(3):
        assert len(audience(thread, alice.contact)) == 2000


def test_colleagues_are_named_by_anyone_and_strangers_by_who_may_see_contacts(
    alice: User, charlie: User, customer: Contact
) -> None:
    assert customer in addressable_by(alice)
    assert set(addressable_by(charlie)) == {alice.contact}
    assert customer in addressable_by(charlie, also=[customer.pk])


@pytest.mark.parametrize("name", ["Julia\r\nBcc: all@acme.example", "Julia\x00", "Julia\u2028Ferrer"])
def test_a_name_is_one_line(name: str) -> None:
    mailbox = mailbox_of(Contact(name=name, email="j@acme.example"))

    assert mailbox
    assert mailbox.name.isprintable()
