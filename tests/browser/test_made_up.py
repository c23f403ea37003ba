"""The page in states that are hard to reach on a real stack; each of them was once displayed incorrectly."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from everyone import sideways, tofu
from hookline_local.places import REPOSITORY
from made_up import MadeUp, made_up, token
from panel import TELL_VIOLATIONS, Panel, store_path
from playwright.sync_api import Browser, BrowserContext, Route, expect

DEMO, BROKEN, QUIET = "demo.myshopify.com", "atelier-nord.myshopify.com", "quiet-ceramics.myshopify.com"
FRESH, UNINSTALLED, SILENT = "fresh.myshopify.com", "closed-shop.myshopify.com", "lost-and-found.myshopify.com"
UNREACHABLE = "The server cannot be reached"

# Records messages of a page over channels, and its requests for another tab's state.
KEEP_CHANNELS = """
window.channels = [];
window.BroadcastChannel = class extends BroadcastChannel {
  constructor(name) { super(name); window.channels.push(name); }
  postMessage(message) { window.channels.push(JSON.stringify(message)); super.postMessage(message); }
};
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeUp]:
    """One for all tests of this file, each of which restores its state."""
    with made_up(tmp_path_factory.mktemp("made-up")) as running:
        yield running


@pytest.fixture
def profile(browser: Browser, stack: MadeUp) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser profiles. At the end the server responds again."""
    made: list[BrowserContext] = []

    def new(**settings: object) -> BrowserContext:
        context = browser.new_context(**settings)
        context.add_init_script(TELL_VIOLATIONS)
        made.append(context)
        return context

    yield new
    stack.move("down", on="false")
    for context in made:
        context.close()


@pytest.fixture
def tabs(stack: MadeUp, profile: Callable[..., BrowserContext]) -> Iterator[Callable[[], Panel]]:
    """Opens tabs of one browser, none of which may break the page's policy or report a problem."""
    context = profile()
    opened: list[Panel] = []

    def new() -> Panel:
        opened.append(Panel(stack, context.new_page()))
        return opened[-1]

    yield new
    assert [fault for panel in opened for fault in panel.faults] == []


def test_the_first_screen_names_a_receiver_url(tabs: Callable[[], Panel]) -> None:
    """The address to copy is that of an existing receiver, as the API returns it."""
    panel = tabs().at_list(token("none"))
    shown = panel.page.get_by_test_id("no-stores").locator(".url code").inner_text()
    fixture = json.loads((REPOSITORY / "web" / "fixtures" / "stack.json").read_text())
    assert shown in [receiver["url"] for receiver in fixture["me"]["receivers"]]
    assert (REPOSITORY / "functions" / urlsplit(shown).path.rpartition("/")[2]).is_dir()


def test_tabs_keep_their_places(stack: MadeUp, tabs: Callable[[], Panel]) -> None:
    """Another store, the list, a dialog and a filter in one tab do not affect the other; both stay live."""
    first, second = tabs(), tabs()
    first.at_store(token("admin"), DEMO)
    first.page.get_by_label("Outcome").select_option("applied")
    first.page.locator("li[data-delivery]").first.get_by_role("link").click()
    dialog = first.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    address = first.page.url
    for place, heading in ((store_path(BROKEN), BROKEN), ("", "Stores"), (store_path(QUIET), QUIET)):
        second.go(place)
        second.until_live()
        expect(second.page.get_by_role("heading", level=1)).to_have_text(heading)
    second.page.locator("li[data-delivery]").first.get_by_role("link").click()
    second.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    assert first.page.url == address
    expect(dialog).to_be_visible()
    expect(first.page.get_by_label("Outcome")).to_have_value("applied")
    dialog.get_by_role("button", name="Close").click()
    for panel, store in ((first, DEMO), (second, QUIET)):
        before = int(panel.figure("events-24h").inner_text().replace(",", ""))
        stack.move("event", store=store)
        expect(panel.figure("events-24h")).to_have_text(f"{before + 1:,}")


