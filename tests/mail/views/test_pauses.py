"""Pausing in the interface: everything, what people wait for, or mass mail."""

import pytest
from django.test import Client

from mail import pauses
from mail.models import Change, Domain, Lane
from tests.mail.views.conftest import HTMX, MakeMail

PATH = "/settings/mail/servers/pauses/"


def test_only_those_who_manage_servers(as_bob: Client, as_charlie: Client, stranger: Client) -> None:
    for client in (as_bob, as_charlie):
        assert client.get(PATH).status_code == 403
        assert client.post(PATH, {"what": "everything", "paused": "1"}).status_code == 403
    assert stranger.get(PATH).url.startswith("/login/")
    assert not pauses.current().anything


def test_wrong_methods(as_alice: Client) -> None:
    assert as_alice.put(PATH).status_code == 405
    assert as_alice.delete(PATH).status_code == 405


@pytest.mark.parametrize(
    "data", [{}, {"what": "everything"}, {"what": "x", "paused": "1"}, {"what": "mass", "paused": "y"}]
)
def test_nonsense(as_alice: Client, data: dict[str, str]) -> None:
    assert as_alice.post(PATH, data).status_code == 400
    assert not pauses.current().anything


@pytest.mark.parametrize(
    ("what", "transactional", "mass"),
    [("everything", True, True), ("transactional", True, False), ("mass", False, True)],
)
def test_pausing_and_going_on(company: Domain, as_alice: Client, what: str, transactional: bool, mass: bool) -> None:
    assert as_alice.post(PATH, {"what": what, "paused": "1"}).url == PATH
    assert pauses.current() == pauses.Pauses(transactional, mass)
    assert "Go on" in as_alice.get(PATH).content.decode()
    assert as_alice.post(PATH, {"what": what, "paused": "0", "from_list": "1"}).url == "/settings/mail/servers/"
    assert not pauses.current().anything
    changed = transactional + mass
    assert Change.objects.filter(kind="options", user_name="Alice").count() == 2 * changed


def test_says_how_much_waits(as_alice: Client, make_mail: MakeMail) -> None:
    for lane in (Lane.MASS, Lane.MASS, Lane.TRANSACTIONAL):
        make_mail(None, state="queued", lane=lane)
    make_mail(None, state="sent", lane=Lane.MASS)
    waiting = {lane.lane: str(lane.waiting) for lane in as_alice.get(PATH).context["lanes"]}
    assert waiting == {"mass": "2", "transactional": "1"}
    assert "<html" not in as_alice.get(PATH, headers=HTMX).content.decode()


def test_the_list_offers_it(company: Domain, as_alice: Client) -> None:
    page = as_alice.get("/settings/mail/servers/").content.decode()
    assert "Pause sending" in page
    pauses.pause([Lane.MASS], paused=True)
    page = as_alice.get("/settings/mail/servers/").content.decode()
    assert "Go on with mass mail" in page
    assert "Go on with everything" not in page
