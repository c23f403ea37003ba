"""Usability for everybody: a thousand stores, a keyboard, a screen reader, a phone, the dark."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from deployed import Site, Token
from everyone import sideways
from hookline_local.places import REPOSITORY
from panel import Panel, store_path
from playwright.sync_api import BrowserContext, Page, expect

MANY = 1_000
BATCH = 25
AXE = REPOSITORY / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def thousand(site: Site) -> list[str]:
    """A thousand copies of a store that has had an event."""
    site.make_known("pattern.myshopify.com")
    pattern = site.item("pattern.myshopify.com")
    names = [f"many-{number:04}.myshopify.com" for number in range(MANY)]
    puts = [{"PutRequest": {"Item": pattern | {"pk": {"S": f"shopify#{name}"}}}} for name in names]
    for start in range(0, MANY, BATCH):
        left = {site.stores_table: puts[start : start + BATCH]}
        while left:
            left = site.dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems")
    return names


def test_a_list_of_a_thousand_stores_is_usable(site: Site, panel: Panel, admin: Token, thousand: list[str]) -> None:
    """The list shows some stores, more on demand; a store is found by a part of its name, opened, and stays live."""
    panel.at_list(admin)
    rows = panel.page.locator("tr[data-store]")
    expect(rows.first).to_be_visible()
    shown = rows.count()
    assert shown <= 100
    panel.button("Show more stores").click()
    expect(rows.nth(shown)).to_be_visible()
    total = panel.page.get_by_role("radio", name="All").locator("xpath=..").inner_text()
    assert int("".join(filter(str.isdigit, total))) >= MANY
    panel.page.get_by_label("Search stores").fill("many-0777")
    expect(rows).to_have_count(1)
    site.park(thousand[777])
    expect(panel.row(thousand[777]).locator("[data-state=attention]")).to_be_visible()
    panel.page.get_by_label("Search stores").fill("many-")
    panel.page.get_by_role("radio", name="Attention").check()
    expect(rows).to_have_count(1)
    panel.row(thousand[777]).get_by_role("link").click()
    expect(panel.page.get_by_role("heading", level=1)).to_have_text(thousand[777])
    assert panel.page.evaluate("() => document.querySelectorAll('*').length") < 5_000


def test_everything_works_with_a_keyboard(panel: Panel, admin: Token, store: str) -> None:
    """Signs in, finds a store, opens it, opens a delivery, closes it, begins a redrive and cancels it."""
    panel.go()
    tab_to(panel.page, "Operator token")
    panel.page.keyboard.type(admin.text)
    panel.page.keyboard.press("Enter")
    panel.until_live()
    panel.page.keyboard.press("Tab")
    expect(panel.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    panel.page.keyboard.press("Enter")
    tab_to(panel.page, "Search stores")
    panel.page.keyboard.type(store)
    expect(panel.page.locator("tr[data-store]")).to_have_count(1)
    tab_to(panel.page, store)
    panel.page.keyboard.press("Enter")
    expect(panel.page.get_by_role("heading", level=1)).to_have_text(store)
    expect(panel.page.get_by_role("heading", level=1)).to_be_focused()
    expect(panel.page.locator("li[data-delivery]").first).to_be_visible()

    tab_to(panel.page, "Redrive")
    panel.page.keyboard.press("Enter")
    expect(panel.page.get_by_role("dialog")).to_be_visible()
    panel.page.keyboard.press("Escape")
    expect(panel.page.get_by_role("dialog")).to_have_count(0)
    expect(panel.button("Redrive")).to_be_focused()

    tab_to(panel.page, "Walnut Serving Board")
    panel.page.keyboard.press("Enter")
    dialog = panel.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    # The keyboard stays in the dialog.
    for _ in range(12):
        panel.page.keyboard.press("Tab")
        outside = "() => document.activeElement !== document.body && !document.activeElement.closest('dialog')"
        assert not panel.evaluate(outside)
    panel.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_no_serious_problem(
    site: Site, profile: Callable[..., BrowserContext], admin: Token, store: str, scheme: str, width: int
) -> None:
    """On each main page, in both colour schemes, on a desk and on a phone."""
    parked = site.park(store)
    page = profile(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce").new_page()
    panel = Panel(site, page)
    found = {}
    for name in main_pages(panel, admin, store, parked):
        found[name] = serious(page)
        assert sideways(page) == 0, f"{name} scrolls sideways"
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert panel.faults == []


def test_a_phone_is_enough(site: Site, profile: Callable[..., BrowserContext], admin: Token, store: str) -> None:
    """At 360 pixels nothing is cut off: buttons and figures are within the width, and large enough to touch."""
    panel = Panel(site, profile(viewport=PHONE, has_touch=True, is_mobile=True).new_page())
    panel.at_store(admin, store)
    for name in ("Redrive", "Resync", "Reconcile", "Sign out"):
        box = panel.button(name).bounding_box()
        assert box, name
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= PHONE["width"], name
        # WCAG 2.2, 2.5.8 Target Size (Minimum).
        assert min(box["width"], box["height"]) >= 24, (name, box)
    delivery = site.edit(store, price="61.00")
    expect(panel.delivery(delivery, "applied")).to_be_visible()
    panel.delivery(delivery).get_by_role("link").tap()
    expect(panel.page.get_by_test_id("meaning")).to_be_visible()
    assert sideways(panel.page) == 0


def main_pages(panel: Panel, admin: Token, store: str, parked: str) -> Iterator[str]:
    """Visits each main page in turn and yields its name."""
    panel.go()
    expect(panel.button("Sign in")).to_be_visible()
    yield "sign-in"
    panel.sign_in(admin)
    panel.until_live()
    expect(panel.page.locator("tr[data-store]").first).to_be_visible()
    yield "list"
    panel.go(store_path(store))
    expect(panel.delivery(parked, "parked")).to_be_visible()
    expect(panel.page.get_by_test_id("hour-chart")).to_be_visible()
    yield "store"
    panel.delivery(parked).get_by_role("link").click()
    expect(panel.page.get_by_test_id("meaning")).to_be_visible()
    yield "delivery"
    panel.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    panel.button("Resync").click()
    expect(panel.page.get_by_role("dialog")).to_be_visible()
    yield "confirmation"
    panel.page.keyboard.press("Escape")
    panel.go(store_path("nobody.myshopify.com"))
    expect(panel.page.get_by_test_id("not-found")).to_be_visible()
    yield "not found"


def serious(page: Page) -> list[tuple[str, str]]:
    """Serious findings of axe on a page: each rule and its place."""
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        (each["id"], node["target"][0] if isinstance(node["target"][0], str) else str(node["target"]))
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the focused element has this name."""
    focused_name = """() => {
        const it = document.activeElement;
        const label = it.labels?.length ? it.labels[0].textContent : null;
        return [it.getAttribute('aria-label'), label, it.textContent].filter(Boolean).join(' ');
    }"""
    for _ in range(80):
        page.keyboard.press("Tab")
        if name in page.evaluate(focused_name) and page.evaluate("() => document.activeElement !== document.body"):
            return
    raise AssertionError(f"Tab does not reach {name}")
