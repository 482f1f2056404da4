"""The mail screens in Chromium: quick with script, complete without."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from daeris.models import User
from mail.models import Mail, Server
from tests.mail.views.conftest import MakeMail
from tests.smtp_double import SmtpDouble

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
MAILS, SERVERS = "/settings/mail/mails/", "/settings/mail/servers/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's own loop runs in this thread; the database is used beside it, never inside it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield chromium
            chromium.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, live_server: Any, client: Any) -> Iterator[OpenPage]:
    """A page for a logged-in user; what its console says fails the test."""
    said: list[str] = []
    contexts = []

    def start(user: User, path: str, *, script: bool = True, width: int = 1440) -> Page:
        client.force_login(user)
        context = browser.new_context(
            base_url=live_server.url,
            locale="en-GB",
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path)
        return page

    yield start
    for context in contexts:
        context.close()
    assert said == []


def state_of(mail: Mail) -> str:
    return Mail.objects.values_list("state", flat=True).get(pk=mail.pk)


def test_a_red_row_is_sent_again_from_its_menu(make_mail: MakeMail, bob: User, open_page: OpenPage) -> None:
    mail = make_mail(bob, state="failed")
    page = open_page(bob, MAILS)
    row = page.locator(f"#mail-{mail.pk}")

    row.get_by_role("button", name="Retry…").click()
    choices = row.locator(".menu__item:visible")
    expect(choices).to_have_text([re.compile("Send now"), re.compile("Cancel sending")])
    choices.first.click()

    expect(row.get_by_text("Queued")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="goes out now")).to_be_visible()
    # The list around it counts anew by itself.
    expect(page.get_by_role("link", name=re.compile("Failed"))).to_contain_text("0")
    assert state_of(mail) == "queued"


def test_several_are_cancelled_at_once(make_mail: MakeMail, bob: User, open_page: OpenPage) -> None:
    mails = [make_mail(bob, state="failed") for _ in range(3)]
    page = open_page(bob, MAILS)

    for mail in mails[:2]:
        page.locator(f"#mail-{mail.pk} input[type=checkbox]").check()
    page.locator(".bulk").get_by_role("button", name="Cancel sending").click()

    expect(page.locator(".row--cancelled")).to_have_count(2)
    assert [state_of(mail) for mail in mails] == ["cancelled", "cancelled", "failed"]


def test_the_list_follows_the_mail(make_mail: MakeMail, bob: User, open_page: OpenPage) -> None:
    mail = make_mail(bob, state="queued")
    page = open_page(bob, MAILS)
    expect(page.locator(f"#mail-{mail.pk}").get_by_text("Queued")).to_be_visible()

    Mail.objects.filter(pk=mail.pk).update(state="sent")

    expect(page.locator(f"#mail-{mail.pk}").get_by_text("Sent")).to_be_visible(timeout=15_000)


def test_everything_works_without_script(make_mail: MakeMail, bob: User, open_page: OpenPage) -> None:
    mail = make_mail(bob, state="failed")
    page = open_page(bob, MAILS, script=False)
    page.get_by_role("button", name="Retry…").click()
    page.locator(f"#mail-menu-{mail.pk}").get_by_role("button", name="Send now").click()
    assert state_of(mail) == "queued"

    page.goto(f"{MAILS}{mail.pk}/")
    page.get_by_role("button", name="Cancel sending").click()
    assert state_of(mail) == "cancelled"
    expect(page.get_by_text("The e-mail was cancelled.")).to_be_visible()


def test_the_body_is_shown_in_its_frame(make_mail: MakeMail, bob: User, open_page: OpenPage) -> None:
    page = open_page(bob, f"{MAILS}{make_mail(bob).pk}/")
    expect(page.frame_locator(".mail-frame").get_by_text("Hola, Julia")).to_be_visible()


class TestTheServerForm:
    def test_the_port_follows_until_it_is_typed(self, alice: User, open_page: OpenPage) -> None:
        page = open_page(alice, f"{SERVERS}new/")
        security, port = page.get_by_label("Connection security"), page.get_by_label("SMTP port")

        security.select_option("starttls")
        expect(port).to_have_value("587")
        security.select_option("tls")
        expect(port).to_have_value("465")
        port.fill("2525")
        security.select_option("none")
        expect(port).to_have_value("2525")

    def test_only_what_matters_is_shown(self, alice: User, open_page: OpenPage) -> None:
        page = open_page(alice, f"{SERVERS}new/")
        page.locator("summary", has_text="Advanced").click()
        expect(page.get_by_label("Password", exact=True)).to_be_hidden()
        expect(page.get_by_label("Verify certificate")).to_be_hidden()
        page.get_by_label("Authenticate with").select_option("password")
        page.get_by_label("Connection security").select_option("tls")
        expect(page.get_by_label("Password", exact=True)).to_be_visible()
        expect(page.get_by_label("Verify certificate")).to_be_visible()

    @pytest.mark.parametrize("script", [True, False])
    def test_tests_what_is_on_the_screen(
        self, alice: User, open_page: OpenPage, smtp_double: SmtpDouble, script: bool
    ) -> None:
        page = open_page(alice, f"{SERVERS}new/", script=script)
        page.get_by_label("SMTP server").fill(smtp_double.host)
        page.get_by_label("SMTP port").fill(str(smtp_double.port))
        page.get_by_role("button", name="Test connection").click()
        outcome = page.locator("#server-test .alert--success")
        expect(outcome).to_contain_text("Connection to outgoing mail server successful")
        expect(page.get_by_label("SMTP port")).to_have_value(str(smtp_double.port))
        assert not Server.objects.custom().exists()


@pytest.mark.parametrize("width", [320, 1440])
def test_nothing_for_axe_to_say(
    make_mail: MakeMail, alice: User, blocked: Server, open_page: OpenPage, width: int
) -> None:
    mail = make_mail(alice, state="failed")
    make_mail(alice, state="queued", server=blocked)
    make_mail(None)
    paths = [
        MAILS,
        f"{MAILS}{mail.pk}/",
        SERVERS,
        f"{SERVERS}{blocked.pk}/",
        "/settings/general/",
        "/settings/mail/aliases/",
    ]
    page = open_page(alice, MAILS, width=width)
    for path in paths:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], path