def test_a_new_tab_without_a_place_begins_with_the_list(tabs: Callable[[], Panel]) -> None:
    """The other tabs share only the token, not their open page."""
    first, second = tabs(), tabs()
    first.at_store(token("admin"), DEMO)
    second.go().until_live()
    expect(second.page.get_by_role("heading", level=1)).to_have_text("Stores")
    expect(first.page.get_by_role("heading", level=1)).to_have_text(DEMO)


def test_tabs_that_meet_at_a_store_share_its_connection(stack: MadeUp, tabs: Callable[[], Panel]) -> None:
    """A tab gives up its own connection, and opens one again when the other tab closes."""
    first, second = tabs(), tabs()
    first.at_store(token("admin"), DEMO)
    second.go(store_path(QUIET)).until_live()
    assert (len(first.sockets), len(second.sockets)) == (1, 1)
    second.go(store_path(DEMO)).until_live()
    events = int(second.figure("events-24h").inner_text().replace(",", ""))
    stack.move("event", store=DEMO)
    for panel in (first, second):
        expect(panel.figure("events-24h")).to_have_text(f"{events + 1:,}")
    assert [socket.is_closed() for socket in first.sockets] == [False]
    first.page.close()
    second.until_live()
    stack.move("event", store=DEMO)
    expect(second.figure("events-24h")).to_have_text(f"{events + 2:,}")


def test_a_store_without_events_is_not_called_silent_at_first(tabs: Callable[[], Panel]) -> None:
    """Title, sentence and figures agree."""
    panel = tabs().at_store(token("admin"), FRESH)
    card = panel.reading().inner_text()
    sentences = card.split("What the readings mean")[0]
    assert "yet" in sentences
    assert not re.search(r"in the last 30 minutes|half an hour|Receiving webhooks", sentences), sentences
    expect(panel.figure("last-event")).to_have_text("never")


def test_a_sign_in_continues_when_the_server_recovers(stack: MadeUp, tabs: Callable[[], Panel]) -> None:
    """The page says that it retries, and does."""
    panel = tabs()
    panel.go()
    expect(panel.button("Sign in")).to_be_visible()
    stack.move("down", on="true")
    panel.sign_in(token("admin"))
    waiting = panel.page.get_by_test_id("unreachable")
    expect(waiting).to_contain_text("tries again")
    expect(panel.button("Use another token")).to_be_visible()
    stack.move("down", on="false")
    panel.until_live()


@pytest.mark.parametrize(
    "place", ["", store_path(DEMO), store_path(BROKEN)], ids=["list", "same store", "another store"]
)
def test_an_unreachable_server_is_reported_once(stack: MadeUp, tabs: Callable[[], Panel], place: str) -> None:
    """One correct sentence reports it, and actions that need the server are disabled."""
    panel = tabs().at_store(token("admin"), DEMO)
    stack.move("down", on="true")
    panel.go(place)
    panel.page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(panel.page.get_by_text(UNREACHABLE)).to_be_visible(timeout=60_000)
    text = panel.page.locator("body").inner_text()
    assert text.count("cannot be reached") == 1, text
    assert "Loading" not in text
    assert ("What you see is from" in text) == shows(panel)
    for name in ("Redrive", "Resync", "Reconcile"):
        for button in panel.page.get_by_role("button", name=name, exact=True).all():
            expect(button).to_be_disabled()
    stack.move("down", on="false")
    expect(panel.page.get_by_text(UNREACHABLE)).to_have_count(0, timeout=60_000)
    for name in ("Redrive", "Resync", "Reconcile"):
        for button in panel.page.get_by_role("button", name=name, exact=True).all():
            expect(button).to_be_enabled()


def shows(panel: Panel) -> bool:
    """Returns whether the page shows anything that can be out of date."""
    return panel.page.locator("tr[data-store], [data-figure]").count() > 0


def test_every_situation_has_one_reading(tabs: Callable[[], Panel]) -> None:
    """The card shows the server's sentence once; only a store that needs attention has red elements."""
    statuses = json.loads((REPOSITORY / "web" / "fixtures" / "said.json").read_text())["statuses"]
    panel = tabs().at_list(token("admin"))
    for situation, status in statuses.items():
        panel.go(store_path(f"is-{situation.replace('_', '-')}.myshopify.com"))
        expect(panel.reading()).to_have_attribute("data-state", status["state"])
        card = panel.reading().inner_text()
        sentences = [one["message"] for one in status["reasons"]] or [status["why"]]
        for sentence in sentences:
            assert card.count(sentence) == 1, (situation, card)
        red = panel.page.locator("[data-urgent], [data-bad]").count()
        assert status["state"] == "attention" or red == 0, situation
        assert panel.page.locator("[data-failed]").count() == len(status["failed"]["deliveries"]), situation
        red_dead_letters = panel.page.locator('[data-figure="dead-letters"][data-bad]').count()
        assert red_dead_letters == int(status["failed"]["dead_letters"] > 0), situation


