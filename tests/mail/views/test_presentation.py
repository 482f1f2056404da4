"""One face for each state a reader tells apart."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from daeris.models import User
from daeris.ui.icons import icon_svg
from mail.models import Mail, Server
from mail.presentation import LOOKS, cause_of, look_of
from tests.mail.views.conftest import MakeMail


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"state": "queued"}, "queued"),
        ({"state": "queued", "due_at": now() + timedelta(days=1)}, "scheduled"),
        ({"state": "queued", "cause": "greylisted", "due_at": now() + timedelta(hours=1)}, "retrying"),
        ({"state": "sending"}, "sending"),
        ({"state": "sent"}, "sent"),
        ({"state": "failed"}, "failed"),
        ({"state": "bounced"}, "bounced"),
        ({"state": "cancelled"}, "cancelled"),
    ],
)
def test_each_state_has_its_face(make_mail: MakeMail, fields: dict[str, object], key: str) -> None:
    assert look_of(make_mail(**fields)).key == key


def test_mail_behind_a_stopped_server_is_red_with_the_servers_reason(make_mail: MakeMail, blocked: Server) -> None:
    mail = make_mail(state="queued", server=blocked)

    assert look_of(mail).is_red
    assert cause_of(mail) == "credentials_wrong"


def test_what_is_red_here_is_red_in_the_database(make_mail: MakeMail, blocked: Server, bob: User) -> None:
    for state in Mail.State.values:
        make_mail(bob, state=state)
    make_mail(bob, state="queued", cause="greylisted")
    make_mail(bob, state="queued", server=blocked)

    red = {mail.pk for mail in Mail.objects.select_related("server") if look_of(mail).is_red}

    assert red == set(Mail.objects.red().values_list("pk", flat=True))


def test_every_icon_exists() -> None:
    assert all("<svg" in icon_svg(look.icon) for look in LOOKS.values())
