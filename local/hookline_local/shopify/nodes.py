"""Fields of the schema, as functions of a node and the field's arguments.

Used by the GraphQL executor (`execute`) and by bulk operations (`lines`), which do without it. A field that is missing
here is null, or a default if the schema forbids null. Other modules add their types to `FIELDS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import clock, rules
from .ids import gid
from .paging import Listing

if TYPE_CHECKING:
    from .shops import Shop


@dataclass(slots=True)
class Node:
    """An object of a GraphQL type: its data, its shop and its owner."""

    typename: str
    data: Any
    shop: "Shop"
    owner: Any = None


Field = Callable[[Node, dict[str, Any]], Any]


def key(name: str) -> Field:
    """Field with REST's name."""
    return lambda node, _: node.data[name]


def text(name: str) -> Field:
    """The same, for fields that are null in REST and an empty text in GraphQL."""
    return lambda node, _: node.data[name] or ""


def at(name: str) -> Field:
    """A time."""
    return lambda node, _: clock.zulu(node.data[name]) if node.data.get(name) else None


def upper(name: str) -> Field:
    """A value of an enum."""
    return lambda node, _: node.data[name].upper()


def count_of(number: int) -> dict[str, Any]:
    """An exact Count."""
    return {"count": number, "precision": "EXACT"}


def product_node(shop: "Shop", product: dict[str, Any] | None) -> Node | None:
    """A product as a node."""
    return Node("Product", product, shop) if product else None


def product_of_key(shop: "Shop") -> Callable[[Any], Node]:
    """Creates the product of a key, which is its id or ends in it."""
    return lambda one: product_node(shop, shop.catalogue.product(one[-1] if isinstance(one, tuple) else one))


def variant_node(shop: "Shop", found: tuple[dict, dict] | None) -> Node | None:
    """A variant as a node."""
    return Node("ProductVariant", found[1], shop, found[0]) if found else None


def item_node(shop: "Shop", found: tuple[dict, dict] | None) -> Node | None:
    """The inventory item of a variant."""
    return Node("InventoryItem", found[1], shop, found[0]) if found else None


def collection_node(shop: "Shop", identifier: int) -> Node | None:
    """A collection as a node."""
    found = shop.catalogue.collections.get(identifier)
    return Node("Collection", found.fields, shop, found) if found else None


def variants(node: Node, _: dict[str, Any]) -> Listing:
    """The variants of a product, by position."""
    ordered = {(variant["position"], variant["id"]): variant for variant in node.data["variants"]}
    return Listing(sorted(ordered), lambda one: Node("ProductVariant", ordered[one], node.shop, node.data))


def collections_of(node: Node, _: dict[str, Any]) -> Listing:
    """The collections a product is in."""
    return Listing(node.shop.catalogue.collections_of(node.data), lambda one: collection_node(node.shop, one))


def in_collection(node: Node, arguments: dict[str, Any]) -> bool:
    """Returns whether a product is in a collection."""
    return any(gid("Collection", one) == arguments["id"] for one in node.shop.catalogue.collections_of(node.data))


def members(node: Node, _: dict[str, Any]) -> Listing:
    """The products of a collection."""
    return Listing(node.shop.catalogue.members(node.owner), product_of_key(node.shop))


def has_product(node: Node, arguments: dict[str, Any]) -> bool:
    """Returns whether a collection contains a product."""
    product = node.shop.catalogue.product(int(arguments["id"].rpartition("/")[2]))
    return bool(product) and node.owner.holds(product)


def media(node: Node, _: dict[str, Any]) -> Listing:
    """The media of a product."""
    ordered = {(one["position"], one["id"]): one for one in node.data["media"]}
    return Listing(sorted(ordered), lambda one: media_node(node.shop, ordered[one]))


def media_node(shop: "Shop", one: dict[str, Any]) -> Node:
    """A medium. The samples have images only."""
    return Node("MediaImage", one, shop)


def featured_media(node: Node, _: dict[str, Any]) -> Node | None:
    """The first medium."""
    return media_node(node.shop, node.data["media"][0]) if node.data["media"] else None


def image(node: Node, _: dict[str, Any]) -> Node | None:
    """The first image."""
    return Node("Image", node.data["image"], node.shop) if node.data["image"] else None


def images(node: Node, _: dict[str, Any]) -> Listing:
    """The images of a product."""
    ordered = {(one["position"], one["id"]): one for one in node.data["images"]}
    return Listing(sorted(ordered), lambda one: Node("Image", ordered[one], node.shop))


def variant_image(node: Node, _: dict[str, Any]) -> Node | None:
    """The image that a variant is tied to."""
    found = next((one for one in node.owner["images"] if one["id"] == node.data["image_id"]), None)
    return Node("Image", found, node.shop) if found else None


def media_image(node: Node, _: dict[str, Any]) -> Node:
    """The image in a medium."""
    return Node("Image", node.data["preview_image"] | {"alt": node.data["alt"], "id": None}, node.shop)


def options(node: Node, arguments: dict[str, Any]) -> list[Node]:
    """The options of a product."""
    return [Node("ProductOption", one, node.shop) for one in node.data["options"][: arguments.get("first")]]


def selected_options(node: Node, _: dict[str, Any]) -> list[dict[str, Any]]:
    """A variant's value of each option."""
    return [
        {"name": option["name"], "value": node.data.get(f"option{position}") or ""}
        for position, option in enumerate(node.owner["options"], 1)
    ]


