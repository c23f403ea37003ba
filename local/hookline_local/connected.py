"""Promises for a store whose Admin API Hookline may call, step by step, in a shop of the local Shopify.

Here the shop itself sends the webhooks when its catalog is edited. `make demo` shows these steps and tests/stack
runs them; they build on each other, in the order of STEPS.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from . import command
from .bridge import physical_ids
from .deploy import aws_client
from .shop import seconds_now
from .shopkeeper import Shopkeeper
from .tour import Tour, poll

STORE = "harbour-and-pine.myshopify.com"

BOARD = "Walnut Serving Board"
SKILLET = "Hand-Poured Cast Iron Skillet"
CANDLE = "Beeswax Pillar Candle"

# More than the 100 variants that a webhook carries.
VARIANTS = 150


@dataclass
class Connected(Tour):
    """State of a tour of a connected store."""

    store: str = STORE
    shop: Shopkeeper = field(init=False)
    hookline: command.Hookline = field(init=False)

    def __post_init__(self) -> None:
        """Uses the shop and the command of the stack."""
        self.shop = Shopkeeper(self.stack.shopkeeper.url, self.store)
        self.hookline = self.stack.hookline

    def on_sale(self) -> list[dict[str, Any]]:
        """Products of the shop that shoppers see."""
        products = self.shop.act("products", limit=250)["products"]
        return [each for each in products if each["status"] == "active" and each["published_at"]]

    def product(self, title: str) -> dict[str, Any]:
        """A product of the shop by the beginning of its title."""
        listed = next(each for each in self.on_sale() if each["title"].startswith(title))
        return self.shop.act("product", id=listed["id"])

    def shown(self, title: str) -> dict[str, Any] | None:
        """A product of the shop as search shows it."""
        product = self.product(title)
        return next((each for each in self.found(product["title"]) if each["id"] == str(product["id"])), None)

    def edit(self, title: str, **changes: Any) -> None:
        """Edits a product in the shop, which sends what Shopify would send.

        Not in the second of its last change, because a missed webhook of this edit could then not be noticed.
        """
        self.progress(f"in the shop: {title}")
        product = self.product(title)
        poll(lambda: seconds_now() > product["updated_at"])
        self.shop.act("update_product", id=product["id"], **changes)

    def until_shown(self, title: str, what: str, **fields: Any) -> dict[str, Any]:
        """Waits until search shows a product with these fields."""

        def fits() -> dict[str, Any] | None:
            shown = self.shown(title)
            return shown if shown and all(shown.get(name) == value for name, value in fields.items()) else None

        return self.until(fits, what) or {}

    def due(self, schedule: str) -> None:
        """Invokes the function as a schedule's rule does."""
        function = physical_ids(self.stack.ports)["ReconcileFunction"]
        payload = json.dumps({"due": schedule}).encode()
        answer = aws_client("lambda", self.stack.ports).invoke(FunctionName=function, Payload=payload)
        self.expect("FunctionError" not in answer, f"the schedule runs ({schedule})")

    def missed(self) -> dict[str, int]:
        """Missed webhooks in the status, by topic."""
        return self.status().get("missed_24h", {}).get("by_topic", {})


def the_store_is_added(tour: Connected) -> None:
    """`hookline store add` checks the token, encrypts it and stores it. The index is empty."""
    token = tour.shop.act("install", kind="custom", seed=True)["access_token"]
    tour.expect(tour.stack.documents(tour.store) == 0, "the index holds nothing of the store")
    output = tour.hookline.do("store", "add", tour.store, "--token-stdin", stdin=token)
    tour.expect(token not in output, "the token is not shown")
    status = tour.status()
    tour.expect(status.get("connected") is True, "the store is connected")
    tour.expect(status.get("enabled") is True, "and enabled")
    tour.expect(tour.store in tour.hookline.do("store", "list"), "`hookline store list` shows it")
    tour.show_search("before the backfill", "walnut board")


def the_webhooks_are_registered(tour: Connected) -> None:
    """`hookline webhooks register` creates one subscription per topic, however often it runs."""
    tour.hookline.do("webhooks", "register", tour.store)
    first = tour.shop.act("subscriptions")["subscriptions"]
    tour.expect(len(first) >= 8, f"the shop has a subscription for each topic (has {len(first)})")
    tour.hookline.do("webhooks", "register", tour.store)
    second = tour.shop.act("subscriptions")["subscriptions"]
    tour.expect(second == first, "registering again changes nothing")
    checked = tour.hookline.run("webhooks", "check", tour.store)
    tour.expect(checked.returncode == 0, "`hookline webhooks check` finds nothing missing")


