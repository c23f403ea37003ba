"""Webhook subscriptions: per shop, created through the Admin API, and of the app, set by control.

https://shopify.dev/docs/apps/build/webhooks/subscribe
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import clock, schema
from .ids import gid, number
from .nodes import FIELDS, Node
from .paging import Listing

if TYPE_CHECKING:
    from .shops import Shop

COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")
# Enum values of the schema whose slash is not the last underscore.
ODD_TOPICS = {"INVENTORY_LEVELS_UPDATE": "inventory_levels/update", "ORDERS_CREATE": "orders/create"}


@dataclass
class Subscription:
    """Subscription of a topic, and its address."""

    number: int
    topic: str
    uri: str
    include_fields: list[str] = field(default_factory=list)
    filter: str | None = None
    name: str | None = None
    app_specific: bool = False
    created_at: str = field(default_factory=clock.now)
    updated_at: str = field(default_factory=clock.now)
    style: str = "classic"
    query: str | None = None
    stub: bool = False

    @property
    def gid(self) -> str:
        """Its global id."""
        return gid("WebhookSubscription", self.number)


@dataclass
class Subscriptions:
    """Subscriptions of one shop, created through the Admin API."""

    made: dict[int, Subscription] = field(default_factory=dict)

    def find(self, identifier: str) -> Subscription | None:
        """One by its gid."""
        return self.made.get(number(identifier, "WebhookSubscription") or 0)


def topic_of(value: str) -> str:
    """An enum value as a topic: `PRODUCTS_UPDATE` is `products/update`."""
    if value in ODD_TOPICS:
        return ODD_TOPICS[value]
    head, _, tail = value.lower().rpartition("_")
    return f"{head}/{tail}"


def value_of(topic: str) -> str:
    """A topic as an enum value."""
    return re.sub(r"\W", "_", topic).upper()


def node_of(shop: "Shop", subscription: Subscription | None) -> Node | None:
    """A subscription as a node."""
    return Node("WebhookSubscription", subscription, shop) if subscription else None


def node(shop: "Shop", identifier: str) -> Node | None:
    """A subscription by its gid."""
    return node_of(shop, shop.subscriptions.find(identifier))


def listing(shop: "Shop", arguments: dict[str, Any]) -> Listing:
    """Subscriptions created through the Admin API; the app's own are never shown."""
    topics = {topic_of(value) for value in arguments.get("topics") or []}
    address = arguments.get("uri") or arguments.get("callbackUrl")
    made = shop.subscriptions.made
    keys = [
        key for key, one in sorted(made.items()) if (not topics or one.topic in topics) and address in (None, one.uri)
    ]
    return Listing(keys, lambda key: node_of(shop, made[key]))


def problem(shop: "Shop", topic: str, given: dict[str, Any], besides: int | None = None) -> dict[str, Any] | None:
    """The user error that an input deserves, if any."""
    uri = given.get("uri") or given.get("callbackUrl")
    if uri is None:
        return error(["webhookSubscription", "callbackUrl"], "Address can't be blank")
    # Shopify requires HTTPS; loopback is allowed here, because a local stack has no other address.
    if not re.match(r"https://|arn:aws:events:|pubsub://|http://(127\.0\.0\.1|localhost)[:/]", uri):
        return error(["webhookSubscription", "callbackUrl"], "Address protocol http:// is not supported")
    for other in shop.subscriptions.made.values():
        if (other.topic, other.uri) == (topic, uri) and other.number != besides:
            return error(["webhookSubscription", "callbackUrl"], "Address for this topic has already been taken")
    if given.get("name") and not re.fullmatch(r"[A-Za-z0-9_-]{1,50}", given["name"]):
        return error(["webhookSubscription", "name"], "Name is invalid")
    return None


def error(where: list[str], message: str) -> dict[str, Any]:
    """A user error."""
    return {"field": where, "message": message}


def answer(shop: "Shop", subscription: Subscription | None, problem: dict[str, Any] | None) -> dict[str, Any]:
    """A payload."""
    return {"webhookSubscription": node_of(shop, subscription), "userErrors": [problem] if problem else []}


def create(shop: "Shop", arguments: dict[str, Any]) -> dict[str, Any]:
    """`webhookSubscriptionCreate`. The compliance topics are not in the schema's enum, so validation refuses them."""
    topic, given = topic_of(arguments["topic"]), arguments["webhookSubscription"]
    if found := problem(shop, topic, given):
        return answer(shop, None, found)
    made = Subscription(shop.next_id(), topic, "")
    change(made, given)
    shop.subscriptions.made[made.number] = made
    return answer(shop, made, None)


def update(shop: "Shop", arguments: dict[str, Any]) -> dict[str, Any]:
    """`webhookSubscriptionUpdate`."""
    subscription, given = shop.subscriptions.find(arguments["id"]), arguments["webhookSubscription"]
    if subscription is None:
        return answer(shop, None, error(["id"], "Webhook subscription does not exist"))
    if "uri" not in given and "callbackUrl" not in given:
        given = {"uri": subscription.uri} | given
    if found := problem(shop, subscription.topic, given, besides=subscription.number):
        return answer(shop, None, found)
    change(subscription, given)
    return answer(shop, subscription, None)


def change(subscription: Subscription, given: dict[str, Any]) -> None:
    """Applies the fields of an input."""
    subscription.uri = given.get("uri") or given.get("callbackUrl")
    subscription.include_fields = given.get("includeFields", subscription.include_fields) or []
    subscription.filter = given.get("filter", subscription.filter)
    subscription.name = given.get("name", subscription.name)
    subscription.updated_at = clock.now()


def delete(shop: "Shop", arguments: dict[str, Any]) -> dict[str, Any]:
    """`webhookSubscriptionDelete`."""
    subscription = shop.subscriptions.find(arguments["id"])
    if subscription is None:
        missing = error(["id"], "Webhook subscription does not exist")
        return {"deletedWebhookSubscriptionId": None, "userErrors": [missing]}
    del shop.subscriptions.made[subscription.number]
    return {"deletedWebhookSubscriptionId": arguments["id"], "userErrors": []}


FIELDS["WebhookSubscription"] = {
    "id": lambda node, _: node.data.gid,
    "legacyResourceId": lambda node, _: str(node.data.number),
    "topic": lambda node, _: value_of(node.data.topic),
    "uri": lambda node, _: node.data.uri,
    "callbackUrl": lambda node, _: node.data.uri,
    "endpoint": lambda node, _: {"__typename": "WebhookHttpEndpoint", "callbackUrl": node.data.uri},
    "format": lambda *_: "JSON",
    "includeFields": lambda node, _: node.data.include_fields,
    "filter": lambda node, _: node.data.filter,
    "name": lambda node, _: node.data.name,
    "createdAt": lambda node, _: clock.zulu(node.data.created_at),
    "updatedAt": lambda node, _: clock.zulu(node.data.updated_at),
    "apiVersion": lambda *_: {"handle": schema.API_VERSION, "displayName": schema.API_VERSION, "supported": True},
}

FIELDS["Shop"] = {
    "id": lambda node, _: gid("Shop", node.data.id),
    "name": lambda node, _: node.data.title,
    "email": lambda *_: "owner@example.com",
    "myshopifyDomain": lambda node, _: node.data.name,
    "currencyCode": lambda node, _: node.data.currency,
    "ianaTimezone": lambda *_: "America/New_York",
    "url": lambda node, _: f"https://{node.data.name}",
}
