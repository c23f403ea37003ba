"""Orders, their payments, refunds, fulfillments and reports of carriers; and customers.

Each act takes the shop and the JSON of the control request, sends the webhooks that Shopify would send, and returns the
content of the first one's body. Bodies have the shapes of the samples in events/shopify.
"""

from copy import deepcopy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import clock
from .edits import set_stock
from .ids import gid
from .payloads import sample

if TYPE_CHECKING:
    from .shops import Shop

Arguments = dict[str, Any]


def money_set(shop: "Shop", amount: Decimal) -> dict[str, Any]:
    """An amount in the shop's currency, which is the buyer's, too."""
    money = {"amount": str(amount), "currency_code": shop.currency}
    return {"shop_money": money, "presentment_money": dict(money)}


def place(shop: "Shop", arguments: Arguments) -> Any:
    """Places an order: `variants` maps variant ids to quantities, and may be empty.

    `session_id` becomes a cart attribute. Unless `paid` is false, it is paid at once: `order_transactions/create`, too.
    Reduces the stock as `set-stock` does. Other fields replace those of the body.
    """
    own = ("variants", "session_id", "paid", "customer", "product_update", "location_id")
    at, identifier = clock.now(), shop.next_id()
    lines = [line(shop, identifier) for identifier in arguments["variants"].items()]
    total = sum((Decimal(each["price"]) * each["quantity"] for each, _ in lines), Decimal(0))
    session = arguments.get("session_id")
    known = shop.customers.get(int(arguments.get("customer", 0)))
    is_paid = arguments.get("paid", True)
    number = 1001 + len(shop.orders)
    body = deepcopy(sample("orders-create.json"))
    sums = {
        name: total if "price" in name and "shipping" not in name else total * 0
        for name in body
        if name.endswith("_set") and body[name] is not None
    }
    body |= {name: money_set(shop, amount) for name, amount in sums.items()}
    body |= {
        name: str(sums[f"{name}_set"])
        for name in [name.removesuffix("_set") for name in sums]
        if name in body and isinstance(body[name], str)
    }
    body |= {
        "id": identifier,
        "admin_graphql_api_id": gid("Order", identifier),
        "created_at": at,
        "updated_at": at,
        "processed_at": at,
        "currency": shop.currency,
        "presentment_currency": shop.currency,
        "financial_status": "paid" if is_paid else "pending",
        "total_outstanding": str(total * 0) if is_paid else str(total),
        "name": f"#{number}",
        "number": number - 1000,
        "order_number": number,
        "note_attributes": [] if session is None else [{"name": "session_id", "value": session}],
        "customer": (known or body["customer"]),
        "line_items": [each for each, _ in lines],
        "shipping_lines": [],
    }
    body |= {name: value for name, value in arguments.items() if name in body and name not in own}
    shop.orders[identifier] = body
    shop.emit("orders/create", deepcopy(body))
    if is_paid:
        transaction(shop, {"order": identifier, "amount": str(total), "kind": "sale"})
    for each, variant in lines:
        available = shop.levels_of(variant).get(shop.location, 0) - each["quantity"]
        stock = {"inventory_item_id": variant["inventory_item_id"], "available": available}
        set_stock(shop, {"product_update": False} | arguments | stock)
    return body


