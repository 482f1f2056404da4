"""What people do on the screens, in their words: the tests read like what somebody would tell."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect

from tests.browser.visiting import go
from tests.lab.waiting import eventually

ATTACH = re.compile("^Adjuntar archivos")


class Conversation:
    """The column beside a record."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.column = page.get_by_role("complementary", name="Conversación")
        self.composer = self.column.locator("form.composer")
        # The menu of the followers asks for itself when it is opened for the first time.
        self._has_looked = False

    def write(self, text: str) -> None:
        """Put words in the box; with script the editor comes when it gets the focus."""
        box = self.composer.get_by_role("textbox", name="Mensaje", exact=True)
        box.click()
        expect(self.composer.locator("[contenteditable]")).to_be_focused()
        self.page.keyboard.insert_text(text)

    def turn_to(self, kind: str) -> None:
        """Message or note; the box is ready to be written in."""
        self.column.get_by_role("radiogroup").get_by_text(kind, exact=True).click()
        expect(self.composer.locator("[contenteditable]")).to_be_focused()

    def press(self, name: str) -> None:
        """A button of the composer."""
        self.composer.get_by_role("button", name=name, exact=True).click()

    def attach(self, *files: Path) -> None:
        """Choose files and wait until they have been taken."""
        self.composer.get_by_label(ATTACH).set_input_files(files)
        for file in files:
            expect(self.composer.get_by_role("button", name=f"Quitar el archivo {file.name}")).to_be_visible()

    def post(self, text: str) -> Locator:
        """Write, send, and the message in the thread."""
        self.write(text)
        self.press("Enviar")
        return self.message(text)

    def message(self, text: str) -> Locator:
        message = self.column.get_by_role("article").filter(has_text=text)
        expect(message).to_be_visible()
        return message

    def recipients(self) -> Locator:
        """The line that says who will get it."""
        return self.composer.locator(".recipients__line:visible")

    def followers(self) -> Locator:
        """The menu of the followers, open."""
        menu = self.column.locator("[id^=followers-][popover]")
        with self.page.expect_response("**/followers/") if not self._has_looked else nullcontext():
            self.column.locator(".chatter__tools").get_by_role("button", name="seguidor").click()
        self._has_looked = True
        expect(menu.get_by_role("heading", name="Seguidores")).to_be_visible()
        return menu

    def add_follower(self, name: str) -> None:
        menu = self.followers()
        choose(menu.get_by_role("combobox"), name)
        expect(menu.get_by_role("button", name=f"Quitar a {name} de los seguidores")).to_be_visible()
        self.page.keyboard.press("Escape")


class Mailbox:
    """The demo mailbox: what arrived, at whom."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def paths(self, *words: str) -> list[str]:
        """Where to read the mails that all of these words are in: address, sender or subject. The newest first."""
        answer = self.page.request.get(f"/demo/mailbox/?{urlencode({'q': ' '.join(words)})}")
        assert answer.ok
        return re.findall(r'class="row-link[^"]*" href="(/demo/mailbox/\d+/)"', answer.text())

    def wait_for(self, *words: str, count: int = 1, within: float = 15) -> str:
        """The newest of them, once there are so many."""
        eventually(lambda: len(self.paths(*words)) >= count, deadline=within, says=f"{count} mails of {words}")
        found = self.paths(*words)
        assert len(found) == count
        return found[0]

    def wait_until_quiet(self, words: str) -> None:
        """Nothing with these words is about to arrive."""
        moving = f"/settings/mail/mails/?{urlencode({'state': 'queued', 'q': words})}"
        eventually(lambda: "row-link" not in self.page.request.get(moving).text(), says=words)

    def read(self, path: str) -> dict[str, str]:
        """Open a mail; its headers by name, as its recipient sees them."""
        go(self.page, path)
        facts = self.page.get_by_role("group", name="Tal como llegó").locator(".field--fact")
        names, values = facts.locator(".field__label"), facts.locator(".field__value")
        return dict(zip(names.all_inner_texts(), values.all_inner_texts(), strict=True))

    @property
    def body(self) -> Locator:
        return self.page.frame_locator("iframe.mail-frame").locator("body")


def log_in_by_hand(page: Page, user: str, password: str) -> None:
    """As everybody does it."""
    go(page, "/")
    page.get_by_label("Nombre de usuario").fill(user)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Iniciar sesión").click()


def choose(box: Locator, words: str) -> None:
    """Look for somebody in a box that offers people, and take the first."""
    # A plain list until somebody comes near.
    box.hover()
    expect(box).to_have_attribute("aria-autocomplete", "list")
    box.fill(words)
    # The list is a sibling of its box.
    box.locator("xpath=..").get_by_role("option", name=words).first.click()


def new_opportunity(page: Page, name: str, customer: str, followers: Sequence[str] = ()) -> Conversation:
    """Make one by its form, and let people follow it."""
    go(page, "/crm/opportunities/new/")
    page.get_by_label("Oportunidad", exact=True).fill(name)
    choose(page.get_by_role("combobox", name="Cliente"), customer)
    page.get_by_role("button", name="Crear", exact=True).click()
    page.wait_for_url(re.compile(r"/crm/opportunities/\d+/"))
    conversation = Conversation(page)
    for follower in followers:
        conversation.add_follower(follower)
    return conversation


def row_of(page: Page, words: str) -> Locator:
    """The row of the list of e-mails with these words."""
    return page.get_by_role("row").filter(has_text=words)
