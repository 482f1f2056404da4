"""Pausing in the interface: everything, what people wait for, or mass mail."""

import re

import pytest
from django.core.cache import cache
from django.test import Client, TestCase

from mail import pauses
from mail.models import Change, Domain, Lane, Options, Server
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


class TestTheBanner:
    """On every page; the list of contacts stands for those that have nothing to do with mail."""

    @pytest.fixture
    def server(self, company: Domain) -> Server:
        Options.load()
        Options.objects.update(custom_servers=True)
        return Server.objects.create(name="Gmail ventas", host="smtp.gmail.example")

    def said(self, client: Client) -> str:
        cache.clear()
        return self.banner(client)

    def banner(self, client: Client) -> str:
        found = re.search(r'<aside class="notice".*?</aside>', client.get("/contacts/").content.decode(), re.DOTALL)
        return found[0] if found else ""

    def pause(self, client: Client, server: Server, paused: str = "1") -> None:
        client.post(f"/settings/mail/servers/{server.pk}/pause/", {"paused": paused})

    def test_says_that_a_server_is_paused(self, server: Server, as_alice: Client, as_bob: Client) -> None:
        assert self.said(as_alice) == ""
        self.pause(as_alice, server)
        assert "The server “Gmail ventas” is paused: its e-mail waits" in self.said(as_alice)
        assert f'href="/settings/mail/servers/{server.pk}/"' in self.said(as_alice)
        assert "The server “Gmail ventas” is paused" in self.said(as_bob)
        assert "/settings/mail/servers/" not in self.said(as_bob)

    def test_says_so_at_once(self, server: Server, as_alice: Client) -> None:
        cache.clear()
        assert self.banner(as_alice) == ""
        with TestCase.captureOnCommitCallbacks(execute=True):
            self.pause(as_alice, server)
        assert "is paused" in self.banner(as_alice)
        with TestCase.captureOnCommitCallbacks(execute=True):
            self.pause(as_alice, server, "0")
        assert self.banner(as_alice) == ""

    def test_no_longer_once_the_server_is_gone(self, server: Server, as_alice: Client) -> None:
        self.pause(as_alice, server)
        assert "is paused" in self.said(as_alice)
        with TestCase.captureOnCommitCallbacks(execute=True):
            as_alice.post(f"/settings/mail/servers/{server.pk}/delete/")
        assert self.banner(as_alice) == ""

    def test_counts_several(self, server: Server, as_alice: Client) -> None:
        for one in (server, Server.objects.create(name="Respaldo", host="h.example")):
            self.pause(as_alice, one)
        assert "2 servers are paused: their e-mail waits" in self.said(as_alice)

    def test_a_server_that_does_not_count_holds_nothing(self, server: Server, as_alice: Client) -> None:
        self.pause(as_alice, server)
        Server.objects.update(active=False)
        assert self.said(as_alice) == ""
        Server.objects.update(active=True)
        Options.objects.update(custom_servers=False)
        assert self.said(as_alice) == ""

    def test_what_holds_more_goes_first(self, server: Server, as_alice: Client) -> None:
        self.pause(as_alice, server)
        pauses.pause([Lane.MASS], paused=True)
        assert "Mass mailing is paused" in self.said(as_alice)
        assert "Gmail ventas" not in self.said(as_alice)
