"""What a user may do is what Django would say, by fewer questions."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.http import HttpRequest
from django.test import Client

from daeris.backends import Backend
from daeris.models import User

ASKED = ("get_user_permissions", "get_group_permissions", "get_all_permissions")


@pytest.fixture
def people(alice: User, bob: User, charlie: User) -> list[User]:
    """By themselves, by groups, by both, by nothing; a superuser, with and without; one who left."""
    group, other = Group.objects.create(name="Sales"), Group.objects.create(name="Empty")
    group.permissions.set(Permission.objects.filter(codename__contains="contact"))
    bob.groups.add(group, other)
    boss, root, erin, frank = (User.objects.create(username=name) for name in ("boss", "root", "erin", "frank"))
    for one in (boss, root):
        one.is_superuser = True
    frank.is_active = False
    for one in (root, erin, frank):
        one.groups.add(group)
    for one in (root, frank):
        one.user_permissions.add(Permission.objects.get(codename="use_notes"))
    for one in (boss, root, erin, frank):
        one.save()
    return [alice, bob, charlie, boss, root, erin, frank]


def test_the_answers_are_those_of_django(people: list[User]) -> None:
    ours, theirs = Backend(), ModelBackend()
    every = [f"{one.content_type.app_label}.{one.codename}" for one in Permission.objects.select_related()]
    for one in people:
        mine, expected = ours.get_user(one.pk), theirs.get_user(one.pk)
        assert mine == expected
        if mine is None or expected is None:
            continue
        assert vars(mine).keys() - vars(expected).keys() == (
            set() if one.is_superuser else {"_user_perm_cache", "_group_perm_cache"}
        )
        for asked in ASKED:
            found = getattr(ours, asked)(mine)
            assert found == getattr(theirs, asked)(expected)
            assert isinstance(found, set)
            assert getattr(ours, asked)(mine, obj=one) == set()
        assert [mine.has_perm(name) for name in every] == [expected.has_perm(name) for name in every]
        for app in ("mail", "chatter", "documents", "auth", "nowhere"):
            assert mine.has_module_perms(app) == expected.has_module_perms(app)
        caches = ("_perm_cache", "_user_perm_cache", "_group_perm_cache")
        assert [getattr(mine, name) for name in caches] == [getattr(expected, name) for name in caches]


def test_nobody_and_who_left_log_in_to_nothing(people: list[User]) -> None:
    assert Backend().get_user(0) is None
    assert Backend().get_user(people[-1].pk) is None


def test_who_is_disabled_meanwhile_may_nothing(alice: User) -> None:
    user = Backend().get_user(alice.pk)
    assert user is not None
    assert user.has_perm("mail.view_contact")
    user.is_active = False
    assert not user.has_perm("mail.view_contact")
    assert Backend().get_all_permissions(user) == set()


def test_a_user_who_is_read_otherwise_is_asked_about_as_ever(people: list[User]) -> None:
    for one in people:
        read = User.objects.get(pk=one.pk)
        assert Backend().get_all_permissions(read) == ModelBackend().get_all_permissions(User.objects.get(pk=one.pk))


def test_one_question_for_the_user_and_what_they_may(alice: User, bob: User, django_assert_num_queries: Any) -> None:
    for one in (alice, bob):
        with django_assert_num_queries(1):
            user = Backend().get_user(one.pk)
            assert user is not None
            assert user.has_perm("mail.view_contact")
            assert not user.has_perm("auth.delete_user")


def test_a_permission_counts_from_the_next_request(client: Client, charlie: User) -> None:
    assert settings.AUTHENTICATION_BACKENDS == ["daeris.backends.Backend"]
    client.force_login(charlie)
    request = HttpRequest()
    request.session = client.session
    assert not get_user(request).has_perm("chatter.use_notes")
    charlie.user_permissions.add(Permission.objects.get(codename="use_notes"))
    assert get_user(request).has_perm("chatter.use_notes")
