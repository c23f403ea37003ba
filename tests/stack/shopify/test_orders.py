"""Orders, payments, shipments and customers of the local Shopify: their webhooks have the shapes of events/shopify."""

import json
from typing import Any

import pytest
from asking import SKILLET, Receiver, data
from hookline_local.places import EVENTS
from hookline_local.shopkeeper import ControlError, Shopkeeper

SUBSCRIBE = """mutation($topic: WebhookSubscriptionTopic!, $hook: WebhookSubscriptionInput!) {
    webhookSubscriptionCreate(topic: $topic, webhookSubscription: $hook) { userErrors { message } } }"""

TOPICS = (
    "orders/create",
    "orders/updated",
    "orders/fulfilled",
    "orders/cancelled",
    "order_transactions/create",
    "refunds/create",
    "fulfillments/create",
    "fulfillments/update",
    "fulfillment_events/create",
    "customers/create",
    "customers/update",
    "customers/delete",
)


@pytest.fixture
def sent(shop: Shopkeeper, receiver: Receiver) -> Any:
    """Bodies sent of each topic since the last call, in the order of sending within a topic."""
    for topic in TOPICS:
        value = topic.replace("/", "_").upper()
        assert not data(shop, SUBSCRIBE, topic=value, hook={"uri": receiver.url})["webhookSubscriptionCreate"][
            "userErrors"
        ]

    def since() -> dict[str, list[Any]]:
        assert shop.act("settle") == {"pending": 0}
        got: dict[str, list[Any]] = {}
        for one in receiver.all():
            got.setdefault(one.headers["X-Shopify-Topic"], []).append(one.json())
        return got

    return since


def shape(value: Any) -> Any:
    """The names of a value's fields, at every depth; of a list, those of its first."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def fits(body: Any, pattern: Any) -> bool:
    """Returns true if a body has the fields of a sample, where both have any."""
    if body is None or pattern is None:
        return True
    if isinstance(pattern, dict):
        return body.keys() == pattern.keys() and all(fits(body[name], pattern[name]) for name in pattern)
    return fits(body[0], pattern[0])


def placed(shop: Shopkeeper, **more: Any) -> dict[str, Any]:
    """An order of a new product, twice."""
    variants = [{"price": "9.00", "inventory_quantity": 5, "sku": "ST-1"}]
    product = shop.act("create_product", title="Stove", variants=variants)
    return shop.act("order", variants={product["variants"][0]["id"]: 2}, **more)


def test_the_life_of_an_order_has_one_id_for_each_thing(shop: Shopkeeper, sent: Any) -> None:
    """It is paid, fulfilled, delivered and partly paid back; every body has its sample's shape."""
    order = placed(shop, session_id="chat_1")
    fulfillment = shop.act("fulfill_order", order=order["id"], tracking_number="1Z", tracking_company="UPS")
    shop.act("report_shipment", fulfillment=fulfillment["id"], status="delivered")
    line = order["line_items"][0]["id"]
    shop.act("refund_order", order=order["id"], lines={line: 1})
    other = placed(shop, paid=False)
    shop.act("cancel_order", id=other["id"])
    customer = shop.act("create_customer", first_name="Wren")
    shop.act("update_customer", id=customer["id"], state="enabled")
    shop.act("delete_customer", id=customer["id"])
    got = sent()
    assert set(got) == set(TOPICS)
    for topic, bodies in got.items():
        sample = json.loads((EVENTS / f"{topic.replace('/', '-').replace('_', '-')}.json").read_text())
        for body in bodies:
            assert fits(shape(body), shape(sample)), topic
    (paid,), (refund,), (delivered,) = (
        got[topic] for topic in ("order_transactions/create", "refunds/create", "fulfillment_events/create")
    )
    assert got["orders/create"][0]["note_attributes"] == [{"name": "session_id", "value": "chat_1"}]
    assert got["orders/create"][0]["total_price_set"]["shop_money"] == {"amount": "18.00", "currency_code": "USD"}
    assert (paid["order_id"], paid["amount"], paid["status"]) == (order["id"], "18.00", "success")
    assert (refund["order_id"], refund["refund_line_items"][0]["line_item_id"]) == (order["id"], line)
    assert refund["transactions"][0]["amount"] == "9.00"
    assert (delivered["order_id"], delivered["fulfillment_id"]) == (order["id"], fulfillment["id"])
    assert got["fulfillments/create"][0]["line_items"][0]["id"] == line
    assert got["fulfillments/update"][-1]["shipment_status"] == "delivered"
    assert got["orders/fulfilled"][0]["fulfillment_status"] == "fulfilled"
    assert got["orders/cancelled"][0]["cancel_reason"] == "customer"
    statuses = [body["financial_status"] for body in got["orders/updated"] if body["id"] == order["id"]]
    assert statuses == ["paid", "partially_refunded"]
    assert got["customers/delete"][0]["id"] == customer["id"]


def test_a_payment_that_fails_pays_nothing(shop: Shopkeeper, sent: Any) -> None:
    """One that succeeds makes a paid order."""
    order = placed(shop, paid=False)
    assert "order_transactions/create" not in sent()
    shop.act("pay_order", order=order["id"], status="failure", error_code="card_declined")
    got = sent()
    assert [body["error_code"] for body in got["order_transactions/create"]] == ["card_declined"]
    assert "orders/updated" not in got
    shop.act("pay_order", order=order["id"])
    assert [body["financial_status"] for body in sent()["orders/updated"]] == ["paid"]
    (listed,) = shop.act("orders")["orders"]
    assert listed["financial_status"] == "paid"


def test_an_order_may_have_no_lines_and_a_refund_no_money(shop: Shopkeeper, sent: Any) -> None:
    """Both happen."""
    order = shop.act("order", variants={})
    shop.act("refund_order", order=order["id"], money=False)
    got = sent()
    assert got["orders/create"][0]["line_items"] == []
    assert (got["refunds/create"][0]["transactions"], got["orders/updated"][-1]["financial_status"]) == ([], "refunded")


@pytest.mark.parametrize(
    ("act", "arguments"),
    [
        ("cancel_order", {"id": 1}),
        ("pay_order", {"order": 1}),
        ("refund_order", {"order": 1}),
        ("fulfill_order", {"order": 1}),
        ("update_fulfillment", {"id": 1}),
        ("report_shipment", {"fulfillment": 1, "status": "delivered"}),
        ("update_customer", {"id": 1}),
        ("order", {"variants": {"1": 1}}),
    ],
)
def test_what_does_not_exist_is_refused(shop: Shopkeeper, act: str, arguments: dict[str, Any]) -> None:
    """By its id."""
    with pytest.raises(ControlError, match=r"no .* 1"):
        shop.act(act, **arguments)


def test_only_the_fields_that_are_asked_for_are_sent(shop: Shopkeeper, receiver: Receiver) -> None:
    """Of a customer of an order, only the id."""
    fields = ["id", "updated_at", "customer.id", "line_items.title", "total_price_set"]
    hook = {"uri": receiver.url, "includeFields": fields}
    data(shop, SUBSCRIBE, topic="ORDERS_CREATE", hook=hook)
    variant = shop.act("product", id=SKILLET)["variants"][0]["id"]
    shop.act("order", variants={variant: 1})
    shop.act("settle")
    (one,) = receiver.all()
    assert set(one.json()) == {"id", "updated_at", "customer", "line_items", "total_price_set"}
    assert set(one.json()["customer"]) == {"id"}
