"""Webhooks of the local Shopify: signed, retried, lost and given up as the real ones are."""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
from typing import Any

from asking import CAMPFIRE, CURTAIN, SECRET, SKILLET, TOKEN, Receiver, data, fetched
from hookline_local.shopkeeper import Shopkeeper

SUBSCRIBE = """mutation($topic: WebhookSubscriptionTopic!, $hook: WebhookSubscriptionInput!) {
    webhookSubscriptionCreate(topic: $topic, webhookSubscription: $hook) {
        webhookSubscription { id } userErrors { field message } } }"""
SUBSCRIBED = "{ webhookSubscriptions(first: 50) { nodes { id topic uri } } }"


def subscribed(shop: Shopkeeper, topic: str, uri: str, **more: Any) -> dict[str, Any]:
    """Creates a subscription through the Admin API."""
    return data(shop, SUBSCRIBE, topic=topic, hook={"uri": uri} | more)["webhookSubscriptionCreate"]


def test_an_edit_is_sent_signed(shop: Shopkeeper, receiver: Receiver) -> None:
    """The body has the first hundred variants and the gids of all."""
    subscribed(shop, "PRODUCTS_UPDATE", receiver.url, name="ours")
    shop.act("update_product", id=CURTAIN, title="Curtain ☕")
    assert shop.act("settle") == {"pending": 0}
    (one,) = receiver.all()
    assert one.headers["X-Shopify-Topic"] == "products/update"
    assert one.headers["X-Shopify-Shop-Domain"] == shop.store
    assert (one.headers["X-Shopify-API-Version"], one.headers["X-Shopify-Name"]) == ("2026-10", "ours")
    expected = base64.b64encode(hmac.digest(SECRET.encode(), one.body, hashlib.sha256)).decode()
    assert one.headers["X-Shopify-Hmac-Sha256"] == expected
    body = one.json()
    assert (body["id"], body["title"]) == (CURTAIN, "Curtain ☕")
    assert (len(body["variants"]), len(body["variant_gids"])) == (100, 120)
    (record,) = shop.act("deliveries")["deliveries"]
    assert (record["id"], record["outcome"], record["attempts"]) == (
        one.headers["X-Shopify-Webhook-Id"],
        "delivered",
        [200],
    )


def test_each_topic_has_its_shape(shop: Shopkeeper, receiver: Receiver) -> None:
    """Bodies have the shapes of events/shopify."""
    for topic in (
        "PRODUCTS_CREATE",
        "PRODUCTS_DELETE",
        "COLLECTIONS_CREATE",
        "COLLECTIONS_UPDATE",
        "COLLECTIONS_DELETE",
        "INVENTORY_LEVELS_UPDATE",
        "ORDERS_CREATE",
        "APP_UNINSTALLED",
    ):
        assert not subscribed(shop, topic, receiver.url)["userErrors"]
    product = shop.act("create_product", title="Stove", variants=[{"price": "9.00", "inventory_quantity": 5}])
    collection = shop.act("create_collection", title="Stoves", products=[product["id"]])
    shop.act("change_members", id=CAMPFIRE, add=[product["id"]], remove=[SKILLET])
    shop.act("order", variants={product["variants"][0]["id"]: 2})
    shop.act("delete_product", id=product["id"])
    shop.act("delete_collection", id=collection["id"])
    shop.act("uninstall")
    shop.act("settle")
    got = {one.headers["X-Shopify-Topic"]: one.json() for one in receiver.all()}
    assert got["products/create"]["variants"][0]["price"] == "9.00"
    assert got["products/delete"] == {"id": product["id"]}
    assert "products" not in got["collections/create"]
    assert got["collections/update"]["id"] == CAMPFIRE
    assert set(got["collections/delete"]) == {"id", "published_scope", "admin_graphql_api_id"}
    level = got["inventory_levels/update"]
    assert (level["available"], level["inventory_item_id"]) == (3, product["variants"][0]["inventory_item_id"])
    assert level["admin_graphql_api_id"].endswith(f"?inventory_item_id={level['inventory_item_id']}")
    assert got["orders/create"]["total_price"] == "18.00"
    assert got["app/uninstalled"]["myshopify_domain"] == shop.store


