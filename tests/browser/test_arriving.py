"""From the dialog that creates a webhook to a server on this machine, on the deployed stack, as a new user begins."""

import re

from deployed import Site, Token
from hookline_local.tour import poll
from panel import PATIENCE_MS, Panel, store_path
from playwright.sync_api import Locator, expect
from receiving import Receiver, is_signed


def created(panel: Panel, url: str) -> tuple[str, str]:
    """Creates a webhook in the dialog and sends a test from it. Returns the endpoint's id and its secret."""
    panel.button("Create a webhook").click()
    dialog = panel.page.get_by_role("dialog")
    dialog.get_by_label("URL", exact=True).fill(url)
    dialog.locator('[data-type="product.*"]').check()
    panel.button("Preview").click()
    expect(panel.page.get_by_test_id("preview")).to_have_text(re.compile("latest|no events"))
    dialog.get_by_role("button", name="Create", exact=True).click()
    secret = panel.page.get_by_test_id("secret").inner_text()
    panel.button("Send test").click()
    expect(panel.page.get_by_test_id("test-result")).to_contain_text("It answered 204")
    panel.button("Done").click()
    expect(dialog).to_contain_text("You have not copied the secret")
    panel.button("Done").click()
    expect(dialog).to_have_count(0)
    row = panel.page.locator("tr[data-endpoint]")
    expect(row).to_have_count(1)
    return row.get_attribute("data-endpoint") or "", secret


def message(panel: Panel, event: str, fate: str) -> Locator:
    """A message in the list of an endpoint's page, with this outcome."""
    return panel.page.locator(f'[data-message="{event}"][data-fate="{fate}"]')


def test_a_webhook_of_ones_own_arrives_waits_and_is_explained(
    site: Site, panel: Panel, admin: Token, store: str, receiver: Receiver
) -> None:
    """Created, tested, verified; the page says what waits while the server is down; then it drains, and says why."""
    panel.go(f"{store_path(store)}/webhooks").sign_in(admin)
    panel.until_live()
    endpoint, secret = created(panel, receiver.url)
    (tested,) = receiver.requests
    assert is_signed(*tested, secret)

    panel.go(f"{store_path(store)}/webhooks/{endpoint}")
    expect(panel.page.get_by_test_id("state")).to_contain_text("Active")
    delivery = site.edit(store, price="61.25")
    arrived = poll(lambda: [each for each in receiver.requests if delivery.encode() in each[1]])
    assert arrived, "it arrives"
    assert is_signed(*arrived[0], secret)
    expect(message(panel, arrived[0][0]["webhook-id"], "sent")).to_be_visible(timeout=PATIENCE_MS)

    receiver.stop()
    before = len(receiver.requests)
    site.edit(store, price="62.50")
    for figure, words in {"waiting": "1 message", "breaker": "Open", "next-attempt": "in "}.items():
        expect(panel.page.locator(f'[data-figure="{figure}"]')).to_contain_text(words, timeout=PATIENCE_MS)
    expect(panel.page.get_by_test_id("health")).to_contain_text("Has taken no message since")

    receiver.start()
    expect(panel.page.locator('[data-figure="waiting"]')).to_contain_text("nothing", timeout=PATIENCE_MS)
    expect(panel.page.locator('[data-figure="breaker"]')).to_contain_text("Closed")
    (late,) = receiver.requests[before:]
    assert is_signed(*late, secret)

    event = late[0]["webhook-id"]
    message(panel, event, "sent").get_by_role("link").first.click()
    timeline = panel.page.get_by_test_id("message")
    expect(timeline.locator("[data-attempt]").last).to_contain_text("It answered 204")
    timeline.get_by_role("link", name="Why: its way").click()
    expect(panel.page.locator(f'[data-why="{endpoint}"]').first).to_contain_text("Sent at")
