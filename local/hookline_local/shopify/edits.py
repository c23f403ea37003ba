"""Edits that a merchant makes in the shop: each changes the catalog and sends the webhooks that Shopify would send.

All take the shop and the JSON of the control request, and return the content of the webhook's body. A change of the
members of a smart collection sends no webhook, as in Shopify.
"""

from typing import TYPE_CHECKING, Any

from . import clock, payloads, rules, seeds
from .catalogue import Collection
from .ids import gid

if TYPE_CHECKING:
    from .shops import Shop

Arguments = dict[str, Any]


def create_product(shop: "Shop", arguments: Arguments) -> Any:
    """A new product. Defaults: one variant at 0.00, active and published."""
    at, identifier = clock.now(), int(arguments.get("id") or shop.next_id())
    title = arguments.get("title", "New product")
    product = {
        "admin_graphql_api_id": gid("Product", identifier),
        "body_html": None,
        "created_at": at,
        "handle": title.lower().replace(" ", "-"),
        "id": identifier,
        "product_type": "",
        "published_at": at,
        "template_suffix": None,
        "title": title,
        "updated_at": at,
        "vendor": shop.title,
        "status": "active",
        "published_scope": "global",
        "tags": "",
        "variants": [],
        "options": [
            {
                "name": "Title",
                "id": shop.next_id(),
                "product_id": identifier,
                "position": 1,
                "values": ["Default Title"],
            }
        ],
        "images": [],
        "image": None,
        "media": [],
        "has_variants_that_requires_components": False,
        "category": None,
    }
    return put(shop, product, {"variants": [{}]} | arguments | {"id": identifier}, "products/create", at)


def update_product(shop: "Shop", arguments: Arguments) -> Any:
    """Changes the fields given; `price` is that of every variant. Variants given are all there will be."""
    return put(shop, known_product(shop, arguments), arguments, "products/update", clock.now())


def put(shop: "Shop", product: dict[str, Any], arguments: Arguments, topic: str, at: str) -> Any:
    """Applies changes and sends the webhook."""
    changes = {name: value for name, value in arguments.items() if name not in ("price", "variant_gids")}
    changed = product | changes | {"updated_at": arguments.get("updated_at", at)}
    if "variants" in arguments:
        before = {one["id"]: one for one in product["variants"]}
        changed["variants"] = [
            variant(shop, changed, before.get(one.get("id"), {}), one, position, at)
            for position, one in enumerate(arguments["variants"], 1)
        ]
    if "price" in arguments:
        changed["variants"] = [one | {"price": arguments["price"], "updated_at": at} for one in changed["variants"]]
    shop.catalogue.put(changed)
    body = payloads.product_fields(changed)
    shop.emit(topic, body, changed=sorted(set(arguments) - {"id"}))
    return body


def variant(shop: "Shop", product: dict, before: dict, arguments: Arguments, position: int, at: str) -> dict[str, Any]:
    """A variant: the given fields, over its former ones, over the defaults of a new one."""
    if (
        before
        and not arguments.keys() - before.keys()
        and all(before[name] == value for name, value in arguments.items())
    ):
        return before
    identifier = int(arguments.get("id") or shop.next_id())
    new = {
        "admin_graphql_api_id": gid("ProductVariant", identifier),
        "barcode": None,
        "compare_at_price": None,
        "created_at": at,
        "id": identifier,
        "inventory_policy": "deny",
        "position": position,
        "price": "0.00",
        "product_id": product["id"],
        "sku": None,
        "taxable": True,
        "title": arguments.get("option1", "Default Title"),
        "option1": "Default Title",
        "option2": None,
        "option3": None,
        "image_id": None,
        "inventory_item_id": before.get("inventory_item_id") or shop.next_id(),
        "inventory_quantity": 0,
        "old_inventory_quantity": 0,
    }
    if "inventory_quantity" in arguments:
        shop.levels.pop(before.get("inventory_item_id"), None)
    return new | before | arguments | {"updated_at": at}


def delete_product(shop: "Shop", arguments: Arguments) -> Any:
    """Deletes a product."""
    product = known_product(shop, arguments)
    shop.catalogue.remove(product["id"])
    shop.emit("products/delete", {"id": product["id"]})
    return {"id": product["id"]}


def set_stock(shop: "Shop", arguments: Arguments) -> Any:
    """Sets the available quantity of an inventory item at a location, by default the first.

    Whether Shopify then also sends `products/update` is not sure; here it does unless `product_update` is false.
    """
    item = int(arguments["inventory_item_id"])
    found = shop.catalogue.item(item)
    if found is None:
        raise ValueError(f"no inventory item {item}")
    product, one = found
    location, at = int(arguments.get("location_id") or shop.location), clock.now()
    stock = shop.levels_of(one) | {location: int(arguments["available"])}
    shop.levels[item] = stock
    total = sum(stock.values())
    changed = one | {"inventory_quantity": total, "old_inventory_quantity": one["inventory_quantity"], "updated_at": at}
    variants = [changed if other["id"] == one["id"] else other for other in product["variants"]]
    tell = arguments.get("product_update", True)
    product = product | {"variants": variants} | ({"updated_at": at} if tell else {})
    shop.catalogue.put(product)
    body = payloads.level_fields(item, location, int(arguments["available"]), at)
    shop.emit("inventory_levels/update", body)
    if tell:
        shop.emit("products/update", payloads.product_fields(product), changed=["variants"])
    return body