def test_a_failed_delivery_stays_until_a_person_acts(stack: MadeUp, tabs: Callable[[], Panel]) -> None:
    """Further events do not hide it; the server reports the outcome, and the notice disappears with the delivery."""
    store = "shop-0001.myshopify.com"
    panel = tabs().at_store(token("admin"), store)
    stack.move("event", store=store, outcome="parked", topic="products/update")
    expect(panel.reading()).to_have_attribute("data-state", "attention")
    expect(panel.notices("dead_letter")).to_have_count(1)
    for _ in range(3):
        stack.move("event", store=store)
    expect(panel.reading()).to_have_attribute("data-state", "attention")
    failed = panel.page.locator("[data-failed]")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("next try")
    failed.get_by_role("button", name="Dismiss").click()
    panel.page.get_by_test_id("confirm").click()
    expect(panel.page.get_by_text("Dismissed. Its dead letter")).to_be_visible()
    expect(panel.reading()).to_have_attribute("data-state", "live")
    expect(failed).to_have_count(0)
    expect(panel.notices("dead_letter")).to_have_count(0)


def test_a_viewer_sees_failed_deliveries_and_no_button(tabs: Callable[[], Panel]) -> None:
    """The delivery itself has no button either."""
    panel = tabs().at_store(token("viewer"), BROKEN)
    failed = panel.page.locator("[data-failed]")
    expect(failed).to_have_count(3)
    assert panel.page.locator("[data-testid^=remedy-]").count() == 0
    failed.first.get_by_role("link").click()
    expect(panel.page.get_by_test_id("meaning")).to_be_visible()
    assert panel.page.locator("[data-testid^=remedy-]").count() == 0


def test_the_table_of_events_differs_from_the_chart_and_begins_with_the_newest(tabs: Callable[[], Panel]) -> None:
    """The button names its next action; the newest hour is visible."""
    panel = tabs().at_store(token("admin"), DEMO)
    panel.button("Show as a table").click()
    expect(panel.button("Show as a table")).to_have_count(0)
    rows = panel.page.locator("tr[data-hour]")
    hours = rows.evaluate_all("rows => rows.map((row) => row.dataset.hour)")
    assert hours == sorted(hours, reverse=True)
    first = rows.first.bounding_box()
    scrolled = panel.page.get_by_role("region", name="Events by hour and topic").bounding_box()
    assert first["y"] + first["height"] <= scrolled["y"] + scrolled["height"]
    panel.button("Show as a chart").click()
    expect(panel.page.get_by_test_id("hour-chart")).to_be_visible()


@pytest.mark.parametrize("width", [320, 360, 390, 768, 1280])
def test_no_page_scrolls_sideways(stack: MadeUp, profile: Callable[..., BrowserContext], width: int) -> None:
    """WCAG 2.2, 1.4.10 Reflow: from 320 pixels on, on every page and dialog."""
    page = profile(viewport={"width": width, "height": 640}).new_page()
    panel = Panel(stack, page)
    wide = {name: sideways(page) for name in everywhere(panel)}
    assert {name: by for name, by in wide.items() if by != 0} == {}
    assert panel.faults == []


