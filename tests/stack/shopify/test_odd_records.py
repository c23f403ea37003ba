"""Records over which a reader may stumble: hidden or odd ones, and stock."""

import json

from asking import BOARD, CAMPFIRE, SKILLET, data, fetched
from hookline_local.shopkeeper import Shopkeeper
from test_admin_bulk import finished, started

STOCK = """query ($id: ID!) { product(id: $id) { variants(first: 1) { nodes { id inventoryQuantity
    inventoryItem { tracked } } } } }"""
PUBLISHED = "query ($id: ID!) { collection(id: $id) { resourcePublicationsCount(onlyPublished: true) { count } } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Product { id title tags } } }"


def product(number: int) -> str:
    """The gid of a product."""
    return f"gid://shopify/Product/{number}"


def test_untracked_stock_shows_in_the_admin_api_only(shop: Shopkeeper) -> None:
    """Like Shopify's payloads since 2024-07."""
    one = shop.act("product", id=SKILLET)["variants"][0]
    body = shop.act("set-tracked", inventory_item_id=one["inventory_item_id"], tracked=False)
    assert "tracked" not in json.dumps(body)
    assert "inventory_management" not in json.dumps(body)
    tracked = lambda: data(shop, STOCK, id=product(SKILLET))["product"]["variants"]["nodes"][0]["inventoryItem"]  # noqa: E731
    assert tracked() == {"tracked": False}
    shop.act("set-tracked", inventory_item_id=one["inventory_item_id"], tracked=True)
    assert tracked() == {"tracked": True}


def test_a_collection_is_published_or_not(shop: Shopkeeper) -> None:
    """A collection that will be published later is not published yet."""
    count = lambda: data(shop, PUBLISHED, id=f"gid://shopify/Collection/{CAMPFIRE}")["collection"]  # noqa: E731
    for published_at, expected in ((None, 0), ("2999-01-01T00:00:00Z", 0), ("2026-01-01T00:00:00Z", 1)):
        shop.act("update-collection", id=CAMPFIRE, published_at=published_at)
        assert count()["resourcePublicationsCount"]["count"] == expected


def test_an_odd_record_is_odd_in_every_response_until_reset(shop: Shopkeeper) -> None:
    """Other records are unchanged."""
    shop.act("odd", id=product(SKILLET), fields={"tags": None, "title": {"missing": True}}, lines=["nonsense"])
    odd, other = data(shop, NODES, ids=[product(SKILLET), product(BOARD)])["nodes"]
    assert odd == {"id": product(SKILLET), "tags": None}
    assert isinstance(other["tags"], list)
    lines = fetched(finished(shop, started(shop))["url"]).decode().splitlines()
    at = next(index for index, line in enumerate(lines) if json.loads(line).get("id") == product(SKILLET))
    assert "title" not in json.loads(lines[at])
    assert lines[at + 1] == "nonsense"
    shop.act("odd", id=product(SKILLET))
    assert data(shop, NODES, ids=[product(SKILLET)])["nodes"][0]["title"]


def test_half_a_surrogate_pair_stays_an_escape(shop: Shopkeeper) -> None:
    """In an export and in an answer."""
    shop.act("odd", id=product(SKILLET), fields={"title": "Skillet \ud83d"}, where=["bulk"])
    assert rb"Skillet \ud83d" in fetched(finished(shop, started(shop))["url"])