def the_catalog_is_read(tour: Connected) -> None:
    """`hookline resync`: everything for sale is found, with its collections and its currency."""
    tour.hookline.do("resync", tour.store)
    for product in tour.on_sale():
        title = product["title"]
        tour.until(lambda title=title: tour.shown(title), f"{title} is found")
    skillet = tour.shown(SKILLET) or {}
    titles = sorted(each["title"] for each in skillet.get("collections", []))
    tour.expect(bool(titles), f"the skillet lists its collections ({', '.join(titles)})")
    tour.expect(bool(skillet.get("currency")), f"its price has a currency ({skillet.get('currency')})")
    tour.show_search("after the backfill", "walnut board")


def an_edit_in_the_shop_is_found(tour: Connected) -> None:
    """A price changes in the shop, the shop sends a webhook, and search has the new price."""
    before = tour.shown(BOARD) or {}
    with tour.applying(1, "the edit"):
        tour.edit(BOARD, price="61.75")
        shown = tour.until_shown(BOARD, "the new price is found", price_min="61.75")
    unchanged = [(each.get("collections"), each.get("currency")) for each in (before, shown)]
    tour.expect(unchanged[0] == unchanged[1], "its collections and its currency, which no webhook carries, are kept")
    tour.show_search("edited in the shop", "walnut board")


def more_variants_than_a_webhook_carries(tour: Connected) -> None:
    """A product gets 150 variants; its webhook carries 100, its document all of them."""
    board = tour.product(BOARD)
    pattern = {
        name: value for name, value in board["variants"][0].items() if name not in ("id", "admin_graphql_api_id")
    }
    variants = [
        pattern | {"option1": f"Engraving {n}", "title": f"Engraving {n}", "sku": f"WSB-{n}"} for n in range(VARIANTS)
    ]
    tour.edit(BOARD, variants=variants)
    whole = tour.until(
        lambda: (shown := tour.shown(BOARD)) and len(shown["variants"]) == VARIANTS and not shown.get("partial"),
        f"its document has {VARIANTS} variants and is not partial",
    )
    if whole:
        found = tour.found(f"WSB-{VARIANTS - 1}")
        tour.expect(
            bool(found) and found[0]["id"] == str(board["id"]), "the last variant's stock-keeping unit finds it"
        )


def stock_that_runs_out_shows(tour: Connected) -> None:
    """A product sells out; the webhook names only an inventory item."""
    candle = tour.product(CANDLE)
    tour.until_shown(CANDLE, "the candle is in stock", available=True)
    for variant in candle["variants"]:
        item = variant["inventory_item_id"]
        tour.shop.act("set_stock", inventory_item_id=item, available=0, product_update=False)
    tour.until_shown(CANDLE, "the candle is sold out", available=False)


def products_show_their_collections(tour: Connected) -> None:
    """A product joins a collection, whose webhook lists no products, and the collection is renamed."""
    collections = tour.shop.act("collections")["collections"]
    custom = next(each for each in collections if not each.get("rules"))
    board = tour.product(BOARD)
    tour.shop.act("change_members", id=custom["id"], add=[board["id"]])

    def titles() -> list[str]:
        return [each["title"] for each in (tour.shown(BOARD) or {}).get("collections", [])]

    tour.until(lambda: custom["title"] in titles(), f"the board is in {custom['title']}")
    tour.shop.act("update_collection", id=custom["id"], title="By the Fire")
    tour.until(lambda: "By the Fire" in titles(), "the collection's new title shows in its products")
    tour.shop.act("change_members", id=custom["id"], remove=[board["id"]])
    tour.until(lambda: "By the Fire" not in titles(), "the board has left it again")


