"""Access to stores, and the page after access changes."""

import re
from collections.abc import Callable

import pytest
from deployed import Site, Token
from hookline_local.client import Client
from panel import Panel, store_path
from playwright.sync_api import BrowserContext, Route, expect

ACTIONS = ("Redrive", "Resync", "Reconcile")
APP_BRIDGE = "https://cdn.shopify.com/shopifycloud/app-bridge.js"

# A changed role hides what it no longer allows within a minute.
CHANGED_WITHIN_MS = 60_000


def test_an_admin_has_buttons_and_a_viewer_has_none(
    site: Site, profile: Callable[..., BrowserContext], admin: Token, store: str
) -> None:
    """The server refuses actions that a viewer's page does not offer."""
    viewer = site.token("viewer", store)
    powerful = Panel(site, profile().new_page()).at_store(admin, store)
    expect(powerful.page.get_by_test_id("role")).to_have_text("Admin")
    for name in ACTIONS:
        expect(powerful.button(name)).to_be_visible()
    harmless = Panel(site, profile().new_page()).at_store(viewer, store)
    expect(harmless.page.get_by_test_id("role")).to_have_text("Viewer")
    for name in ACTIONS:
        expect(harmless.button(name)).to_have_count(0)
    harmless.page.locator("li[data-delivery]").first.get_by_role("link").click()
    expect(harmless.page.get_by_test_id("meaning")).to_be_visible()
    expect(harmless.button("Replay")).to_have_count(0)
    assert status_of(site, viewer, "POST", f"/api/stores/{store}/redrive") == 403
    assert harmless.faults == powerful.faults == []


def test_a_changed_role_shows_at_once(site: Site, panel: Panel, store: str) -> None:
    """The buttons disappear on the open page; the server refuses from the next request on."""
    token = site.token("admin", store)
    panel.at_store(token, store)
    expect(panel.button("Resync")).to_be_visible()
    site.hookline.do("token", "change", token.id, "--role", "viewer")
    assert status_of(site, token, "POST", f"/api/stores/{store}/redrive") == 403
    for name in ACTIONS:
        expect(panel.button(name)).to_have_count(0, timeout=CHANGED_WITHIN_MS)
    expect(panel.page.get_by_test_id("role")).to_have_text("Viewer")
    site.hookline.do("token", "change", token.id, "--role", "admin")
    expect(panel.button("Resync")).to_be_visible(timeout=CHANGED_WITHIN_MS)


def test_a_revoked_token_closes_the_page(site: Site, panel: Panel, store: str) -> None:
    """The page says why and shows nothing of the store any longer."""
    token = site.token("viewer", store)
    panel.at_store(token, store)
    site.hookline.do("token", "revoke", token.id)
    assert status_of(site, token, "GET", "/api/me") in (401, 403)
    expect(panel.page.get_by_test_id("sign-in-reason")).to_contain_text("revoked", timeout=CHANGED_WITHIN_MS)
    assert store not in panel.page.locator("body").inner_text()
    panel.page.reload()
    expect(panel.button("Sign in")).to_be_visible()


def test_a_store_removed_from_a_token_leaves_the_page(site: Site, panel: Panel, store: str) -> None:
    """The open store becomes inaccessible, and the page shows nothing of it any longer."""
    other = f"kept-{store}"
    site.make_known(other)
    token = site.token("viewer", store, other)
    panel.at_store(token, store)
    site.hookline.do("token", "change", token.id, "--store", other)
    expect(panel.page.get_by_test_id("not-found")).to_be_visible(timeout=CHANGED_WITHIN_MS)
    expect(panel.page.locator("li[data-delivery]")).to_have_count(0)
    expect(panel.figure("events-24h")).to_have_count(0)


def test_another_stores_name_in_the_address_shows_nothing(site: Site, panel: Panel, store: str) -> None:
    """The page does not reveal whether the store exists: an unknown store gets the same message."""
    other, nobodys = f"hidden-{store}", f"nobodys-{store}"
    site.make_known(other)
    panel.at_store(site.token("viewer", store), store)
    messages = []
    for name in (other, nobodys):
        panel.go(store_path(name))
        expect(panel.page.get_by_role("heading", level=1)).to_have_text(name)
        message = panel.page.get_by_test_id("not-found")
        expect(message).to_be_visible()
        messages.append(message.inner_text())
        expect(panel.page.locator("li[data-delivery]")).to_have_count(0)
        expect(panel.figure("events-24h")).to_have_count(0)
    assert messages[0] == messages[1]
    # Its next event does not reach the socket of a page with its name in the address either.
    panel.go(store_path(other))
    expect(panel.page.get_by_test_id("not-found")).to_be_visible()
    frames: list[str] = []
    for socket in panel.sockets:
        socket.on("framereceived", lambda frame: frames.append(str(frame)))
    site.edit(other, price="59.00")
    own = site.edit(store, price="59.00")
    panel.go(store_path(store))
    expect(panel.delivery(own, "applied")).to_be_visible()
    assert not [frame for frame in frames if other in frame and "refused" not in frame]


