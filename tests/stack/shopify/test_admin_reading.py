"""Products, collections and stock in the Admin API."""

from asking import BOARD, CURTAIN, SKILLET, TOKEN, UNDER_FIFTY, Receiver, code, data
from hookline_local.shopkeeper import Shopkeeper


def test_ids_stay_exact(shop: Shopkeeper) -> None:
    """Eighteen digits, odd: a float would change them."""
    gid = f"gid://shopify/Product/{CURTAIN}"
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Product { legacyResourceId } } }"
    found = data(shop, query, ids=[gid, "gid://shopify/Product/1"])
    assert found["nodes"] == [{"id": gid, "legacyResourceId": str(CURTAIN)}, None]


def test_pages_are_complete_while_the_catalog_changes(shop: Shopkeeper) -> None:
    """Cursors name a position, not a number of objects."""
    query = """query($after: String) { products(first: 5, after: $after) {
        nodes { id } pageInfo { hasNextPage endCursor } } }"""
    read_ids, after = [], None
    while True:
        page = data(shop, query, after=after)["products"]
        read_ids += [node["id"] for node in page["nodes"]]
        if len(read_ids) == 5:
            shop.act("delete_product", id=int(read_ids[0].rpartition("/")[2]))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(read_ids) == len(set(read_ids)) == 18


def test_a_page_has_250_at_most(shop: Shopkeeper) -> None:
    """A larger page is an error, and so is a missing size."""
    shop.act("generate", products=300)
    assert len(data(shop, "{ products(first: 250) { nodes { id } } }")["products"]["nodes"]) == 250
    assert code(shop, "{ products(first: 251) { nodes { id } } }") == "BAD_USER_INPUT"
    assert code(shop, "{ products { nodes { id } } }") == "BAD_USER_INPUT"


def test_all_variants_can_be_read(shop: Shopkeeper) -> None:
    """Including the variants that a webhook only lists."""
    query = """{ product(id: "gid://shopify/Product/%d") {
        variantsCount { count } variants(first: 250) { nodes { id title } } } }"""
    product = data(shop, query % CURTAIN)["product"]
    assert product["variantsCount"]["count"] == 120
    assert len({node["title"] for node in product["variants"]["nodes"]}) == 120


def test_changes_are_found_by_time(shop: Shopkeeper) -> None:
    """With the query of the reconciliation."""
    query = """{ products(first: 50, sortKey: UPDATED_AT,
        query: "updated_at:>='2026-11-14T00:00:00Z' AND status:active") { nodes { updatedAt } } }"""
    times = [node["updatedAt"] for node in data(shop, query)["products"]["nodes"]]
    assert len(times) == 4
    assert times == sorted(times)
    assert times[0] >= "2026-11-14"


def test_a_filter_on_an_unknown_field_filters_nothing_and_warns(shop: Shopkeeper) -> None:
    """Shopify does not refuse it."""
    _, answer = shop.graphql('{ products(first: 50, query: "colour:red") { nodes { id } } }', TOKEN)
    assert len(answer["data"]["products"]["nodes"]) == 18
    assert answer["extensions"]["search"][0]["warnings"][0]["field"] == "colour"


def test_membership_of_a_smart_collection_follows_edits_silently(shop: Shopkeeper, receiver: Receiver) -> None:
    """Only the product's own webhook is sent."""
    shop.app(
        subscriptions=[{"topic": topic, "uri": receiver.url} for topic in ("products/update", "collections/update")]
    )
    query = """{ product(id: "gid://shopify/Product/%d") { inCollection(id: "gid://shopify/Collection/%d") }
        collection(id: "gid://shopify/Collection/%d") {
            productsCount { count } products(first: 50) { nodes { id } } } }"""
    query %= (SKILLET, UNDER_FIFTY, UNDER_FIFTY)
    before = data(shop, query)
    shop.act("update_product", id=SKILLET, price="20.00")
    after = data(shop, query)
    assert (before["product"]["inCollection"], after["product"]["inCollection"]) == (False, True)
    assert after["collection"]["productsCount"]["count"] == before["collection"]["productsCount"]["count"] + 1
    assert f"gid://shopify/Product/{SKILLET}" in {node["id"] for node in after["collection"]["products"]["nodes"]}
    shop.act("settle")
    assert [one.headers["X-Shopify-Topic"] for one in receiver.all()] == ["products/update"]


def test_stock_is_per_location(shop: Shopkeeper) -> None:
    """The variant's stock is the sum of all locations."""
    query = """{ product(id: "gid://shopify/Product/%d") { variants(first: 1) { nodes {
        inventoryQuantity
        inventoryItem { id inventoryLevels(first: 5) { nodes { quantities(names: ["available"]) { quantity } } } }
    } } } }"""
    item = data(shop, query % BOARD)["product"]["variants"]["nodes"][0]["inventoryItem"]["id"]
    number = int(item.rpartition("/")[2])
    shop.act("set_stock", inventory_item_id=number, available=3)
    shop.act("set_stock", inventory_item_id=number, available=4, location_id=7)
    variant = data(shop, query % BOARD)["product"]["variants"]["nodes"][0]
    levels = [level["quantities"][0]["quantity"] for level in variant["inventoryItem"]["inventoryLevels"]["nodes"]]
    assert (sorted(levels), variant["inventoryQuantity"]) == ([3, 4], 7)
    query = "query($id: ID!) { inventoryItem(id: $id) { variants(first: 1) { nodes { product { id } } } } }"
    owner = data(shop, query, id=item)["inventoryItem"]["variants"]["nodes"][0]["product"]["id"]
    assert owner == f"gid://shopify/Product/{BOARD}"
