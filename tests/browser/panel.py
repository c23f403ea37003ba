"""The panel's page object: names and places of its elements. web/README.md lists the names."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import quote

from deployed import Site, Token
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, WebSocket, expect

# Time limit for live changes, including the stack's cold starts and a busy machine. Not a promise.
PATIENCE_MS = 30_000

# Promised time from a webhook to the page.
LIVE_WITHIN_MS = 2_000

# Messages of the browser about network failures, which some of these tests cause.
NETWORK = re.compile(r"Failed to load resource|WebSocket connection to|net::ERR_")

# Reports violations of the page's policy as console messages, which the tests check.
TELL_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`));
"""

State = Literal["live", "idle", "attention"]


@dataclass
class Panel:
    """A tab with the panel in it."""

    site: Site
    page: Page
    faults: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    sockets: list[WebSocket] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Records errors and connections of the page."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self.record)
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("request", lambda request: self.addresses.append(request.url))
        self.page.on("websocket", self.connected)

    def record(self, message: ConsoleMessage) -> None:
        """Keeps errors and warnings, except those of a failing network."""
        if message.type in ("error", "warning") and not NETWORK.search(message.text):
            self.faults.append(f"{message.type}: {message.text}")

    def connected(self, socket: WebSocket) -> None:
        """Keeps the sockets it opens."""
        self.sockets.append(socket)
        self.addresses.append(socket.url)

    # Navigation.

    def go(self, path: str = "", query: str = "") -> Self:
        """Opens a page of the panel, as a typed address does."""
        self.page.goto(f"{self.site.url}{query}#/{path}")
        return self

    def sign_in(self, token: Token) -> Self:
        """Signs in with the form."""
        self.page.get_by_label("Operator token").fill(token.text)
        self.page.get_by_role("button", name="Sign in").click()
        return self

    def at_store(self, token: Token, store: str) -> Self:
        """Opens a store's page, signed in and live."""
        self.go(store_path(store)).sign_in(token)
        self.until_live()
        expect(self.figure("events-24h")).to_be_visible()
        return self

    def at_list(self, token: Token) -> Self:
        """Opens the list, signed in and live."""
        self.go().sign_in(token)
        self.until_live()
        return self

    # Content.

    @property
    def link(self) -> Locator:
        """The connection indicator."""
        return self.page.get_by_test_id("link-state")

    def until_live(self) -> None:
        """Waits for the live connection."""
        expect(self.link).to_have_text("Live", timeout=PATIENCE_MS)

    def row(self, store: str) -> Locator:
        """A store in the list."""
        return self.page.locator(f'tr[data-store="{store}"]')

    def delivery(self, delivery_id: str, outcome: str | None = None) -> Locator:
        """A delivery in the feed, with an outcome."""
        with_outcome = f'[data-outcome="{outcome}"]' if outcome else ""
        return self.page.locator(f'li[data-delivery="{delivery_id}"]{with_outcome}').first

    def figure(self, name: str) -> Locator:
        """The value of a figure."""
        return self.page.locator(f'[data-figure="{name}"] .value')

    def notices(self, kind: str | None = None) -> Locator:
        """Notices that a person should see."""
        return self.page.locator(f'[data-notice][data-kind="{kind}"]' if kind else "[data-notice]")

    def reading(self) -> Locator:
        """Health of the store, in a word and a sentence."""
        return self.page.get_by_test_id("reading")

    def button(self, name: str) -> Locator:
        """A button by its text."""
        return self.page.get_by_role("button", name=name, exact=True)

    def do(self, name: str) -> None:
        """Presses a button and confirms."""
        self.button(name).click()
        self.page.get_by_test_id("confirm").click()

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Evaluates a script on the page."""
        return self.page.evaluate(script, argument)


def store_path(store: str) -> str:
    """Path of a store on the page."""
    return f"stores/{quote(store, safe='')}"


def tab(site: Site, context: BrowserContext) -> Panel:
    """Another tab of a browser."""
    return Panel(site, context.new_page())