def a_lost_webhook_is_repaired_and_counted(tour: Connected) -> None:
    """The shop loses webhooks; a reconciliation finds the changes, applies them and counts the misses."""
    tour.expect(not tour.missed(), "no webhook has been missed so far")
    tour.shop.act("settle", seconds=20)
    deleted = tour.product("Enamel")
    tour.shop.act("mischief", kind="lose", next=100)
    tour.edit(BOARD, price="70.00")
    tour.shop.act("delete_product", id=deleted["id"])
    created = tour.shop.act("create_product", title="Beeswax Board Balm", status="active", price="9.50")
    tour.shop.act("mischief", kind="lose", next=0)
    tour.expect((tour.shown(BOARD) or {}).get("price_min") != "70.00", "the new price is not indexed yet")
    tour.show_search("webhooks lost", "board")

    output = tour.hookline.do("reconcile", tour.store, "--grace", "0s")
    tour.expect("products/update" in output, "`hookline reconcile` lists the missed webhooks")
    tour.until_shown(BOARD, "the new price is found", price_min="70.00")
    deleted_id = str(deleted["id"])
    tour.until(
        lambda: all(each["id"] != deleted_id for each in tour.found(deleted["title"])),
        "the deleted product is not found",
    )
    tour.until(lambda: tour.found(created["title"]), "the new product is found")
    expected = {"products/create": 1, "products/update": 1, "products/delete": 1}
    tour.expect(tour.missed() == expected, f"one of each topic is counted as missed (was {tour.missed()})")
    rates = tour.status().get("missed_rate", {})
    tour.expect(0 < rates.get("products/update", 0) < 1, f"the status has the rate, by topic ({rates})")
    tour.show_search("reconciled", "board")


def a_lost_subscription_is_restored(tour: Connected) -> None:
    """A subscription vanishes; `hookline webhooks check` reports it, and registering again restores it."""
    tour.shop.act("subscriptions", remove="products/update")
    checked = tour.hookline.run("webhooks", "check", tour.store)
    tour.expect(checked.returncode == 1, "`hookline webhooks check` ends with 1")
    tour.expect("products/update" in checked.stdout, "and names the topic")
    tour.hookline.do("webhooks", "register", tour.store)
    tour.expect(
        tour.hookline.run("webhooks", "check", tour.store).returncode == 0, "after registering again, it passes"
    )
    tour.edit(BOARD, price="71.00")
    tour.until_shown(BOARD, "the next edit is found", price_min="71.00")


def the_schedules_repair_by_themselves(tour: Connected) -> None:
    """The hourly and daily schedules repair by themselves: a lost subscription and a lost webhook's change."""
    tour.shop.act("subscriptions", remove="products/delete")
    tour.due("watch")
    tour.until(
        lambda: "products/delete" in (tour.status()["watched"] or {})["restored"],
        "the status lists the restored subscription",
    )
    checked = tour.hookline.run("webhooks", "check", tour.store)
    tour.expect(checked.returncode == 0, "the subscription exists again")

    missed = tour.missed().get("products/update", 0)
    tour.shop.act("mischief", kind="lose", next=1, topic="products/update")
    tour.edit(BOARD, price="71.50")
    tour.due("reconcile")
    tour.until_shown(BOARD, "the change is found without its webhook", price_min="71.50")
    tour.until(lambda: tour.missed().get("products/update", 0) == missed + 1, "and its webhook counts as missed")


def a_reinstall_starts_clean(tour: Connected) -> None:
    """The app is uninstalled and installed again; nothing is found until the catalog has been read again."""
    epoch = tour.status()["epoch"]
    tour.shop.act("uninstall")
    tour.until(lambda: not tour.status()["enabled"], "the store is disabled")
    tour.until(lambda: tour.stack.documents(tour.store) == 0, "its documents are removed")
    token = tour.shop.act("install", kind="custom")["access_token"]
    tour.hookline.do("store", "add", tour.store, "--token-stdin", stdin=token)
    tour.hookline.do("webhooks", "register", tour.store)
    tour.hookline.do("resync", tour.store)
    tour.until_shown(BOARD, "the unchanged board is found again", price_min="71.50")
    tour.expect(tour.status()["epoch"] > epoch, "the status counts another install")
    tour.edit(BOARD, price="72.00")
    tour.until_shown(BOARD, "an edit of the new install is found", price_min="72.00")


CONNECTING = (the_store_is_added, the_webhooks_are_registered, the_catalog_is_read)
STEPS = (
    *CONNECTING,
    an_edit_in_the_shop_is_found,
    more_variants_than_a_webhook_carries,
    stock_that_runs_out_shows,
    products_show_their_collections,
    a_lost_webhook_is_repaired_and_counted,
    a_lost_subscription_is_restored,
    the_schedules_repair_by_themselves,
    a_reinstall_starts_clean,
)