def price_range(node: Node, _: dict[str, Any]) -> dict[str, Any]:
    """The cheapest and dearest variant."""
    prices = sorted((variant["price"] for variant in node.data["variants"]), key=float) or ["0.0"]
    money = [{"amount": price, "currencyCode": node.shop.currency} for price in (prices[0], prices[-1])]
    return {"minVariantPrice": money[0], "maxVariantPrice": money[1]}


def rule_set(node: Node, _: dict[str, Any]) -> dict[str, Any] | None:
    """The rules of a smart collection."""
    if node.owner.rules is None:
        return None
    listed = [
        {"column": one["column"].upper(), "relation": one["relation"].upper(), "condition": one["condition"]}
        for one in node.owner.rules
    ]
    return {"appliedDisjunctively": node.owner.disjunctive, "rules": listed}


def published_count(node: Node, arguments: dict[str, Any]) -> dict[str, Any]:
    """Number of channels on which a collection is published; future publications count only on request."""
    published_at = node.data.get("published_at")
    later = published_at is not None and clock.seconds(published_at) > clock.seconds(clock.now())
    return count_of(int(published_at is not None and not (later and arguments.get("onlyPublished", True))))


def legacy(node: Node, _: dict[str, Any]) -> str:
    """The number in a gid; UnsignedInt64 is written as text."""
    return str(node.data["id"])


FIELDS: dict[str, dict[str, Field]] = {
    "Product": {
        "id": key("admin_graphql_api_id"),
        "legacyResourceId": legacy,
        "title": key("title"),
        "handle": key("handle"),
        "descriptionHtml": text("body_html"),
        "bodyHtml": key("body_html"),
        "description": text("body_html"),
        "vendor": text("vendor"),
        "productType": text("product_type"),
        "tags": lambda node, _: rules.tags(node.data),
        "status": upper("status"),
        "createdAt": at("created_at"),
        "publishedAt": at("published_at"),
        "updatedAt": at("updated_at"),
        "templateSuffix": key("template_suffix"),
        "options": options,
        "variants": variants,
        "variantsCount": lambda node, _: count_of(len(node.data["variants"])),
        "totalVariants": lambda node, _: len(node.data["variants"]),
        "totalInventory": lambda node, _: sum(one["inventory_quantity"] for one in node.data["variants"]),
        "tracksInventory": lambda *_: True,
        "hasOnlyDefaultVariant": lambda node, _: [one["title"] for one in node.data["variants"]] == ["Default Title"],
        "hasOutOfStockVariants": lambda node, _: any(one["inventory_quantity"] < 1 for one in node.data["variants"]),
        "hasVariantsThatRequiresComponents": key("has_variants_that_requires_components"),
        "priceRangeV2": price_range,
        "priceRange": price_range,
        "media": media,
        "mediaCount": lambda node, _: count_of(len(node.data["media"])),
        "featuredMedia": featured_media,
        "featuredImage": image,
        "images": images,
        "collections": collections_of,
        "inCollection": in_collection,
    },
    "ProductVariant": {
        "id": key("admin_graphql_api_id"),
        "legacyResourceId": legacy,
        "title": key("title"),
        "displayName": lambda node, _: f"{node.owner['title']} - {node.data['title']}",
        "sku": key("sku"),
        "barcode": key("barcode"),
        "price": key("price"),
        "compareAtPrice": key("compare_at_price"),
        "position": key("position"),
        "taxable": key("taxable"),
        "createdAt": at("created_at"),
        "updatedAt": at("updated_at"),
        "inventoryQuantity": key("inventory_quantity"),
        "sellableOnlineQuantity": key("inventory_quantity"),
        "inventoryPolicy": upper("inventory_policy"),
        "availableForSale": lambda node, _: (
            node.data["inventory_quantity"] > 0
            or node.data["inventory_policy"] == "continue"
            or node.data["inventory_item_id"] in node.shop.untracked
        ),
        "inventoryItem": lambda node, _: item_node(node.shop, (node.owner, node.data)),
        "selectedOptions": selected_options,
        "product": lambda node, _: product_node(node.shop, node.owner),
        "image": variant_image,
    },
    "Collection": {
        "id": key("admin_graphql_api_id"),
        "legacyResourceId": legacy,
        "title": key("title"),
        "handle": key("handle"),
        "descriptionHtml": text("body_html"),
        "updatedAt": at("updated_at"),
        "sortOrder": lambda node, _: node.data["sort_order"].upper().replace("-", "_"),
        "templateSuffix": key("template_suffix"),
        "resourcePublicationsCount": published_count,
        "products": members,
        "productsCount": lambda node, _: count_of(len(node.shop.catalogue.members(node.owner))),
        "hasProduct": has_product,
        "ruleSet": rule_set,
    },
    "ProductOption": {
        "id": lambda node, _: gid("ProductOption", node.data["id"]),
        "name": key("name"),
        "position": key("position"),
        "values": key("values"),
        "optionValues": lambda node, _: [{"name": value} for value in node.data["values"]],
    },
    "MediaImage": {
        "id": key("admin_graphql_api_id"),
        "alt": key("alt"),
        "mediaContentType": key("media_content_type"),
        "status": key("status"),
        "createdAt": at("created_at"),
        "updatedAt": at("updated_at"),
        "image": media_image,
        "preview": lambda node, _: {"image": media_image(node, {}), "status": node.data["preview_image"]["status"]},
    },
    "Image": {
        "id": lambda node, _: gid("ProductImage", node.data["id"]) if node.data.get("id") else None,
        "altText": key("alt"),
        "width": key("width"),
        "height": key("height"),
        "url": key("src"),
        "src": key("src"),
        "originalSrc": key("src"),
    },
}
