"""The catalog of events/shopify as a shop, with collections."""

import itertools
import json
from typing import Any

from ..places import EVENTS
from . import clock
from .catalogue import Catalogue, Collection
from .ids import gid, number
from .payloads import sample

CAMPFIRE = ("cast-iron-skillet", "enamel-camp-mug", "birch-kindling-bundle", "storm-lantern", "campfire-breakfast-set")
SMART = (
    (361416303805590059, "Gifts", [{"column": "tag", "relation": "equals", "condition": "gift"}]),
    (361416303805590061, "Under fifty", [{"column": "variant_price", "relation": "less_than", "condition": "50.00"}]),
    (361416303805590063, "Camping", [{"column": "tag", "relation": "equals", "condition": "camping"}]),
)


def fill(catalogue: Catalogue) -> None:
    """Puts the eighteen products and four collections in."""
    by_name: dict[str, int] = {}
    for file in sorted((EVENTS / "catalogue").glob("*.json")):
        product = whole(json.loads(file.read_bytes()))
        catalogue.put(product)
        by_name[file.stem[3:]] = product["id"]
    fields = sample("collections-update.json")
    catalogue.set_collection(Collection(dict(fields), [by_name[name] for name in CAMPFIRE]))
    for identifier, title, rules in SMART:
        catalogue.set_collection(Collection(collection_fields(identifier, title), rules=rules))


def collection_fields(identifier: int, title: str, **more: Any) -> dict[str, Any]:
    """A collection in the form of `collections/update`."""
    at = clock.now()
    fields = {
        "id": identifier,
        "handle": title.lower().replace(" ", "-"),
        "title": title,
        "updated_at": at,
        "body_html": "",
        "published_at": at,
        "sort_order": "best-selling",
        "template_suffix": None,
        "published_scope": "global",
        "admin_graphql_api_id": gid("Collection", identifier),
    }
    return fields | more


def whole(payload: dict[str, Any]) -> dict[str, Any]:
    """A product with all its variants: those that are only in `variant_gids` continue the options in order."""
    product = {name: value for name, value in payload.items() if name != "variant_gids"}
    known = {variant["admin_graphql_api_id"] for variant in product["variants"]}
    missing = [one for one in payload["variant_gids"] if one["admin_graphql_api_id"] not in known]
    if missing:
        values = list(itertools.product(*(option["values"] for option in product["options"])))
        first = len(product["variants"])
        more = [
            another(product, one, position, values[position])
            for position, one in enumerate(reversed(missing), start=first)
        ]
        product["variants"] = product["variants"] + more
    return product


def another(product: dict[str, Any], listed: dict[str, str], position: int, values: tuple[str, ...]) -> dict[str, Any]:
    """A variant that the payload had no room for, like the last one it had."""
    identifier = number(listed["admin_graphql_api_id"])
    options = {f"option{position}": value for position, value in enumerate(values, 1)}
    return (
        product["variants"][-1]
        | options
        | {
            "admin_graphql_api_id": listed["admin_graphql_api_id"],
            "id": identifier,
            "position": position + 1,
            "title": " / ".join(values),
            "sku": f"JO-CUR-MORE-{position + 1}",
            "barcode": None,
            "updated_at": listed["updated_at"],
            "inventory_item_id": identifier + 10**15,
        }
    )