def test_an_address_can_subscribe_once_per_topic(shop: Shopkeeper) -> None:
    """The compliance topics cannot be had through the API at all."""
    uri = "https://example.com/hook"
    first = subscribed(shop, "PRODUCTS_UPDATE", uri)
    assert subscribed(shop, "PRODUCTS_UPDATE", uri)["userErrors"] == [
        {
            "field": ["webhookSubscription", "callbackUrl"],
            "message": "Address for this topic has already been taken",
        }
    ]
    assert not subscribed(shop, "PRODUCTS_DELETE", uri)["userErrors"]
    assert subscribed(shop, "PRODUCTS_DELETE", "http://example.com/hook")["userErrors"]
    _, answer = shop.graphql(SUBSCRIBE, TOKEN, topic="SHOP_REDACT", hook={"uri": uri})
    assert answer["errors"]
    change = """mutation($id: ID!) {
        webhookSubscriptionUpdate(id: $id, webhookSubscription: {uri: "https://example.com/b"}) {
            webhookSubscription { uri } userErrors { message } } }"""
    gid = first["webhookSubscription"]["id"]
    assert data(shop, change, id=gid)["webhookSubscriptionUpdate"]["webhookSubscription"]["uri"].endswith("/b")
    remove = """mutation($id: ID!) { webhookSubscriptionDelete(id: $id) {
        deletedWebhookSubscriptionId userErrors { message } } }"""
    assert data(shop, remove, id=gid)["webhookSubscriptionDelete"]["deletedWebhookSubscriptionId"] == gid
    assert data(shop, remove, id=gid)["webhookSubscriptionDelete"]["userErrors"]
    assert [one["topic"] for one in data(shop, SUBSCRIBED)["webhookSubscriptions"]["nodes"]] == ["PRODUCTS_DELETE"]


def test_only_the_included_fields_are_sent(shop: Shopkeeper, receiver: Receiver) -> None:
    """Including nested fields."""
    subscribed(shop, "PRODUCTS_UPDATE", receiver.url, includeFields=["id", "updated_at", "variants.price", "image.src"])
    shop.act("update_product", id=SKILLET, price="1.00")
    shop.act("settle")
    (one,) = receiver.all()
    body = one.json()
    assert set(body) == {"id", "updated_at", "variants", "image"}
    assert set(body["image"]) == {"src"}
    assert {tuple(variant.items()) for variant in body["variants"]} == {(("price", "1.00"),)}


def test_a_refused_delivery_is_sent_again_unchanged(shop: Shopkeeper, receiver: Receiver) -> None:
    """A redirect counts as refused; the id and the body stay."""
    subscribed(shop, "PRODUCTS_UPDATE", receiver.url)
    receiver.answers[:] = [500, 302, 200]
    shop.act("update_product", id=SKILLET, title="Again")
    shop.act("settle")
    got = receiver.all()
    assert len({(one.body, one.headers["X-Shopify-Webhook-Id"]) for one in got}) == 1
    assert shop.act("deliveries")["deliveries"][0]["attempts"] == [500, 302, 200]


def test_nine_failures_remove_subscriptions_of_the_api_only(shop: Shopkeeper, receiver: Receiver) -> None:
    """The app's own subscription outlives them, and is not in the list."""
    shop.app(subscriptions=[{"topic": "products/update", "uri": receiver.url + "/app"}])
    subscribed(shop, "PRODUCTS_UPDATE", receiver.url)
    receiver.answers[:] = [503] * 18
    shop.act("update_product", id=SKILLET, title="Lost")
    shop.act("settle")
    assert [(len(one["attempts"]), one["outcome"]) for one in shop.act("deliveries")["deliveries"]] == [
        (9, "failed")
    ] * 2
    assert data(shop, SUBSCRIBED)["webhookSubscriptions"]["nodes"] == []
    receiver.all()
    shop.act("update_product", id=SKILLET, title="Found")
    shop.act("settle")
    assert [one.path for one in receiver.all()] == ["/hook/app"]


def test_refused_connections_and_timeouts_are_failures(shop: Shopkeeper) -> None:
    """The log distinguishes them."""
    shop.app(timeout=0.05)
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as silent:
        subscribed(shop, "PRODUCTS_UPDATE", f"http://127.0.0.1:{silent.server_port}/never")
        subscribed(shop, "PRODUCTS_UPDATE", "http://127.0.0.1:9/nobody")
        shop.act("update_product", id=SKILLET, title="Gone")
        shop.act("settle")
    by_uri = {one["uri"]: set(one["attempts"]) for one in shop.act("deliveries")["deliveries"]}
    assert by_uri["http://127.0.0.1:9/nobody"] == {"ClientConnectorError"}
    assert len(by_uri) == 2
    assert all(isinstance(one, str) for attempts in by_uri.values() for one in attempts)


