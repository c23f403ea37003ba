"""Makes the pictures of docs/screenshots: the page on the running stack, real webhooks sent. `make screenshots`.

What takes a day to come about (counts by the hour, an hour of silence) is written into the stores table before.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from deployed import Site, Token
from everyone import tofu
from hookline_local.client import quoted
from hookline_local.places import REPOSITORY
from hookline_local.shop import sample
from hookline_local.tour import poll
from panel import Panel, store_path
from playwright.sync_api import BrowserContext, Page, expect
from receiving import Receiver

PICTURES = REPOSITORY / "docs" / "screenshots"
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}

BUSY = "juniper-and-oak.myshopify.com"
QUIET = "harbor-lamps.myshopify.com"
BROKEN = "copper-kettle.myshopify.com"
SILENT = "north-field-wool.myshopify.com"
MORE = ["atlas-bikes.myshopify.com", "bluebird-tea.myshopify.com", "cedar-and-salt.myshopify.com"]

# Deliveries of each topic per hour of the day.
TOPICS = {
    "products/update": 30,
    "orders/create": 9,
    "products/create": 4,
    "collections/update": 2,
    "products/delete": 1,
}


@pytest.fixture(scope="module")
def shops(site: Site) -> None:
    """Stores with a day behind them."""
    site.make_known(BUSY, QUIET, BROKEN, SILENT, *MORE)
    for number, store in enumerate((BUSY, QUIET, BROKEN, SILENT, *MORE)):
        yesterday(site, store, 1 / (number + 1))
    write(site, QUIET, last_event_us=ago(minutes=47), last_sync_us=ago(minutes=47))
    write(site, SILENT, last_event_us=ago(minutes=52), last_sync_us=ago(minutes=52))
    error = {
        "pk": {"S": f"shopify#{SILENT}"},
        "sk": {"S": "#error#token_refused"},
        "at_us": {"N": str(ago(minutes=4))},
        "message": {"S": "the store's Admin API does not take our token"},
    }
    site.dynamodb.put_item(TableName=site.stores_table, Item=error)
    write(site, SILENT)
    for name in list(site.products)[:12]:
        site.edit(BUSY, name)
    site.send(BUSY, "orders/create", sample("orders-create.json"))
    site.park(BROKEN)


def yesterday(site: Site, store: str, share: float) -> None:
    """Counts for each hour of a day: more by day than by night."""
    now = datetime.now(UTC)
    for back in range(24):
        hour = now - timedelta(hours=back)
        names, values = {}, {":expires": {"N": str(int(now.timestamp()) + 86_400)}}
        by_day = 0.15 + max(0.0, 1 - abs(hour.hour - 14) / 10)
        for topic, usual in TOPICS.items():
            number = len(names)
            names[f"#n{number}"] = f"event:{topic}"
            uneven = 0.6 + (hour.hour * 7 + number * 3) % 9 / 10
            values[f":v{number}"] = {"N": str(round(usual * share * by_day * uneven))}
        counts = ", ".join(f"#n{number} :v{number}" for number in range(len(names)))
        site.dynamodb.update_item(
            TableName=site.stores_table,
            Key={"pk": {"S": f"hours#shopify#{store}"}, "sk": {"S": f"{hour:%Y-%m-%dT%H}"}},
            UpdateExpression=f"SET expires_at = :expires ADD {counts}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
    write(site, store)


def write(site: Site, store: str, **times: int) -> None:
    """Sets times of a store."""
    names = {f"#{name}": name for name in times}
    values = {f":{name}": {"N": str(at)} for name, at in times.items()}
    sets = ", ".join(f"#{name} = :{name}" for name in times)
    site.dynamodb.update_item(
        TableName=site.stores_table,
        Key={"pk": {"S": f"shopify#{store}"}, "sk": {"S": "#store"}},
        UpdateExpression=f"{f'SET {sets} ' if sets else ''}ADD seq :one",
        **({"ExpressionAttributeNames": names} if names else {}),
        ExpressionAttributeValues=values | {":one": {"N": "1"}},
    )


def ago(minutes: int) -> int:
    """Then, in microseconds."""
    return int((datetime.now(UTC) - timedelta(minutes=minutes)).timestamp() * 1_000_000)


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Takes a picture of the visible part or of the whole page. Every character must have a glyph."""
    PICTURES.mkdir(exist_ok=True)
    assert tofu(page) == "", name
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", full_page=whole)


