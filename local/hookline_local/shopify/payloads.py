"""Bodies of webhooks: REST resources of the shapes in events/shopify, built from the catalog.

Shapes: https://shopify.dev/docs/api/webhooks/latest
"""

import json
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from ..places import EVENTS
from . import clock
from .ids import gid, level_gid

if TYPE_CHECKING:
    from .shops import Shop

# Full variants in a payload; the others are in `variant_gids` only:
# https://shopify.dev/docs/api/admin/migrate/new-product-model
FULL_VARIANTS = 100


@cache
def sample(name: str) -> dict[str, Any]:
    """A sample body."""
    return json.loads((EVENTS / name).read_bytes())


def product_fields(product: dict[str, Any]) -> dict[str, Any]:
    """`products/create` and `products/update`."""
    gids = [
        {"admin_graphql_api_id": one["admin_graphql_api_id"], "updated_at": milliseconds(one["updated_at"])}
        for one in sorted(product["variants"], key=lambda one: -clock.seconds(one["updated_at"]))
    ]
    return product | {"variants": product["variants"][:FULL_VARIANTS], "variant_gids": gids}


def milliseconds(text: str) -> str:
    """A time in the format of `variant_gids`."""
    return datetime.fromtimestamp(clock.seconds(text), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def collection_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """`collections/create` and `collections/update`: never the products."""
    return fields


def deleted_collection(identifier: int) -> dict[str, Any]:
    """`collections/delete`."""
    return {
        "id": identifier,
        "published_scope": "global",
        "admin_graphql_api_id": gid("Collection", identifier),
    }


def level_fields(item: int, location: int, available: int, at: str) -> dict[str, Any]:
    """`inventory_levels/update`: neither product nor variant."""
    return {
        "inventory_item_id": item,
        "location_id": location,
        "available": available,
        "updated_at": at,
        "admin_graphql_api_id": level_gid(location, item),
    }


def shop_fields(shop: "Shop") -> dict[str, Any]:
    """`app/uninstalled`: the shop."""
    own = {"id": shop.id, "name": shop.title, "currency": shop.currency, "myshopify_domain": shop.name}
    return sample("app-uninstalled.json") | own


def compliance_fields(shop: "Shop", topic: str, identifier: int) -> dict[str, Any]:
    """The three compliance topics: https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance."""
    identity = {"shop_id": shop.id, "shop_domain": shop.name}
    customer = {"id": identifier, "email": "customer@example.com", "phone": "8025550111"}
    match topic:
        case "customers/data_request":
            request = {"id": identifier + 2}
            return identity | {"orders_requested": [identifier + 4], "customer": customer, "data_request": request}
        case "customers/redact":
            return identity | {"customer": customer, "orders_to_redact": [identifier + 4]}
    return identity


def only(body: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """Body reduced to `includeFields`; `variants.id` is a field of each variant."""
    selected: dict[str, Any] = {}
    for name in fields:
        take(body, name.split("."), selected)
    return selected


def take(source: dict[str, Any], path: list[str], into: dict[str, Any]) -> None:
    """Copies the value at a path."""
    name, rest = path[0], path[1:]
    if name not in source:
        return
    value = source[name]
    if not rest or not isinstance(value, dict | list):
        into[name] = deepcopy(value)
    elif isinstance(value, dict):
        take(value, rest, into.setdefault(name, {}))
    else:
        rows = into.setdefault(name, [{} for _ in value])
        for one, row in zip(value, rows, strict=True):
            take(one, rest, row)
