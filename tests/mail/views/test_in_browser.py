"""The mail screens in Chromium: quick with script, complete without."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from daeris.models import User
from mail import audit
from mail.models import Domain, Mail, Server
from tests.mail.views.conftest import MakeMail
from tests.smtp_double import SmtpDouble
from tests.ui.looking import violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
MAILS, SERVERS = "/settings/mail/mails/", "/settings/mail/servers/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's own loop runs in this thread; the database is used beside it, never inside it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        # A busy machine is not a slow page.
        expect.set_options(timeout=30_000)
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


class Held:
    """Requests that get their answers only when the test says so."""

    def __init__(self, page: Page, address: str) -> None:
        self._waiting: list[Route] = []
        self._is_open = False
        page.route(address, self._take)

    def _take(self, route: Route) -> None:
        if self._is_open:
            route.continue_()
        else:
            self._waiting.append(route)

    def release(self) -> None:
        self._is_open = True
        for route in self._waiting:
            route.continue_()


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

    expect(page.locator(f"#mail-{mail.pk}").get_by_text("Sent")).to_be_visible()


def test_everything_works_without_script(make_mail: MakeMail, bob: User, open_page: OpenPage) -> None:
    mail = make_mail(bob, state="failed")
    page = open_page(bob, MAILS, script=False)
    page.get_by_role("button", name="Retry…").click()
    page.locator(f"#mail-menu-{mail.pk}").get_by_role("button", name="Send now").click()
    expect(page.get_by_text("The e-mail is in the queue and goes out now.")).to_be_visible()
    assert state_of(mail) == "queued"

    page.goto(f"{MAILS}{mail.pk}/")
    page.get_by_role("button", name="Cancel sending").click()
    expect(page.get_by_text("The e-mail was cancelled.")).to_be_visible()
    assert state_of(mail) == "cancelled"


def test_the_body_is_shown_in_its_frame(make_mail: MakeMail, bob: User, open_page: OpenPage) -> None:
    page = open_page(bob, f"{MAILS}{make_mail(bob).pk}/")
    expect(page.frame_locator(".mail-frame").get_by_text("Hola, Julia")).to_be_visible()


class TestTheKeys:
    """Walking the list while it draws itself anew."""

    @pytest.fixture
    def mails(self, make_mail: MakeMail, bob: User) -> list[Mail]:
        """The newest first, as the list has them."""
        return [make_mail(bob, state="sent") for _ in range(4)][::-1]

    def stands_at(self, page: Page, mail: Mail) -> None:
        expect(page.locator("tr.is-at")).to_have_count(1)
        expect(page.locator("tr.is-at")).to_have_id(f"mail-{mail.pk}")

    def draw_anew(self, page: Page) -> None:
        """As the list does by itself every few seconds, after something has changed."""
        page.evaluate(
            """() => new Promise((settled) => {
                document.body.addEventListener("htmx:afterSettle", () => settled(0), { once: true });
                document.body.dispatchEvent(new CustomEvent("ui:tick"));
            })"""
        )

    def test_keys_that_are_quicker_than_their_script(self, mails: list[Mail], bob: User, open_page: OpenPage) -> None:
        page = open_page(bob, MAILS)
        script = Held(page, "**/keyboard*.js")
        for key in "jjk":
            page.keyboard.press(key)
        script.release()
        self.stands_at(page, mails[0])
        expect(page.locator(":focus")).to_have_text(mails[0].content.subject)

    def test_letters_after_the_key_that_leads_to_a_field_are_no_shortcuts(
        self, mails: list[Mail], bob: User, open_page: OpenPage
    ) -> None:
        page = open_page(bob, MAILS)
        script = Held(page, "**/keyboard*.js")
        for key in ("/", "j", "j", "Control+k"):
            page.keyboard.press(key)
        script.release()
        expect(page.get_by_role("dialog", name="Search or go to")).to_be_visible()
        expect(page.locator("tr.is-at")).to_have_count(0)

    def test_the_row_stays_the_same_when_others_come_above_it(
        self, mails: list[Mail], make_mail: MakeMail, bob: User, open_page: OpenPage
    ) -> None:
        page = open_page(bob, MAILS)
        page.keyboard.press("j")
        self.stands_at(page, mails[0])

        new = make_mail(bob, state="sent")
        self.draw_anew(page)

        expect(page.locator("tbody tr").first).to_have_id(f"mail-{new.pk}")
        self.stands_at(page, mails[0])
        expect(page.locator(f"#mail-{mails[0].pk} .row-link")).to_be_focused()
        page.keyboard.press("k")
        self.stands_at(page, new)

    def test_a_step_while_the_list_settles(
        self, mails: list[Mail], make_mail: MakeMail, bob: User, open_page: OpenPage
    ) -> None:
        page = open_page(bob, MAILS)
        page.keyboard.press("j")
        self.stands_at(page, mails[0])

        make_mail(bob, state="sent")
        page.evaluate(
            """() => {
                htmx.config.defaultSettleDelay = 200;
                const key = new KeyboardEvent("keydown", { key: "j", bubbles: true });
                const press = () => document.body.dispatchEvent(key);
                document.body.addEventListener("htmx:afterSwap", press, { once: true });
            }"""
        )
        self.draw_anew(page)

        self.stands_at(page, mails[1])

    def test_in_the_place_of_a_row_that_has_gone_stands_the_next(
        self, mails: list[Mail], bob: User, open_page: OpenPage
    ) -> None:
        page = open_page(bob, f"{MAILS}?state=sent")
        for mail in mails[:2]:
            page.keyboard.press("j")
            self.stands_at(page, mail)

        Mail.objects.filter(pk=mails[1].pk).update(state="failed", cause="timeout")
        self.draw_anew(page)

        expect(page.locator("tr.is-at")).to_have_count(0)
        page.keyboard.press("j")
        self.stands_at(page, mails[2])


class TestAListThatWasAskedForEarlier:
    """The answer is on its way when somebody begins to do something in the list."""

    @pytest.fixture
    def on_its_way(self, make_mail: MakeMail, bob: User, open_page: OpenPage) -> tuple[Page, Locator, Held]:
        mail = make_mail(bob, state="failed")
        page = open_page(bob, MAILS)
        answer = Held(page, "**/mails/")
        make_mail(bob, state="failed")
        with page.expect_request("**/mails/"):
            page.evaluate("document.body.dispatchEvent(new CustomEvent('ui:tick'))")
        return page, page.locator(f"#mail-{mail.pk}"), answer

    def arrive(self, page: Page, answer: Held) -> None:
        """Let it through; returns once the page has dealt with it."""
        page.evaluate(
            """() => {
                window.dealt = new Promise((done) => document.body.addEventListener("htmx:afterRequest", (event) => {
                    if (event.detail.requestConfig.elt.id === "mails") done(0);
                }));
            }"""
        )
        answer.release()
        page.evaluate("window.dealt")

    def test_a_chosen_row_stays_chosen(self, on_its_way: tuple[Page, Locator, Held]) -> None:
        page, row, answer = on_its_way
        row.get_by_role("checkbox").check()
        self.arrive(page, answer)
        expect(row.get_by_role("checkbox")).to_be_checked()
        expect(page.locator("tbody tr")).to_have_count(1)
        # What was left out comes when the hands are off the list.
        row.get_by_role("checkbox").uncheck()
        page.evaluate("document.body.dispatchEvent(new CustomEvent('ui:tick'))")
        expect(page.locator("tbody tr")).to_have_count(2)

    def test_an_open_menu_stays_open(self, on_its_way: tuple[Page, Locator, Held]) -> None:
        page, row, answer = on_its_way
        row.get_by_role("button", name="Retry…").click()
        self.arrive(page, answer)
        expect(row.locator("[popover]")).to_be_visible()

    def test_a_button_is_not_taken_from_under_the_finger(self, on_its_way: tuple[Page, Locator, Held]) -> None:
        page, row, answer = on_its_way
        row.get_by_role("button", name="Retry…").hover()
        page.mouse.down()
        self.arrive(page, answer)
        page.mouse.up()
        expect(row.locator("[popover]")).to_be_visible()


class TestTheServers:
    @pytest.fixture
    def three(self, company: Domain) -> list[Server]:
        named = (("Primero", 10), ("Segundo", 20), ("Tercero", 30))
        return [Server.objects.create(name=name, host="h.example", priority=priority) for name, priority in named]

    def order(self, page: Page) -> Any:
        return expect(page.locator("tbody .row-link"))

    def stored(self) -> list[tuple[str, int]]:
        return list(Server.objects.values_list("name", "priority"))

    def test_by_keyboard_and_the_focus_stays(self, three: list[Server], alice: User, open_page: OpenPage) -> None:
        page = open_page(alice, SERVERS)
        grip = page.get_by_role("button", name="Move Primero, place 1 of 3")
        grip.focus()
        with page.expect_response("**/move/"):
            page.keyboard.press("ArrowDown")
            self.order(page).to_have_text(["Segundo", "Primero", "Tercero"])
            expect(page.get_by_role("status")).to_contain_text("“Primero” is in place 2 of 3.")
        # Drawn anew by the server, and still under the finger.
        expect(page.get_by_role("button", name="Move Primero, place 2 of 3")).to_be_focused()
        expect(page.locator("tbody tr").nth(1)).to_contain_text("priority 25")
        assert self.stored() == [("Segundo", 20), ("Primero", 25), ("Tercero", 30)]

    def test_by_dragging(self, three: list[Server], alice: User, open_page: OpenPage) -> None:
        page = open_page(alice, SERVERS)
        grips = page.locator(".grip")
        below, above = grips.nth(2).bounding_box(), grips.nth(0).bounding_box()
        assert below
        assert above
        page.mouse.move(below["x"] + 5, below["y"] + 5)
        page.mouse.down()
        page.mouse.move(above["x"] + 5, above["y"] + 5, steps=6)
        self.order(page).to_have_text(["Tercero", "Primero", "Segundo"])
        # Thought better of it.
        page.keyboard.press("Escape")
        self.order(page).to_have_text(["Primero", "Segundo", "Tercero"])
        page.mouse.up()
        page.mouse.move(below["x"] + 5, below["y"] + 5)
        page.mouse.down()
        page.mouse.move(above["x"] + 5, above["y"] + 5, steps=6)
        with page.expect_response("**/move/"):
            page.mouse.up()
        expect(page.locator("tbody tr").first).to_contain_text("priority 5")
        assert self.stored() == [("Tercero", 5), ("Primero", 10), ("Segundo", 20)]

    def test_an_order_that_was_not_saved_is_taken_back(
        self, three: list[Server], alice: User, open_page: OpenPage
    ) -> None:
        page = open_page(alice, SERVERS)
        Server.objects.filter(pk=three[0].pk).update(active=False)
        # Any answer but yes; Chromium's console keeps silent about this one.
        page.route("**/move/", lambda route: route.fulfill(status=300))
        page.get_by_role("button", name="Move Tercero, place 3 of 3").focus()
        page.keyboard.press("ArrowUp")
        expect(page.locator(".toast--danger")).to_be_visible()
        self.order(page).to_have_text(["Segundo", "Tercero"])

    def test_everything_without_script(self, three: list[Server], alice: User, open_page: OpenPage) -> None:
        page = open_page(alice, SERVERS, script=False)
        expect(page.locator(".grip").first).to_be_hidden()
        page.get_by_role("button", name="Actions for Tercero").click()
        page.get_by_role("button", name="Move up").locator("visible=true").click()
        self.order(page).to_have_text(["Primero", "Tercero", "Segundo"])
        page.get_by_role("button", name="Actions for Primero").click()
        page.get_by_role("button", name="Pause", exact=True).locator("visible=true").click()
        expect(page.locator("tbody tr").first).to_contain_text("Paused")
        page.get_by_role("switch", name="Primero is active").click()
        self.order(page).to_have_text(["Tercero", "Segundo"])
        page.get_by_role("button", name="Pause sending").click()
        page.get_by_role("button", name="Everything").locator("visible=true").click()
        expect(page.get_by_role("complementary", name="Notice")).to_contain_text("All sending is paused")

    def test_whoever_is_counted_on_is_asked_about(
        self, three: list[Server], make_mail: MakeMail, alice: User, open_page: OpenPage
    ) -> None:
        make_mail(alice, state="queued", server=three[0], asked_server=three[0])
        page = open_page(alice, SERVERS)
        page.get_by_role("switch", name="Primero is active").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("asks for this very server: it will fail")
        dialog.get_by_role("button", name="Archive").click()
        self.order(page).to_have_text(["Segundo", "Tercero"])

    def test_its_story_is_fetched_when_it_is_opened(
        self, three: list[Server], alice: User, open_page: OpenPage
    ) -> None:
        with audit.recording(alice):
            Server.objects.filter(pk=three[0].pk).update(port=2525)
        page = open_page(alice, f"{SERVERS}{three[0].pk}/")
        story = page.locator(".story")
        story.get_by_role("heading", name="Changes").click()
        expect(story).to_contain_text("Alice")
        expect(story).to_contain_text("2525")


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
        assert violations(page) == [], path
