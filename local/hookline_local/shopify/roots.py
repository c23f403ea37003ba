"""The entry points of the schema that the local Shopify answers: queries and mutations."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import bulk, clock, filters, ids, rules, subscriptions
from .inventory import location_node
from .nodes import (
    Node,
    collection_node,
    count_of,
    item_node,
    product_node,
    product_of_key,
    variant_node,
)
from .paging import Listing

if TYPE_CHECKING:
    from .execute import Context


Root = Callable[["Context", dict[str, Any]], Any]

PRODUCT_FIELDS = filters.Fields(
    words=frozenset({"status", "vendor", "product_type", "tag", "title", "handle", "sku", "barcode"}),
    numbers=frozenset({"id", "collection_id", "price", "inventory_total"}),
    times=frozenset({"updated_at", "created_at", "published_at"}),
)
COLLECTION_FIELDS = filters.Fields(
    words=frozenset({"title", "handle", "collection_type"}),
    numbers=frozenset({"id"}),
    times=frozenset({"updated_at"}),
)
VARIANT_FIELDS = filters.Fields(
    words=frozenset({"sku", "title", "barcode", "product_status"}),
    numbers=frozenset({"id", "product_id"}),
    times=frozenset({"updated_at"}),
)


def values_of_product(context: "Context", identifier: int) -> filters.FieldValues:
    """Field values of a product for a filter; the product is generated only if they need it."""
    catalogue, made = context.shop.catalogue, []

    def field_values(name: str) -> list[Any]:
        if name == "id":
            return [identifier]
        if name == "updated_at":
            return [catalogue.updated_at(identifier)]
        if not made:
            made.append(catalogue.product(identifier))
        return product_values(context, made[0], name)

    return field_values


def product_values(context: "Context", product: dict[str, Any], name: str) -> list[Any]:
    """The values of a searchable field."""
    if name == "tag":
        return [tag.casefold() for tag in rules.tags(product)]
    if name in ("sku", "barcode"):
        return [(one[name] or "").casefold() for one in product["variants"]]
    if name == "price":
        return [float(one["price"]) for one in product["variants"]]
    if name == "inventory_total":
        return [sum(one["inventory_quantity"] for one in product["variants"])]
    if name == "collection_id":
        return list(context.shop.catalogue.collections_of(product))
    if name == "default":
        return [product["title"], product["vendor"], product["product_type"], product["tags"]]
    return plain_value(product, name)


def plain_value(fields: dict[str, Any], name: str) -> list[Any]:
    """A field as a filter compares it: a time in seconds, a text without case."""
    value = fields.get(name)
    if value is None:
        return []
    if name.endswith("_at"):
        return [clock.seconds(value)]
    return [value.casefold() if isinstance(value, str) else value]


def searched(context: "Context", root: str, arguments: dict[str, Any], fields: filters.Fields) -> filters.Search:
    """The parsed `query:` of a connection; unusable parts become warnings."""
    search = filters.parse(arguments.get("query"), fields)
    for name in search.unknown:
        warning = {"field": name, "message": "Invalid search field for this query."}
        context.warnings.append({"path": [root], "query": arguments["query"], "warnings": [warning]})
    return search


def products(context: "Context", arguments: dict[str, Any]) -> Listing:
    """Every product, filtered and sorted."""
    shop = context.shop
    search = searched(context, "products", arguments, PRODUCT_FIELDS)
    by = arguments.get("sortKey", "ID")
    keys: list[Any] = shop.catalogue.by_update() if by == "UPDATED_AT" else shop.catalogue.by_id()
    if arguments.get("query"):
        keys = [
            key for key in keys if search.keep(values_of_product(context, key[-1] if isinstance(key, tuple) else key))
        ]
    if by in ("TITLE", "VENDOR", "PRODUCT_TYPE", "CREATED_AT"):
        keys = sorted((shop.catalogue.product(key)[by.lower()].casefold(), key) for key in keys)
    return Listing(keys, product_of_key(shop))


def collections(context: "Context", arguments: dict[str, Any]) -> Listing:
    """Every collection, filtered; by id, title or time of change."""
    shop = context.shop
    search = searched(context, "collections", arguments, COLLECTION_FIELDS)
    by = {"TITLE": "title", "UPDATED_AT": "updated_at"}.get(arguments.get("sortKey", "ID"))
    keys: list[Any] = []
    for identifier, collection in sorted(shop.catalogue.collections.items()):
        fields = collection.fields | {"collection_type": "custom" if collection.rules is None else "smart"}
        if search.keep(lambda name, fields=fields: plain_value(fields, "title" if name == "default" else name)):
            keys.append((plain_value(fields, by)[0], identifier) if by else identifier)
    return Listing(sorted(keys), lambda key: collection_node(shop, key[-1] if isinstance(key, tuple) else key))


def product_variants(context: "Context", arguments: dict[str, Any]) -> Listing:
    """Every variant of every product, by id."""
    shop, found = context.shop, {}
    search = searched(context, "productVariants", arguments, VARIANT_FIELDS)
    for identifier in shop.catalogue.by_id():
        product = shop.catalogue.product(identifier)
        for variant in product["variants"]:
            fields = variant | {"product_status": product["status"]}
            if search.keep(lambda name, fields=fields: plain_value(fields, "title" if name == "default" else name)):
                found[variant["id"]] = (product, variant)
    return Listing(sorted(found), lambda key: variant_node(shop, found[key]))


def node(context: "Context", gid: str) -> Node | None:
    """Any object by its gid; null if it does not exist or its kind is not supported."""
    shop, number = context.shop, ids.number(gid)
    if number is None:
        return None
    match ids.kind(gid):
        case "Product":
            return product_node(shop, shop.catalogue.product(number))
        case "ProductVariant":
            return variant_node(shop, shop.catalogue.variant(number))
        case "InventoryItem":
            return item_node(shop, shop.catalogue.item(number))
        case "Collection":
            return collection_node(shop, number)
        case "Location":
            return location_node(shop, number)
        case "WebhookSubscription":
            return subscriptions.node(shop, gid)
        case "BulkOperation":
            return bulk.node(shop, gid)
    return None


def of_kind(kind: str) -> Root:
    """A query for one object of a kind by its id."""
    return lambda context, arguments: node(context, arguments["id"]) if ids.kind(arguments["id"]) == kind else None


def installation(context: "Context", _: dict[str, Any]) -> dict[str, Any]:
    """The app in this shop, with its scopes."""
    scopes = [{"handle": scope, "description": scope} for scope in context.shop.scopes]
    return {"id": ids.gid("AppInstallation", context.shop.id), "accessScopes": scopes}


def uninstall(context: "Context", _: dict[str, Any]) -> dict[str, Any]:
    """The app uninstalls itself from the shop."""
    context.shop.uninstall()
    return {"app": {"id": ids.gid("App", 1)}, "userErrors": []}


QUERIES: dict[str, Root] = {
    "shop": lambda context, _: Node("Shop", context.shop, context.shop),
    "node": lambda context, arguments: node(context, arguments["id"]),
    "nodes": lambda context, arguments: [node(context, one) for one in arguments["ids"]],
    "product": of_kind("Product"),
    "products": products,
    "productsCount": lambda context, arguments: count_of(len(products(context, arguments).keys)),
    "productVariant": of_kind("ProductVariant"),
    "productVariants": product_variants,
    "inventoryItem": of_kind("InventoryItem"),
    "location": lambda context, arguments: (
        node(context, arguments["id"]) if arguments.get("id") else location_node(context.shop, context.shop.location)
    ),
    "collection": of_kind("Collection"),
    "collections": collections,
    "collectionsCount": lambda context, arguments: count_of(len(collections(context, arguments).keys)),
    "currentAppInstallation": installation,
    "webhookSubscription": of_kind("WebhookSubscription"),
    "webhookSubscriptions": lambda context, arguments: subscriptions.listing(context.shop, arguments),
    "webhookSubscriptionsCount": lambda context, _: count_of(len(context.shop.subscriptions.made)),
    "bulkOperation": of_kind("BulkOperation"),
    "bulkOperations": lambda context, _: bulk.listing(context.shop),
    "currentBulkOperation": lambda context, _: bulk.latest(context.shop),
}

MUTATIONS: dict[str, Root] = {
    "appUninstall": uninstall,
    "webhookSubscriptionCreate": lambda context, arguments: subscriptions.create(context.shop, arguments),
    "webhookSubscriptionUpdate": lambda context, arguments: subscriptions.update(context.shop, arguments),
    "webhookSubscriptionDelete": lambda context, arguments: subscriptions.delete(context.shop, arguments),
    "bulkOperationRunQuery": lambda context, arguments: bulk.run_query(context.shop, arguments),
    "bulkOperationCancel": lambda context, arguments: bulk.cancel(context.shop, arguments),
}