def everywhere(panel: Panel) -> Iterator[str]:
    """Visits each page in each state and yields its name."""
    page = panel.page
    panel.go()
    expect(panel.button("Sign in")).to_be_visible()
    yield "sign-in"
    panel.page.get_by_label("Operator token").fill("wrong")
    panel.button("Sign in").click()
    yield "sign-in, refused"
    panel.sign_in(token("admin"))
    panel.until_live()
    expect(page.locator("tr[data-store]").first).to_be_visible()
    yield "list"
    page.get_by_label("Search stores").fill("zzzz")
    expect(page.locator("tr[data-store]")).to_have_count(0)
    yield "list, nothing found"
    for store in (DEMO, BROKEN, QUIET, FRESH, UNINSTALLED, SILENT):
        panel.go(store_path(store))
        expect(panel.figure("events-24h")).to_be_visible()
        for details in page.locator("details").all():
            details.locator("summary").click()
        yield store
        panel.button("Show as a table").click()
        yield f"{store}, table"
        for name in ("Redrive", "Resync"):
            panel.button(name).click()
            yield f"{store}, {name}"
            page.keyboard.press("Escape")
    panel.go(store_path(BROKEN))
    page.get_by_label("What to look for").fill("walnut")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-document]").first).to_be_visible()
    yield "search"
    page.locator("li[data-outcome=parked]").first.get_by_role("link").click()
    expect(page.get_by_test_id("meaning")).to_be_visible()
    yield "parked delivery"
    panel.go(store_path("nobody.myshopify.com"))
    expect(page.get_by_test_id("not-found")).to_be_visible()
    yield "not found"
    panel.go(query=f"?shop={DEMO}&host=aG9zdA")
    expect(page.get_by_test_id("shut")).to_be_visible()
    yield "shut"


@pytest.mark.parametrize(
    "query", [f"?embedded=1&shop={DEMO}&host=aG9zdA", f"?shop={DEMO.upper()}", "?host=aG9zdA&embedded=1"]
)
def test_a_merchant_without_app_bridge_sees_no_token_form(tabs: Callable[[], Panel], query: str) -> None:
    """The page names no command either."""
    panel = tabs()
    panel.go(query=query)
    unavailable = panel.page.get_by_test_id("shut")
    expect(unavailable).to_be_visible()
    text = panel.page.locator("body").inner_text()
    assert not re.search("token|hookline", text, re.IGNORECASE), text
    if "shop=" in query:
        expect(unavailable).to_contain_text("Shopify did not load")
        expect(panel.button("Reload")).to_be_visible()


@pytest.mark.parametrize(
    "query", ["", f"?shop={DEMO}", "?shop=EVIL.myshopify.com&host=aG9zdA", "?shop=evil.myshopify.com."]
)
@pytest.mark.parametrize("framing", ["http://127.0.0.1:1/", "https://evil.myshopify.com/"])
def test_a_framed_page_is_not_an_operators(
    stack: MadeUp, profile: Callable[..., BrowserContext], query: str, framing: str
) -> None:
    """Even if the policy allowed framing, the page gets no token, opens no channel and sends no API request."""
    context = profile()
    context.add_init_script(KEEP_CHANNELS)
    context.grant_permissions(["local-network-access"])
    signed_in = Panel(stack, context.new_page()).at_list(token("admin"))
    page = context.new_page()
    frame = f'<!doctype html><iframe title="app" src="{stack.url}{query}"></iframe>'
    page.route(f"{framing}**", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.route(f"{stack.url}*", without_policy)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(framing)
    expect(page.frame_locator("iframe").get_by_test_id("shut")).to_be_visible()
    (inner,) = [each for each in page.frames if each.url.startswith(stack.url)]
    assert inner.evaluate("() => window.channels") == []
    assert inner.locator("input").count() == 0
    assert not [url for url in requested if "/api/" in url]
    expect(signed_in.link).to_have_text("Live")
    # The same for a top-level page with a shop in its address.
    top = context.new_page()
    top.goto(f"{stack.url}?shop=evil.myshopify.com&host=aG9zdA")
    expect(top.get_by_test_id("shut")).to_be_visible()
    assert top.evaluate("() => window.channels") == []


def without_policy(route: Route) -> None:
    """The page as an old browser shows it, which does not know frame-ancestors."""
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
    route.fulfill(response=answer, headers=headers)


def test_every_character_has_a_glyph(tabs: Callable[[], Panel]) -> None:
    """Product names use every script, and the machine that takes the pictures needs fonts for them."""
    panel = tabs().at_store(token("admin"), DEMO)
    expect(panel.page.get_by_text("南部鉄瓶").first).to_be_visible()
    assert tofu(panel.page) == ""
