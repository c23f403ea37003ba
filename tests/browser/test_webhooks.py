"""The pages of outbound webhooks, on the made-up stack: table, dialog, menu, messages, keyboard, phone, axe."""

import re
from collections.abc import Callable, Iterator

import pytest
from everyone import sideways, tofu
from made_up import MadeUp, made_up, token
from panel import LIVE_WITHIN_MS, TELL_VIOLATIONS, Panel, store_path
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from test_everyone import PHONE, serious, tab_to

# A store with endpoints in every state, one with a thousand of them, and one with none.
DEMO, MANY, NONE = "demo.myshopify.com", "atelier-nord.myshopify.com", "quiet-ceramics.myshopify.com"
SEARCH, ERP, CRM, OLD = "ep_0001", "ep_0002", "ep_0003", "ep_0004"

# Most elements of a usable page.
MAX_ELEMENTS = 5_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeUp]:
    """One for all tests of this file."""
    with made_up(tmp_path_factory.mktemp("made-up")) as stack:
        yield stack


@pytest.fixture
def stack(running: MadeUp) -> MadeUp:
    """The stack with its first endpoints: most tests change some."""
    running.move("reset")
    return running


@pytest.fixture
def profile(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser profiles."""
    made: list[BrowserContext] = []

    def new(**settings: object) -> BrowserContext:
        context = browser.new_context(**settings)
        context.add_init_script(TELL_VIOLATIONS)
        made.append(context)
        return context

    yield new
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


def at_webhooks(panel: Panel, store: str = DEMO, rest: str = "", who: str = "admin") -> Panel:
    """Opens the webhooks of a store, signed in and live."""
    panel.go(f"{store_path(store)}/webhooks{rest}").sign_in(token(who))
    return panel.until_live() or panel


def row(page: Page, endpoint: str) -> Locator:
    """An endpoint in the table."""
    return page.locator(f'tr[data-endpoint="{endpoint}"]')


def choose(page: Page, endpoint: str, command: str) -> None:
    """Opens the menu of an endpoint in the table, and chooses a command."""
    row(page, endpoint).get_by_role("button", name="Actions for").click()
    row(page, endpoint).get_by_test_id(f"menu-{command}").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def ids(page: Page) -> list[str]:
    """Endpoints of the table, in its order."""
    return page.locator("tr[data-endpoint]").evaluate_all("rows => rows.map((row) => row.dataset.endpoint)")


def test_the_table_says_what_each_endpoint_gets_and_how_it_is(tabs: Callable[[], Panel]) -> None:
    """Resource, events, URL, status in words, last success and waiting messages."""
    page = at_webhooks(tabs()).page
    expect(page.locator("tr[data-endpoint]")).to_have_count(4)
    for endpoint, words in {
        SEARCH: ["Products", "product.*, inventory.updated", "search.example.com", "Active", "4 min ago", "nothing"],
        ERP: ["Orders, Payments", "and 2 more", "1 condition", "Active", "Failing", "1,000+ messages"],
        CRM: ["Customers", "customer.*", "Paused", "Maintenance until 14:00", "37 messages"],
        OLD: ["Everything", "*", "Disabled: answered 410", "2 days ago", "210 messages"],
    }.items():
        for each in words:
            expect(row(page, endpoint)).to_contain_text(each)
    assert tofu(page) == ""


def test_search_filters_and_order_are_in_the_address(tabs: Callable[[], Panel]) -> None:
    """A reload and the back button keep them; an empty result leads back to all."""
    panel = at_webhooks(tabs())
    page = panel.page
    expect(page.locator("tr[data-endpoint]")).to_have_count(4)
    page.get_by_label("Search webhooks").fill("ERP")
    expect(page.locator("tr[data-endpoint]")).to_have_count(1)
    assert ids(page) == [ERP]
    page.get_by_label("Search webhooks").fill("")
    page.get_by_label("Status").select_option("disabled")
    expect(page.locator("tr[data-endpoint]")).to_have_count(1)
    page.get_by_label("Status").select_option("")
    page.get_by_label("Event").select_option("order.created")
    expect(page.locator("tr[data-endpoint]")).to_have_count(2)
    page.get_by_role("columnheader", name="Status").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="Status")).to_have_attribute("aria-sort", "ascending")
    assert ids(page) == [OLD, ERP]
    assert page.url.endswith("/webhooks?type=order.created&sort=state")
    page.reload()
    expect(page.locator("tr[data-endpoint]")).to_have_count(2)
    assert ids(page) == [OLD, ERP]
    page.go_back()
    expect(page.get_by_label("Sort by")).to_have_value("newest")
    page.get_by_label("Search webhooks").fill("zzzz")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("tr[data-endpoint]")).to_have_count(4)
    expect(page.get_by_label("Search webhooks")).to_have_value("")


def test_a_webhook_is_created_in_one_dialog_and_its_secret_is_shown_once(tabs: Callable[[], Panel]) -> None:
    """From the empty page: the dialog says what is missing, the preview counts, and the test is sent from it, too."""
    panel = at_webhooks(tabs(), NONE)
    page = panel.page
    expect(page.get_by_test_id("no-endpoints")).to_contain_text(
        "A webhook sends events of this store to your own server"
    )
    panel.button("Create a webhook").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_test_id("draft-problem")).to_contain_text("Enter the URL")
    dialog.get_by_label("URL", exact=True).fill("http://example.com/hook")
    dialog.locator('[data-type="product.*"]').check()
    expect(dialog.locator('[data-type="product.updated"]')).to_be_disabled()
    expect(dialog.locator('[data-type="product.updated"]')).to_be_checked()
    panel.button("Add a condition").click()
    expect(dialog.locator('datalist option[value="data.variants.sku"]')).to_have_count(1)
    dialog.get_by_label("Field").fill("data.available")
    expect(dialog.locator('datalist option[value="false"]')).to_have_count(1)
    dialog.get_by_label("Value").fill("false")
    dialog.get_by_text("Advanced settings").click()
    dialog.get_by_label("Most attempts per second").fill("0")
    panel.button("Preview").click()
    expect(page.get_by_test_id("draft-problem")).to_contain_text("from 1 to 1000")
    dialog.get_by_label("Most attempts per second").fill("5")
    panel.button("Preview").click()
    expect(dialog.get_by_test_id("action-error").first).to_contain_text("must begin with https://")
    dialog.get_by_label("URL", exact=True).fill("https://example.com/hook")
    panel.button("Preview").click()
    expect(page.get_by_test_id("preview")).to_have_text(
        re.compile(r"\d+ of the latest \d+ events would have been sent\.")
    )
    dialog.get_by_role("button", name="Create", exact=True).click()
    secret = page.get_by_test_id("secret")
    expect(secret).to_have_text(re.compile("^whsec_"))
    expect(dialog).to_contain_text("It is not shown again")
    panel.button("Send test").click()
    expect(page.get_by_test_id("test-result")).to_contain_text("It answered 204 in 84 ms.")
    page.keyboard.press("Escape")
    expect(dialog).to_contain_text("You have not copied the secret")
    text = secret.inner_text()
    panel.button("Done").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("tr[data-endpoint]")).to_have_count(1)
    page.reload()
    expect(page.locator("tr[data-endpoint]")).to_have_count(1)
    assert text not in page.content()


def test_a_copied_secret_may_be_left_at_once(profile: Callable[..., BrowserContext], stack: MadeUp) -> None:
    """The copy is the secret; a rotation shows the new one."""
    context = profile()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel = at_webhooks(Panel(stack, context.new_page()))
    choose(panel.page, SEARCH, "rotate")
    panel.page.get_by_label("Hours for which").fill("169")
    expect(panel.page.get_by_test_id("confirm")).to_be_disabled()
    panel.page.get_by_label("Hours for which").fill("2")
    panel.page.get_by_test_id("confirm").click()
    text = panel.page.get_by_test_id("secret").inner_text()
    panel.page.get_by_role("button", name="Copy the secret").click()
    expect(panel.page.get_by_role("button", name="Copy the secret")).to_have_text("Copied")
    assert panel.evaluate("() => navigator.clipboard.readText()") == text
    panel.page.keyboard.press("Escape")
    expect(panel.page.get_by_role("dialog")).to_have_count(0)
    assert panel.faults == []


def test_an_endpoint_is_paused_and_activated_from_its_menu(tabs: Callable[[], Panel]) -> None:
    """With a reason that the table shows, and a choice of what to do with the messages that wait."""
    page = at_webhooks(tabs()).page
    choose(page, SEARCH, "pause")
    page.get_by_label("Reason").fill("Moving house")
    page.get_by_test_id("confirm").click()
    expect(row(page, SEARCH)).to_contain_text("Moving house")
    expect(row(page, SEARCH)).to_have_attribute("data-state", "paused")
    expect(row(page, CRM)).to_contain_text("37 messages")
    choose(page, CRM, "activate")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("37 messages wait.")
    for mode in ("Send all", "Send the newest", "Drop"):
        expect(dialog.get_by_role("radio", name=mode)).to_be_visible()
    dialog.get_by_role("radio", name="Send the newest").check()
    with page.expect_request(lambda request: request.url.endswith("/activate")) as sent:
        page.get_by_test_id("confirm").click()
    assert sent.value.post_data_json == {"backlog": "newest"}
    expect(row(page, CRM)).to_have_attribute("data-state", "active")


def test_a_deletion_says_how_many_messages_are_discarded(tabs: Callable[[], Panel]) -> None:
    """It is confirmed by one button, and the endpoint leaves the table."""
    page = at_webhooks(tabs()).page
    expect(row(page, OLD)).to_contain_text("210 messages")
    choose(page, OLD, "delete")
    expect(page.get_by_test_id("discarded")).to_have_text("210 messages wait, and all are discarded.")
    page.get_by_test_id("confirm").click()
    expect(row(page, OLD)).to_contain_text("Being deleted")
    expect(row(page, OLD)).to_have_count(0)


def test_a_change_on_top_of_somebody_elses_is_refused_and_can_be_loaded(
    stack: MadeUp, tabs: Callable[[], Panel]
) -> None:
    """The dialog says so, keeps the draft until the person loads the new version, and then saves."""
    panel = at_webhooks(tabs())
    page = panel.page
    choose(page, SEARCH, "edit")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("URL", exact=True).fill("https://search.example.com/new")
    stack.move("endpoint", store=DEMO, description="By another")
    panel.button("Save").click()
    expect(page.get_by_test_id("changed-meanwhile")).to_contain_text("Somebody has changed this webhook")
    expect(dialog.get_by_label("URL", exact=True)).to_have_value("https://search.example.com/new")
    page.get_by_role("button", name="Load the new version").click()
    expect(dialog.get_by_label("Description")).to_have_value("By another")
    dialog.get_by_label("URL", exact=True).fill("https://search.example.com/newer")
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        panel.button("Save").click()
    assert sent.value.post_data_json == {"settings": {"url": "https://search.example.com/newer"}}
    expect(dialog).to_have_count(0)
    expect(row(page, SEARCH)).to_contain_text("https://search.example.com/newer")


def test_an_endpoints_page_explains_its_health(tabs: Callable[[], Panel]) -> None:
    """State and health in sentences, the figures, and the results of a day or a week, drawn and as a table."""
    page = at_webhooks(tabs(), rest=f"/{ERP}").page
    expect(page.get_by_test_id("state")).to_contain_text("Active Messages are sent.")
    expect(page.get_by_test_id("health")).to_contain_text("Has not answered since")
    for figure, words in {
        "waiting": "1,000+ messages",
        "breaker": "Open",
        "next-attempt": "in ",
        "at-once": "1",
    }.items():
        expect(page.locator(f'[data-figure="{figure}"]')).to_contain_text(words)
    statistics = page.get_by_test_id("statistics")
    expect(page.get_by_test_id("attempts-chart")).to_have_attribute(
        "aria-label", re.compile(r"failed in the last 24 hours")
    )
    page.get_by_role("button", name="7 days").click()
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("times-chart")).to_have_attribute(
        "aria-label", re.compile(r"in the last 7 days.*p95 900 ms")
    )
    expect(statistics).to_contain_text("0%: 0 of 22 attempts")
    expect(statistics).to_contain_text("10 × server error. It failed on this message. Its own log says why.")
    statistics.get_by_role("button", name="Show as a table").click()
    table = statistics.get_by_role("region", name="Attempts and response times by hour")
    expect(table.locator("tr[data-hour]").last).to_contain_text("900 ms")
    page.get_by_label("Outcome").select_option("exhausted")
    expect(page.locator("[data-message]")).to_have_count(1)
    assert page.url.endswith(f"/webhooks/{ERP}?fate=exhausted")
    # Those that wait are not sorted by type.
    page.get_by_label("Outcome").select_option("open")
    expect(page.get_by_label("Event")).to_have_count(0)
    expect(page.locator("[data-message]").first).to_contain_text("next attempt in")


def test_a_message_shows_its_attempts_and_is_sent_again(tabs: Callable[[], Panel]) -> None:
    """From the failed message to its attempts, its payload, the reason why each endpoint got the event, and back."""
    page = at_webhooks(tabs(), rest=f"/{ERP}?fate=exhausted").page
    page.locator("[data-message]").first.get_by_role("link").click()
    message = page.get_by_test_id("message")
    expect(message.locator("[data-attempt]")).to_have_count(10)
    expect(message.locator("[data-attempt]").first).to_contain_text(
        "It answered 500 in 900 ms. It failed on this message."
    )
    last = message.locator("[data-attempt]").last
    last.get_by_text("What it said").click()
    expect(last.locator("pre")).to_contain_text("no such sku")
    expect(last).to_contain_text("webhook-signature")
    message.get_by_text("Payload").click()
    expect(message.locator("pre").last).to_contain_text('"type": "order.created"')
    message.get_by_role("button", name="Retry").click()
    expect(message).to_contain_text("It is sent again in a moment")
    expect(message).to_have_attribute("data-fate", "sent")
    message.get_by_role("link", name="Why: its way").click()
    expect(page.get_by_role("heading", name="Why")).to_be_visible()
    expect(page.locator(f'[data-why="{ERP}"]').first).to_contain_text("Sent at")
    expect(page.locator(f'[data-why="{CRM}"]')).to_contain_text("does not get events of this type")
    page.get_by_test_id("why-event").get_by_role("link", name="The delivery of orders/create").click()
    expect(page.get_by_test_id("delivery")).to_be_visible()


def test_changes_show_while_the_page_is_open(stack: MadeUp, tabs: Callable[[], Panel]) -> None:
    """A new message, and what somebody else has changed."""
    page = at_webhooks(tabs(), rest=f"/{SEARCH}").page
    messages = page.locator("[data-message]")
    expect(messages).to_have_count(20)
    newest = messages.first.get_attribute("data-message")
    stack.move("message", store=DEMO, fate="exhausted")
    # Twice the promise: the machine that runs the tests is busy.
    expect(messages.first).not_to_have_attribute("data-message", newest or "", timeout=2 * LIVE_WITHIN_MS)
    expect(messages.first).to_have_attribute("data-fate", "exhausted")
    stack.move("endpoint", store=DEMO, description="By another")
    expect(page.get_by_test_id("endpoint")).to_contain_text("By another", timeout=2 * LIVE_WITHIN_MS)


def test_a_viewer_sees_endpoints_and_changes_none(tabs: Callable[[], Panel]) -> None:
    """No button, no menu, and no page of all stores' endpoints."""
    panel = at_webhooks(tabs(), who="viewer")
    page = panel.page
    expect(page.locator("tr[data-endpoint]")).to_have_count(4)
    for name in ("Create a webhook", "Actions for"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks")).to_have_count(0)
    panel.go(f"{store_path(DEMO)}/webhooks/{ERP}?fate=exhausted")
    page.locator("[data-message]").first.get_by_role("link").click()
    expect(page.get_by_test_id("fate")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_endpoints_of_all_stores_are_an_admins(tabs: Callable[[], Panel]) -> None:
    """They have no preview, and a test needs a store."""
    panel = tabs().at_list(token("admin"))
    page = panel.page
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhooks of all stores")
    expect(page.locator("tr[data-endpoint]")).to_have_count(1)
    panel.button("Create a webhook").click()
    expect(page.get_by_role("dialog")).to_contain_text("A preview needs the events of one store")
    panel.button("Cancel").click()
    choose(page, SEARCH, "test")
    expect(panel.button("Send test")).to_be_disabled()
    page.get_by_label("Store").fill(DEMO)
    panel.button("Send test").click()
    expect(page.get_by_test_id("test-result")).to_contain_text("has taken the test")
    page.get_by_role("link", name="See the message").click()
    expect(page.get_by_test_id("message")).to_have_attribute("data-fate", "sent")


def test_a_thousand_endpoints_are_usable(tabs: Callable[[], Panel]) -> None:
    """The table shows some, more on demand, and finds any of them."""
    panel = at_webhooks(tabs(), MANY)
    rows = panel.page.locator("tr[data-endpoint]")
    expect(rows).to_have_count(50)
    expect(panel.page.locator("body")).to_contain_text("50 of 1,000 webhooks")
    panel.button("Show more webhooks").click()
    expect(rows).to_have_count(100)
    assert panel.evaluate("() => document.querySelectorAll('*').length") < MAX_ELEMENTS
    panel.page.get_by_label("Search webhooks").fill("many-0777")
    expect(rows).to_have_count(1)


def test_everything_works_with_a_keyboard(tabs: Callable[[], Panel]) -> None:
    """The menu by its arrows, the dialog and the way back to the button that opened it."""
    page = at_webhooks(tabs()).page
    expect(page.locator("tr[data-endpoint]")).to_have_count(4)
    tab_to(page, "Actions for https://old.example.com/hook")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Edit")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Activate")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menuitem")).to_have_count(0)
    button = row(page, OLD).get_by_role("button", name="Actions for")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Edit")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Delete this webhook?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("health")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, PHONE["width"]])
def test_axe_finds_no_serious_problem(
    stack: MadeUp, profile: Callable[..., BrowserContext], scheme: str, width: int
) -> None:
    """On every page and dialog, in both colour schemes, on a desk and on a phone; none scrolls sideways."""
    page = profile(color_scheme=scheme, viewport={"width": width, "height": 740}, reduced_motion="reduce").new_page()
    panel = Panel(stack, page)
    found, wide = {}, {}
    for name in everywhere(panel):
        found[name] = serious(page)
        wide[name] = sideways(page)
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert {name: by for name, by in wide.items() if by != 0} == {}
    assert panel.faults == []


def everywhere(panel: Panel) -> Iterator[str]:
    """Visits each page and dialog of webhooks, and yields its name."""
    page = panel.page
    at_webhooks(panel)
    expect(row(page, OLD)).to_contain_text("210 messages")
    yield "table"
    row(page, OLD).get_by_role("button", name="Actions for").click()
    yield "menu"
    page.keyboard.press("Escape")
    for endpoint, commands in {CRM: ["activate", "rotate", "delete"], SEARCH: ["pause", "test", "edit"]}.items():
        for command in commands:
            choose(page, endpoint, command)
            yield command
            page.keyboard.press("Escape")
    panel.button("Create a webhook").click()
    panel.button("Add a condition").click()
    page.get_by_text("Advanced settings").click()
    panel.button("Add a header").click()
    yield "create"
    page.keyboard.press("Escape")
    choose(page, SEARCH, "rotate")
    page.get_by_test_id("confirm").click()
    expect(page.get_by_test_id("secret")).to_be_visible()
    yield "secret"
    panel.button("Done").click()
    panel.button("Done").click()
    panel.go(f"{store_path(DEMO)}/webhooks/{ERP}")
    expect(page.get_by_test_id("statistics")).to_be_visible()
    expect(page.locator("[data-message]").first).to_be_visible()
    yield "endpoint"
    page.locator("[data-message]").last.get_by_role("link").click()
    expect(page.get_by_test_id("fate")).to_be_visible()
    yield "message"
    page.get_by_role("link", name="Why: its way").click()
    expect(page.locator("[data-why]").first).to_be_visible()
    yield "why"
    for place in ("webhooks", f"{store_path(NONE)}/webhooks", f"{store_path(DEMO)}/webhooks/ep_none"):
        panel.go(place)
        expect(page.locator("tr[data-endpoint], [data-testid=no-endpoints], [data-testid=no-endpoint]")).to_have_count(
            1
        )
        yield place


def test_a_phone_is_enough(stack: MadeUp, profile: Callable[..., BrowserContext]) -> None:
    """Buttons are within the width and large enough to touch; menu and dialog work by touch."""
    panel = at_webhooks(Panel(stack, profile(viewport=PHONE, has_touch=True, is_mobile=True).new_page()))
    page = panel.page
    for button in (panel.button("Create a webhook"), row(page, ERP).get_by_role("button", name="Actions for")):
        box = button.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        # WCAG 2.2, 2.5.8 Target Size (Minimum).
        assert min(box["width"], box["height"]) >= 24, box
    row(page, ERP).get_by_role("button", name="Actions for").tap()
    row(page, ERP).get_by_test_id("menu-pause").tap()
    page.get_by_test_id("confirm").tap()
    expect(row(page, ERP)).to_have_attribute("data-state", "paused")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhooks of all stores")