def test_a_wrong_token_is_refused_with_a_message(panel: Panel) -> None:
    """A text that does not look like a token is not even sent."""
    panel.go()
    panel.page.get_by_label("Operator token").fill("password")
    panel.button("Sign in").click()
    expect(panel.page.get_by_test_id("sign-in-reason")).to_contain_text("not a token")
    assert not [url for url in panel.addresses if "/api/" in url]
    panel.sign_in(Token("", "hl_aaaaaaaaaaaaaaaa_" + "a" * 43))
    expect(panel.page.get_by_test_id("sign-in-reason")).to_contain_text("not accepted")


def test_no_token_is_in_an_address_or_outlives_the_browser(site: Site, panel: Panel, store: str) -> None:
    """The socket's address has a ticket, which is spent by then; nothing is in local storage or in a cookie."""
    token = site.token("viewer", store)
    panel.at_store(token, store)
    _, secret = token.text.rsplit("_", 1)
    assert panel.sockets
    assert not [url for url in panel.addresses if secret in url]
    assert panel.evaluate("() => [JSON.stringify({...localStorage}), document.cookie]") == ["{}", ""]
    assert panel.page.context.cookies() == []
    (ticket,) = re.findall(r"ticket=([^&]+)", panel.sockets[0].url)
    refused = panel.evaluate(
        """(url) => new Promise((resolve) => {
            const socket = new WebSocket(url);
            socket.onopen = () => resolve(false);
            socket.onerror = () => resolve(true);
        })""",
        panel.sockets[0].url,
    )
    assert refused, f"the ticket {ticket[:4]}… could be used again"


def test_a_shops_admin_sees_its_own_store_only(site: Site, profile: Callable[..., BrowserContext], store: str) -> None:
    """Embedded: the shop's session tokens show its store, change nothing, and find no other store."""
    other = f"neighbour-{store}"
    site.make_known(other)
    page = profile().new_page()
    panel = Panel(site, page)
    page.expose_function("mint", lambda: site.session_token(store))
    page.route(APP_BRIDGE, with_app_bridge)
    panel.go(store_path(store), query=f"?embedded=1&shop={store}&host=YWRtaW4")
    panel.until_live()
    expect(panel.page.get_by_test_id("role")).to_have_text("Viewer")
    expect(panel.figure("events-24h")).to_be_visible()
    expect(panel.button("Resync")).to_have_count(0)
    delivery = site.edit(store, price="60.00")
    expect(panel.delivery(delivery, "applied")).to_be_visible()
    panel.evaluate("(path) => { location.hash = path; }", f"#/{store_path(other)}")
    expect(panel.page.get_by_test_id("not-found")).to_be_visible()
    assert panel.faults == []


def test_the_admin_of_its_shop_can_frame_it(site: Site, profile: Callable[..., BrowserContext], store: str) -> None:
    """Like Shopify: a page of its admin with ours in a frame."""
    context = profile()
    # Without permission, a page of the internet must not frame a page of this machine.
    context.grant_permissions(["local-network-access"])
    page = context.new_page()
    page.expose_function("mint", lambda: site.session_token(store))
    page.route(APP_BRIDGE, with_app_bridge)
    framing = f'<!doctype html><iframe title="app" src="{site.url}?embedded=1&shop={store}&host=YWRtaW4"></iframe>'
    page.route("https://admin.shopify.com/**", lambda route: route.fulfill(body=framing, content_type="text/html"))
    page.goto("https://admin.shopify.com/store/one/apps/hookline")
    framed = page.frame_locator("iframe")
    expect(framed.get_by_test_id("role")).to_have_text("Viewer")


@pytest.mark.parametrize(
    "claims",
    [
        {"secret": "another"},
        {"aud": "another app"},
        {"exp": 1},
        {"dest": "https://other.myshopify.com"},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_a_forged_session_token_opens_nothing(site: Site, store: str, claims: dict) -> None:
    """Cases: signed by somebody else, for another app, expired, or of two shops."""
    bad = Token("", site.session_token(store, **claims))
    assert status_of(site, Token("", site.session_token(store)), "GET", f"/api/stores/{store}/status") == 200
    assert status_of(site, bad, "GET", f"/api/stores/{store}/status") in (401, 403)


def with_app_bridge(route: Route) -> None:
    """Replaces Shopify's script, which is not available here, and returns a session token."""
    route.fulfill(body="window.shopify = { idToken: () => window.mint() };", content_type="text/javascript")


def status_of(site: Site, token: Token, method: str, path: str) -> int:
    """The status of an answer of the API."""
    headers = [("Authorization", f"Bearer {token.text}"), ("Content-Type", "application/json")]
    client = Client(site.stack.client.base_url)
    return client.request(method, path, headers, b"{}" if method == "POST" else None).status
