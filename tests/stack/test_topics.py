"""Topics that the demo does not show, at the deployed stack: receivers, and compliance requests."""

import json

import pytest
from hookline_local.deploy import aws_client
from hookline_local.places import EVENTS
from hookline_local.tour import Tour, poll

SAMPLES = (
    "collections-create",
    "collections-delete",
    "inventory-levels-update",
    "orders-create",
    # One of each family of events.
    "orders-updated",
    "order-transactions-create",
    "fulfillments-create",
    "customers-delete",
    "customers-data-request",
    "customers-redact",
    "shop-redact",
)
REQUESTS = {"customers-data-request": "customer_data", "customers-redact": "customer_redaction"}


def sample(tour: Tour, name: str) -> tuple[str, bytes]:
    """Topic and body of a sample, with the tour's store in the body."""
    headers = json.loads((EVENTS / f"{name}.headers.json").read_text())
    body = (EVENTS / f"{name}.json").read_bytes()
    return headers["X-Shopify-Topic"], body.replace(headers["X-Shopify-Shop-Domain"].encode(), tour.store.encode())


def records(tour: Tour) -> list[dict[str, str]]:
    """Attributes of the audit table's records for the tour's store."""
    found = aws_client("dynamodb", tour.stack.ports).query(
        TableName=tour.stack.outputs["AuditTableName"],
        KeyConditionExpression="pk = :store",
        ExpressionAttributeValues={":store": {"S": f"shopify#{tour.store}"}},
    )
    return [{name: next(iter(value.values())) for name, value in item.items()} for item in found["Items"]]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_receiver_accepts_only_signed_requests(tour: Tour, name: str) -> None:
    """A signed request gets 200 and is counted for its topic; another signature gets 401 without any effect."""
    topic, body = sample(tour, name)
    good = tour.sign(topic, body)
    forged = good.with_headers(
        {"X-Shopify-Hmac-Sha256": tour.sign(topic, b"another body").header("X-Shopify-Hmac-Sha256")}
    )
    assert tour.send("forged", forged).status == 401
    tour.send_product("a product, so that the store is known", tour.products["walnut-serving-board"])
    assert poll(tour.status)
    assert tour.send("good", good).status == 200
    counted = "discarded_24h" if name == "inventory-levels-update" else "events_24h"
    assert poll(lambda: tour.status().get(counted)), "it is counted"
    if counted == "events_24h":
        assert poll(lambda: tour.status()["events_24h"]["by_topic"].get(topic) == 1)
    assert tour.send("again", good).status == 200


@pytest.mark.parametrize("name", REQUESTS)
def test_a_customer_request_leaves_a_record_without_the_customer(tour: Tour, name: str) -> None:
    """In DynamoDB, under the delivery of the request."""
    delivery = tour.sign(*sample(tour, name))
    assert tour.send("a request", delivery).status == 200
    assert poll(lambda: records(tour))
    (record,) = records(tour)
    assert record["request"] == REQUESTS[name]
    assert record["sk"].endswith(f"#{delivery.id}")
    assert "example.com" not in json.dumps(record)


def test_a_redacted_store_is_erased(tour: Tour) -> None:
    """A search finds nothing of it, its status shows only that it existed, and the record has the outcome."""
    board = tour.products["walnut-serving-board"]
    tour.send_product("a product", board)
    assert tour.until(lambda: tour.result(board), "it is found")
    assert tour.send("uninstalled", tour.sign(*sample(tour, "app-uninstalled"))).status == 200
    assert poll(lambda: tour.status()["enabled"] is False)
    assert tour.send("a redaction request", tour.sign(*sample(tour, "shop-redact"))).status == 200
    assert poll(lambda: records(tour))
    (record,) = records(tour)
    assert record["request"] == "store_redaction"
    assert "was erased as of its uninstall" in record["outcome"]
    assert tour.stack.documents(tour.store) == 0
    assert tour.status()["last_sync_at"] is None


def test_events_are_accepted_by_the_same_receiver(tour: Tour) -> None:
    """Events have their own headers; a deletion needs no fetch."""
    board = tour.products["walnut-serving-board"]
    tour.send_product("a product", board)
    assert tour.until(lambda: tour.result(board), "it is found")
    gid = f"gid://shopify/Product/{board.id}"
    event = {"topic": "Product", "action": "delete", "handle": "gone", "query_variables": {"productId": gid}}
    classic = tour.sign("products/delete", json.dumps(event).encode())
    renamed = {
        name.removeprefix("X-").lower(): value for name, value in classic.headers if name.startswith("X-Shopify-")
    }
    headers = dict.fromkeys((name for name, _ in classic.headers if name.startswith("X-Shopify-")), None)
    events = classic.with_headers(headers | renamed | {"shopify-topic": "Product", "shopify-action": "delete"})
    assert tour.stack.client.send(events).status == 200
    assert tour.until(lambda: not tour.result(board), "it is no longer found")
    assert tour.failures() == []