@pytest.mark.usefixtures("shops")
def test_the_main_states(site: Site, profile: Callable[..., BrowserContext], admin: Token) -> None:
    """One picture per state."""
    panel = Panel(site, profile(viewport=DESK, reduced_motion="reduce").new_page())
    panel.at_list(admin)
    for store, state in ((BUSY, "live"), (QUIET, "idle"), (BROKEN, "attention"), (SILENT, "attention")):
        expect(panel.row(store).locator(f"[data-state={state}]")).to_be_visible()
    take(panel.page, "list")
    for store, state, name in (
        (BUSY, "live", "store"),
        (QUIET, "idle", "idle"),
        (BROKEN, "attention", "errors"),
        (SILENT, "attention", "silent"),
    ):
        panel.go(store_path(store))
        expect(panel.reading()).to_have_attribute("data-state", state)
        expect(panel.page.get_by_test_id("hour-chart")).to_be_visible()
        expect(panel.page.locator("li[data-delivery]").first).to_be_visible()
        take(panel.page, name, whole=name == "store")
    panel.go(store_path(BROKEN))
    expect(panel.page.get_by_role("heading", level=1)).to_have_text(BROKEN)
    panel.page.locator('li[data-outcome="parked"]').first.get_by_role("link").click()
    expect(panel.page.get_by_test_id("meaning")).to_be_visible()
    take(panel.page, "delivery")
    panel.go(store_path(BUSY))
    expect(panel.page.get_by_role("heading", level=1)).to_have_text(BUSY)
    expect(panel.page.locator("li[data-delivery]").first).to_be_visible()
    expect(panel.page.get_by_test_id("hour-chart")).to_be_visible()
    site.sockets.pull()
    expect(panel.link).to_have_text("Reconnecting")
    take(panel.page, "reconnecting")
    expect(panel.link).to_have_text("Disconnected", timeout=60_000)
    take(panel.page, "disconnected")


@pytest.mark.usefixtures("shops")
def test_on_a_phone_and_in_the_dark(site: Site, profile: Callable[..., BrowserContext], admin: Token) -> None:
    """The same page, narrow or with dark colors."""
    phone = Panel(site, profile(viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True).new_page())
    dark = Panel(site, profile(viewport=DESK, color_scheme="dark").new_page())
    for name, panel in (("phone", phone), ("dark", dark)):
        panel.at_store(admin, BUSY)
        expect(panel.page.get_by_test_id("hour-chart")).to_be_visible()
        take(panel.page, name)


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    """Servers that take everything, are down, are gone, and are never reached."""
    running = [Receiver(), Receiver(status=503), Receiver(status=410), Receiver()]
    for receiver in running:
        receiver.start()
    yield running
    for receiver in running:
        receiver.stop()


@pytest.mark.usefixtures("shops")
def test_webhooks(site: Site, profile: Callable[..., BrowserContext], admin: Token, receivers: list[Receiver]) -> None:
    """The table, the dialog, an endpoint's page, a message and why."""
    works, down, gone, paused = (
        endpoint(site, receiver.url, types, description)
        for receiver, types, description in zip(
            receivers,
            (["product.*", "inventory.*"], ["product.updated"], ["*"], ["customer.*", "product.updated"]),
            ("Search index", "Warehouse", "The assistant before this one", "Newsletter"),
            strict=True,
        )
    )
    call(site, "POST", f"/{paused}/pause", {"reason": "Maintenance until 14:00"})
    for number, name in enumerate(list(site.products)[:12]):
        site.edit(BUSY, name, price=f"{20 + number}.50")
    assert poll(lambda: len(receivers[0].requests) >= 12), "messages arrive"
    panel = Panel(site, profile(viewport=DESK, reduced_motion="reduce").new_page())
    panel.go(f"{store_path(BUSY)}/webhooks").sign_in(admin)
    for each, words in ((works, "Active"), (down, "Failing"), (gone, "Disabled"), (paused, "Paused")):
        expect(panel.page.locator(f'tr[data-endpoint="{each}"]')).to_contain_text(words, timeout=60_000)
    take(panel.page, "webhooks")
    panel.button("Create a webhook").click()
    dialog = panel.page.get_by_role("dialog")
    dialog.get_by_label("URL", exact=True).fill("https://example.com/hookline")
    dialog.locator('[data-type="inventory.updated"]').check()
    take(panel.page, "webhook-new")
    panel.page.keyboard.press("Escape")
    panel.go(f"{store_path(BUSY)}/webhooks/{works}")
    expect(panel.page.locator('[data-message][data-fate="sent"]').first).to_be_visible()
    take(panel.page, "webhook", whole=True)
    panel.page.locator('[data-message][data-fate="sent"]').first.get_by_role("link").first.click()
    message = panel.page.get_by_test_id("message")
    expect(message.locator("[data-attempt]")).to_have_count(1)
    take(panel.page, "message")
    message.get_by_role("link", name="Why: its way").click()
    expect(panel.page.locator(f'[data-why="{works}"]').first).to_contain_text("Sent at")
    take(panel.page, "why")


def endpoint(site: Site, url: str, types: list[str], description: str) -> str:
    """Creates an endpoint of the busy store; returns its id."""
    return call(site, "POST", "", {"settings": {"url": url, "types": types, "description": description}})


def call(site: Site, method: str, rest: str, body: object) -> str:
    """Calls the API about endpoints of the busy store; returns the endpoint's id."""
    client = site.stack.client
    answer = client.call(method, f"/api/stores/{quoted(BUSY)}/endpoints{rest}", body, token=client.token)
    assert answer.status in (200, 201), answer.body
    read = json.loads(answer.body)
    return read.get("endpoint", read)["id"]