def test_deliveries_are_lost_and_doubled_as_control_demands(shop: Shopkeeper, receiver: Receiver) -> None:
    """A duplicate has the same id; a lost delivery is only in the log."""
    shop.app(subscriptions=[{"topic": topic, "uri": receiver.url} for topic in ("products/update", "products/delete")])
    shop.act("mischief", kind="lose", next=1, topic="products/delete")
    shop.act("mischief", kind="duplicate", next=1, topic="products/update")
    shop.act("update_product", id=SKILLET, title="Twice")
    shop.act("delete_product", id=SKILLET)
    shop.act("settle")
    got = receiver.all()
    assert [one.headers["X-Shopify-Topic"] for one in got] == ["products/update"] * 2
    assert len({one.headers["X-Shopify-Webhook-Id"] for one in got}) == 1
    (lost,) = shop.act("deliveries", topic="products/delete")["deliveries"]
    assert (lost["outcome"], lost["attempts"]) == ("lost", [])


def test_a_delayed_delivery_is_overtaken(shop: Shopkeeper, receiver: Receiver) -> None:
    """Later edits arrive first; each has its trigger time."""
    subscribed(shop, "PRODUCTS_UPDATE", receiver.url)
    shop.act("mischief", kind="delay", next=1, seconds=0.5)
    shop.act("update_product", id=SKILLET, title="First")
    shop.act("update_product", id=SKILLET, title="Second")
    shop.act("settle")
    got = receiver.all()
    assert [one.json()["title"] for one in got] == ["Second", "First"]
    assert got[0].headers["X-Shopify-Triggered-At"] > got[1].headers["X-Shopify-Triggered-At"]


def test_subscriptions_vanish_and_move_silently(shop: Shopkeeper) -> None:
    """The watchdog has to notice it."""
    for topic in ("PRODUCTS_UPDATE", "PRODUCTS_DELETE"):
        subscribed(shop, topic, "https://example.com/hook")
    shop.act("subscriptions", remove="products/update")
    shop.act("subscriptions", change="products/delete", uri="https://example.com/elsewhere")
    (left,) = data(shop, SUBSCRIBED)["webhookSubscriptions"]["nodes"]
    assert (left["topic"], left["uri"]) == ("PRODUCTS_DELETE", "https://example.com/elsewhere")


def test_events_have_their_own_headers_and_body(shop: Shopkeeper, receiver: Receiver) -> None:
    """Whole, with the result of a query, and as a stub to fetch."""
    query = "query($productId: ID!) { product(id: $productId) { id title } }"
    one = {"topic": "products/update", "uri": receiver.url, "style": "events", "name": "ours"}
    shop.app(subscriptions=[one | {"query": query}, one | {"query": query, "stub": True}])
    shop.act("update_product", id=SKILLET, title="Event")
    shop.act("settle")
    got = receiver.all()
    assert all(not name.lower().startswith("x-shopify") for each in got for name in each.headers)
    for each in got:
        digest = base64.b64encode(hmac.digest(SECRET.encode(), each.body, hashlib.sha256)).decode()
        assert each.headers["shopify-hmac-sha256"] == digest
        assert (each.headers["shopify-topic"], each.headers["shopify-action"]) == ("Product", "update")
        assert each.headers["shopify-handle"] == "ours"
    bodies = sorted((each.json() for each in got), key=lambda body: "payload_url" in body)
    gid = f"gid://shopify/Product/{SKILLET}"
    assert bodies[0]["query_variables"] == {"productId": gid}
    assert bodies[0]["data"] == {"product": {"id": gid, "title": "Event"}}
    assert bodies[0]["fields_changed"]["updated"] == [f"product[id: '{gid}'].title"]
    whole = fetched(bodies[1]["payload_url"])
    assert len(whole) == bodies[1]["payload_size_bytes"]
    assert json.loads(whole) == bodies[0]


def test_compliance_topics_reach_the_apps_own_subscriptions(shop: Shopkeeper, receiver: Receiver) -> None:
    """Even if the app is no longer installed."""
    topics = ("customers/data_request", "customers/redact", "shop/redact")
    shop.app(subscriptions=[{"topic": topic, "uri": receiver.url} for topic in topics])
    shop.act("uninstall")
    for topic in topics:
        shop.act("compliance", topic=topic)
    shop.act("settle")
    got = {one.headers["X-Shopify-Topic"]: one.json() for one in receiver.all()}
    assert set(got) == set(topics)
    assert all(body["shop_domain"] == shop.store for body in got.values())
    assert got["customers/redact"]["customer"]["id"] > 2**53


def test_control_explains_errors(shop: Shopkeeper) -> None:
    """Invalid requests get 400, so that a mistyped test does not pass."""
    for act, given in (
        ("nonsense", {}),
        ("update_product", {"id": 1}),
        ("faults", {"next": 1, "kind": "x"}),
        ("bulk", {"a": 1}),
    ):
        status, answer = shop.post(f"/_control/{shop.store}/{act.replace('_', '-')}", given)
        assert (status, bool(answer["error"])) == (400, True)