def set_tracked(shop: "Shop", arguments: Arguments) -> Any:
    """Switches tracking of an inventory item on or off: `products/update`, whose body does not show which."""
    item, at = int(arguments["inventory_item_id"]), clock.now()
    found = shop.catalogue.item(item)
    if found is None:
        raise ValueError(f"no inventory item {item}")
    (shop.untracked.discard if arguments["tracked"] else shop.untracked.add)(item)
    product = found[0] | {"updated_at": at}
    shop.catalogue.put(product)
    body = payloads.product_fields(product)
    if arguments.get("product_update", True):
        shop.emit("products/update", body, changed=["variants"])
    return body


def create_collection(shop: "Shop", arguments: Arguments) -> Any:
    """A new collection: custom with `products`, smart with `rules` (and `disjunctive`)."""
    identifier = int(arguments.get("id") or shop.next_id())
    fields = seeds.collection_fields(identifier, arguments.get("title", "New collection"))
    return put_collection(shop, Collection(fields), arguments, "collections/create")


def update_collection(shop: "Shop", arguments: Arguments) -> Any:
    """Changes the fields given, and `products` or `rules`."""
    return put_collection(shop, known_collection(shop, arguments), arguments, "collections/update")


def put_collection(shop: "Shop", before: Collection, arguments: Arguments, topic: str) -> Any:
    """Applies changes and sends the webhook."""
    if arguments.get("rules") and (wrong := rules.problem(arguments["rules"])):
        raise ValueError(wrong)
    fields = {name: value for name, value in arguments.items() if name in before.fields and name != "id"}
    after = Collection(
        before.fields | {"updated_at": clock.now()} | fields,
        [int(one) for one in arguments.get("products", before.products)],
        arguments.get("rules", before.rules),
        arguments.get("disjunctive", before.disjunctive),
    )
    shop.catalogue.set_collection(after)
    shop.emit(topic, after.fields, changed=sorted(set(arguments) - {"id"}))
    return after.fields


def change_members(shop: "Shop", arguments: Arguments) -> Any:
    """Adds the products of `add` to a custom collection and removes those of `remove`: one `collections/update`."""
    collection = known_collection(shop, arguments)
    if collection.rules is not None:
        raise ValueError("a smart collection has no list of products")
    out, more = {int(one) for one in arguments.get("remove", [])}, [int(one) for one in arguments.get("add", [])]
    unchanged = [one for one in collection.products if one not in out and one not in more]
    return put_collection(shop, collection, {"products": unchanged + more}, "collections/update")


def delete_collection(shop: "Shop", arguments: Arguments) -> Any:
    """Deletes a collection."""
    collection = known_collection(shop, arguments)
    shop.catalogue.remove_collection(collection.id)
    shop.emit("collections/delete", payloads.deleted_collection(collection.id))
    return {"id": collection.id}


def compliance(shop: "Shop", arguments: Arguments) -> Any:
    """Sends one of the three compliance topics; `payload` changes fields of its body."""
    body = payloads.compliance_fields(shop, arguments["topic"], shop.next_id()) | arguments.get("payload", {})
    shop.emit(arguments["topic"], body)
    return body


def known_product(shop: "Shop", arguments: Arguments) -> dict[str, Any]:
    """The product with the id given."""
    product = shop.catalogue.product(int(arguments["id"]))
    if product is None:
        raise ValueError(f"no product {arguments['id']}")
    return product


def known_collection(shop: "Shop", arguments: Arguments) -> Collection:
    """The collection with the id given."""
    collection = shop.catalogue.collections.get(int(arguments["id"]))
    if collection is None:
        raise ValueError(f"no collection {arguments['id']}")
    return collection


def products(shop: "Shop", arguments: Arguments) -> Any:
    """The products, by id: `limit` of them after `after`."""
    after, limit = int(arguments.get("after", 0)), int(arguments.get("limit", 1000))
    ids = [one for one in shop.catalogue.by_id() if one > after][:limit]
    listed = [summary(shop.catalogue.product(one)) for one in ids]
    return {"products": listed, "total": len(shop.catalogue.by_id())}


def summary(product: dict[str, Any]) -> dict[str, Any]:
    """The little that a list shows of a product."""
    names = ("id", "title", "handle", "status", "published_at", "updated_at")
    return {name: product[name] for name in names} | {"variants": len(product["variants"])}


def product(shop: "Shop", arguments: Arguments) -> Any:
    """One product with all its variants, and the collections it is in."""
    found = known_product(shop, arguments)
    return found | {"collections": shop.catalogue.collections_of(found)}


def collections(shop: "Shop", _: Arguments) -> Any:
    """The collections with their rules or products."""
    return {
        "collections": [
            one.fields | {"rules": one.rules, "products": one.products if one.rules is None else None}
            for one in shop.catalogue.collections.values()
        ]
    }


ACTS = {
    "create-product": create_product,
    "update-product": update_product,
    "delete-product": delete_product,
    "set-stock": set_stock,
    "set-tracked": set_tracked,
    "create-collection": create_collection,
    "update-collection": update_collection,
    "change-members": change_members,
    "delete-collection": delete_collection,
    "compliance": compliance,
    "products": products,
    "product": product,
    "collections": collections,
}