def line(shop: "Shop", wanted: tuple[str, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A line of an order, and its variant."""
    found = shop.catalogue.variant(int(wanted[0]))
    if found is None:
        raise ValueError(f"no variant {wanted[0]}")
    product, variant = found
    identifier, quantity = shop.next_id(), int(wanted[1])
    price = Decimal(variant["price"])
    return deepcopy(sample("orders-create.json")["line_items"][0]) | {
        "id": identifier,
        "admin_graphql_api_id": gid("LineItem", identifier),
        "current_quantity": quantity,
        "fulfillable_quantity": quantity,
        "name": product["title"],
        "price": variant["price"],
        "price_set": money_set(shop, price),
        "product_id": product["id"],
        "quantity": quantity,
        "sku": variant["sku"],
        "title": product["title"],
        "total_discount_set": money_set(shop, Decimal(0)),
        "variant_id": variant["id"],
        "variant_title": variant["title"],
    }, variant


def change(shop: "Shop", order: dict[str, Any], fields: Arguments, *topics: str) -> dict[str, Any]:
    """Changes an order and sends its webhooks: `orders/updated` as well as others."""
    order |= fields | {"updated_at": clock.now()}
    for topic in (*topics, "orders/updated"):
        shop.emit(topic, deepcopy(order))
    return order


def update(shop: "Shop", arguments: Arguments) -> Any:
    """Changes the fields given of an order."""
    order = known(shop.orders, arguments["id"], "order")
    return change(shop, order, {name: value for name, value in arguments.items() if name in order and name != "id"})


def cancel(shop: "Shop", arguments: Arguments) -> Any:
    """Cancels an order; `reason` is `customer` by default."""
    order, at = known(shop.orders, arguments["id"], "order"), clock.now()
    fields = {"cancelled_at": at, "closed_at": at, "cancel_reason": arguments.get("reason", "customer")}
    return change(shop, order, fields, "orders/cancelled")


def transaction(shop: "Shop", arguments: Arguments) -> Any:
    """Tries a payment of an order: `kind` (`sale`), `status` (`success`), `amount`; fields of the body.

    A sale or capture that succeeds makes an unpaid order a paid one.
    """
    order, at = known(shop.orders, arguments["order"], "order"), clock.now()
    identifier = shop.next_id()
    body = deepcopy(sample("order-transactions-create.json"))
    body |= {
        "id": identifier,
        "admin_graphql_api_id": gid("OrderTransaction", identifier),
        "order_id": order["id"],
        "created_at": at,
        "processed_at": at,
        "amount": order["total_price"],
        "currency": shop.currency,
        "payment_id": f"{order['name']}.1",
    }
    body |= {name: value for name, value in arguments.items() if name in body and name not in ("id", "order_id")}
    shop.emit("order_transactions/create", body)
    pays = body["kind"] in ("sale", "capture") and body["status"] == "success"
    if pays and order["financial_status"] != "paid":
        change(shop, order, {"financial_status": "paid", "total_outstanding": "0.00"})
    return body


def refund(shop: "Shop", arguments: Arguments) -> Any:
    """Pays back lines of an order: `lines` maps line ids to quantities; by default all. `money`: false pays none."""
    order, at = known(shop.orders, arguments["order"], "order"), clock.now()
    identifier = shop.next_id()
    ordered = {each["id"]: each for each in order["line_items"]}
    wanted = arguments.get("lines", {each["id"]: each["quantity"] for each in order["line_items"]})
    pattern = sample("refunds-create.json")
    lines, total = [], Decimal(0)
    for number, quantity in wanted.items():
        of = known(ordered, number, "line")
        amount = Decimal(of["price"]) * int(quantity)
        total += amount
        lines.append(
            deepcopy(pattern["refund_line_items"][0])
            | {
                "id": shop.next_id(),
                "quantity": int(quantity),
                "line_item_id": of["id"],
                "location_id": shop.location,
                "subtotal": float(amount),
                "subtotal_set": money_set(shop, amount),
                "total_tax_set": money_set(shop, Decimal(0)),
                "line_item": {name: of.get(name) for name in pattern["refund_line_items"][0]["line_item"]},
            }
        )
    paid_back = shop.next_id()
    money = deepcopy(pattern["transactions"][0]) | {
        "id": paid_back,
        "admin_graphql_api_id": gid("OrderTransaction", paid_back),
        "order_id": order["id"],
        "created_at": at,
        "processed_at": at,
        "amount": str(total),
        "currency": shop.currency,
        "payment_id": f"{order['name']}.2",
    }
    body = deepcopy(pattern) | {
        "id": identifier,
        "admin_graphql_api_id": gid("Refund", identifier),
        "order_id": order["id"],
        "created_at": at,
        "processed_at": at,
        "total_duties_set": money_set(shop, Decimal(0)),
        "refund_line_items": lines,
        "transactions": [money] if arguments.get("money", True) else [],
    }
    shop.emit("refunds/create", body)
    is_whole = all(int(wanted.get(each, wanted.get(str(each), 0))) >= ordered[each]["quantity"] for each in ordered)
    change(shop, order, {"financial_status": "refunded" if is_whole else "partially_refunded"})
    return body


def fulfill(shop: "Shop", arguments: Arguments) -> Any:
    """Fulfills all of an order: `tracking_number`, `tracking_url`, `tracking_company`; `orders/fulfilled`, too."""
    order, at = known(shop.orders, arguments["order"], "order"), clock.now()
    identifier = shop.next_id()
    body = deepcopy(sample("fulfillments-create.json"))
    pattern = body["line_items"][0]
    body |= {
        "id": identifier,
        "admin_graphql_api_id": gid("Fulfillment", identifier),
        "order_id": order["id"],
        "created_at": at,
        "updated_at": at,
        "location_id": shop.location,
        "name": f"{order['name']}.1",
        "line_items": [{name: each.get(name) for name in pattern} for each in order["line_items"]],
        "shipment_status": None,
    } | tracking(arguments)
    shop.fulfillments[identifier] = body
    shop.emit("fulfillments/create", deepcopy(body))
    change(shop, order, {"fulfillment_status": "fulfilled"}, "orders/fulfilled")
    return body


def tracking(arguments: Arguments) -> dict[str, Any]:
    """Fields of a shipment's tracking; none of those that are not given."""
    number, url = arguments.get("tracking_number"), arguments.get("tracking_url")
    return {
        "tracking_company": arguments.get("tracking_company"),
        "tracking_number": number,
        "tracking_numbers": [number] if number else [],
        "tracking_url": url,
        "tracking_urls": [url] if url else [],
    }


def update_fulfillment(shop: "Shop", arguments: Arguments) -> Any:
    """Changes the fields given of a fulfillment, such as `tracking_number`, `shipment_status` or `status`."""
    body = known(shop.fulfillments, arguments["id"], "fulfillment")
    if arguments.keys() & {"tracking_number", "tracking_url", "tracking_company"}:
        body |= tracking(body | arguments)
    body |= {name: value for name, value in arguments.items() if name in body and name != "id"}
    body["updated_at"] = clock.now()
    shop.emit("fulfillments/update", deepcopy(body))
    return body


def report(shop: "Shop", arguments: Arguments) -> Any:
    """Report of a carrier about a fulfillment: `status`, as in `delivered`; `fulfillments/update`, too."""
    fulfillment, at = known(shop.fulfillments, arguments["fulfillment"], "fulfillment"), clock.now()
    identifier = shop.next_id()
    body = deepcopy(sample("fulfillment-events-create.json")) | {
        "id": identifier,
        "admin_graphql_api_id": gid("FulfillmentEvent", identifier),
        "fulfillment_id": fulfillment["id"],
        "order_id": fulfillment["order_id"],
        "shop_id": shop.id,
        "status": arguments["status"],
        "happened_at": at,
        "created_at": at,
        "updated_at": at,
    }
    shop.emit("fulfillment_events/create", body)
    update_fulfillment(shop, {"id": fulfillment["id"], "shipment_status": arguments["status"]})
    return body


def create_customer(shop: "Shop", arguments: Arguments) -> Any:
    """A new customer, with the fields given."""
    identifier, at = shop.next_id(), clock.now()
    body = deepcopy(sample("customers-create.json")) | {"created_at": at, "updated_at": at, "currency": shop.currency}
    body |= {name: value for name, value in arguments.items() if name in body}
    body |= {"id": identifier, "admin_graphql_api_id": gid("Customer", identifier)}
    for address in (body["default_address"], *body["addresses"]):
        address["customer_id"] = identifier
    shop.customers[identifier] = body
    shop.emit("customers/create", deepcopy(body))
    return body


def update_customer(shop: "Shop", arguments: Arguments) -> Any:
    """Changes the fields given of a customer."""
    body = known(shop.customers, arguments["id"], "customer")
    body |= {name: value for name, value in arguments.items() if name in body and name != "id"}
    body["updated_at"] = clock.now()
    shop.emit("customers/update", deepcopy(body))
    return body


def delete_customer(shop: "Shop", arguments: Arguments) -> Any:
    """Deletes a customer."""
    gone = known(shop.customers, arguments["id"], "customer")
    del shop.customers[gone["id"]]
    body = {"id": gone["id"], "tax_exemptions": [], "admin_graphql_api_id": gone["admin_graphql_api_id"]}
    shop.emit("customers/delete", body)
    return body


def listed(shop: "Shop", _: Arguments) -> Any:
    """The orders, their fulfillments, and the customers."""
    kinds = {"orders": shop.orders, "fulfillments": shop.fulfillments, "customers": shop.customers}
    return {kind: list(those.values()) for kind, those in kinds.items()}


def known(those: dict[int, dict[str, Any]], identifier: Any, what: str) -> dict[str, Any]:
    """The thing of this id."""
    found = those.get(int(identifier))
    if found is None:
        raise ValueError(f"no {what} {identifier}")
    return found


ACTS = {
    "order": place,
    "update-order": update,
    "cancel-order": cancel,
    "pay-order": transaction,
    "refund-order": refund,
    "fulfill-order": fulfill,
    "update-fulfillment": update_fulfillment,
    "report-shipment": report,
    "create-customer": create_customer,
    "update-customer": update_customer,
    "delete-customer": delete_customer,
    "orders": listed,
}
