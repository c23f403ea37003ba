"""Deliveries in the newer format, *Events*: different headers and body.

https://shopify.dev/docs/apps/build/events/delivery-structure, as changed on 16 September 2026:
https://shopify.dev/changelog/updates-to-events-payloads-and-subscription-configuration
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from graphql import execute_sync

from . import schema
from .ids import gid

if TYPE_CHECKING:
    from .shops import Shop
    from .subscriptions import Subscription

RESOURCES = {
    "products": "Product",
    "collections": "Collection",
    "inventory_levels": "InventoryLevel",
    "orders": "Order",
    "customers": "Customer",
}
STUB_DAYS = 1


def resource_of(topic: str) -> tuple[str, str]:
    """Resource and action of a classic topic: Product, update."""
    kind, _, action = topic.partition("/")
    return RESOURCES.get(kind, kind.title()), action


def body(shop: "Shop", subscription: "Subscription", topic: str, resource: dict[str, Any], changed: list[str]) -> bytes:
    """The body, with the result of the subscription's query if it has one."""
    kind, action = resource_of(topic)
    identifier = resource.get("admin_graphql_api_id") or gid(kind, resource["id"])
    path = f"{kind[0].lower()}{kind[1:]}[id: '{identifier}']"
    names = [f"{path}.{camel(name)}" for name in changed]
    whole = {"create": "added", "delete": "removed"}.get(action)
    content = {
        "topic": kind,
        "action": action,
        "handle": subscription.name or f"hookline-{topic.replace('/', '-')}",
        "fields_changed": {
            "added": [path] if whole == "added" else [],
            "updated": [] if whole else names,
            "removed": [path] if whole == "removed" else [],
        },
        "query_variables": {f"{kind[0].lower()}{kind[1:]}Id": identifier},
    }
    if subscription.query:
        content |= queried(shop, subscription.query, content["query_variables"])
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def queried(shop: "Shop", query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Result of the subscription's query, or its errors."""
    from .execute import Context, resolve, type_of

    document, errors = schema.check(query)
    if document is None:
        return {"query_errors": errors}
    result = execute_sync(
        schema.load(),
        document,
        context_value=Context(shop),
        variable_values=variables,
        field_resolver=resolve,
        type_resolver=type_of,
    )
    if result.errors:
        return {"query_errors": [error.formatted for error in result.errors]}
    return {"data": result.data}


def stub(shop: "Shop", number: int, whole: bytes) -> bytes:
    """Stub for a body that is too large; the body can be fetched from `payload_url`."""
    shop.stored_payloads[str(number)] = whole
    envelope = {name: value for name, value in json.loads(whole).items() if name in ("topic", "action", "handle")}
    content = envelope | {
        "payload_url": f"{shop.base_url()}/{shop.name}/payloads/{number}",
        "payload_size_bytes": len(whole),
        "expires_at": (datetime.now(UTC) + timedelta(days=STUB_DAYS)).isoformat(timespec="seconds"),
    }
    return json.dumps(content, separators=(",", ":")).encode()


def headers(classic: dict[str, str], topic: str, handle: str) -> dict[str, str]:
    """The newer headers, built from the classic ones. There is no event id."""
    kind, action = resource_of(topic)
    return {
        "Content-Type": "application/json",
        "User-Agent": classic["User-Agent"],
        "shopify-topic": kind,
        "shopify-action": action,
        "shopify-handle": handle,
        "shopify-hmac-sha256": classic["X-Shopify-Hmac-Sha256"],
        "shopify-shop-domain": classic["X-Shopify-Shop-Domain"],
        "shopify-api-version": "unstable",
        "shopify-webhook-id": classic["X-Shopify-Webhook-Id"],
        "shopify-triggered-at": classic["X-Shopify-Triggered-At"],
    }


def camel(name: str) -> str:
    """GraphQL's name of a REST field."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
