"""What a first visit costs: bytes over the wire and requests."""

import gzip

import brotli
import pytest
from playwright.sync_api import Page

from tests.browser.visiting import Visitors, go
from tests.lab.stack import PROJECT

pytestmark = pytest.mark.browser
MOST_BYTES, MOST_REQUESTS = 90_000, 12
MOST_SCRIPT_BYTES = 25_000


class Meter:
    """Counts what the network carries for a page with an empty cache."""

    def __init__(self, page: Page) -> None:
        self.requests: dict[str, str] = {}
        self.bytes: dict[str, float] = {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._loaded)

    def _asked(self, event: dict) -> None:
        if not event["request"]["url"].startswith("data:"):
            self.requests[event["requestId"]] = event["request"]["url"]

    def _loaded(self, event: dict) -> None:
        if event["requestId"] in self.requests:
            self.bytes[self.requests[event["requestId"]]] = event["encodedDataLength"]


@pytest.mark.parametrize(
    "path",
    ["/settings/mail/mails/", "/settings/mail/servers/", "/settings/mail/servers/new/", "/crm/opportunities/28/"],
)
def test_a_first_load_is_small(visitors: Visitors, path: str) -> None:
    page = visitors.open("marta")
    # What a page asks for every few seconds is not of its first load.
    page.add_init_script("window.setInterval = () => 0")
    meter = Meter(page)
    go(page, path)
    page.wait_for_load_state("networkidle")
    story = "\n".join(f"{size:8.0f} {url}" for url, size in sorted(meter.bytes.items(), key=lambda one: -one[1]))
    assert meter.bytes, "something was measured"
    assert sum(meter.bytes.values()) <= MOST_BYTES, story
    assert len(meter.requests) <= MOST_REQUESTS, story


def test_our_own_script_is_small() -> None:
    # As it travels: every module by itself, the way the server keeps it.
    sources = [path.read_bytes() for path in (PROJECT / "static" / "js").glob("*.js")]
    assert sources
    assert sum(len(brotli.compress(source)) for source in sources) < MOST_SCRIPT_BYTES
    assert sum(len(gzip.compress(source)) for source in sources) < MOST_SCRIPT_BYTES
