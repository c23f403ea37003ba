"""Fields of the schema's inventory types: items, levels, locations."""

from typing import TYPE_CHECKING, Any

from . import clock
from .ids import gid, level_gid
from .nodes import FIELDS, Node, at, count_of, key, legacy, variant_node
from .paging import Listing

if TYPE_CHECKING:
    from .shops import Shop


def location_node(shop: "Shop", identifier: int) -> Node | None:
    """A location of a shop: its first, or one that control has put stock at."""
    known = {shop.location, *(location for levels in shop.levels.values() for location in levels)}
    return Node("Location", {"id": identifier}, shop) if identifier in known else None


def levels(node: Node, _: dict[str, Any]) -> Listing:
    """The stock of an inventory item at each location."""
    return Listing(sorted(node.shop.levels_of(node.data)), lambda one: level_node(node, one))


def level_node(node: Node, location: int) -> Node:
    """The stock at one location."""
    stock = node.shop.levels_of(node.data)[location]
    return Node("InventoryLevel", {"location": location, "available": stock, "variant": node.data}, node.shop, node)


def level_at(node: Node, arguments: dict[str, Any]) -> Node | None:
    """The stock at a given location, if it is stocked there."""
    location = int(arguments["locationId"].rpartition("/")[2])
    return level_node(node, location) if location in node.shop.levels_of(node.data) else None


def quantities(node: Node, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Stock by name; all of it is available."""
    names = arguments["names"]
    known = {"available", "on_hand"}
    return [{"name": name, "quantity": node.data["available"] if name in known else 0} for name in names]


FIELDS |= {
    "InventoryItem": {
        "id": lambda node, _: gid("InventoryItem", node.data["inventory_item_id"]),
        "legacyResourceId": lambda node, _: str(node.data["inventory_item_id"]),
        "sku": key("sku"),
        "tracked": lambda node, _: node.data["inventory_item_id"] not in node.shop.untracked,
        "requiresShipping": lambda *_: True,
        "createdAt": at("created_at"),
        "updatedAt": at("updated_at"),
        "variant": lambda node, _: variant_node(node.shop, (node.owner, node.data)),
        "variants": lambda node, _: Listing(
            [node.data["id"]], lambda _: variant_node(node.shop, (node.owner, node.data))
        ),
        "inventoryLevels": levels,
        "inventoryLevel": level_at,
        "locationsCount": lambda node, _: count_of(len(node.shop.levels_of(node.data))),
    },
    "InventoryLevel": {
        "id": lambda node, _: level_gid(node.data["location"], node.data["variant"]["inventory_item_id"]),
        "isActive": lambda *_: True,
        "item": lambda node, _: node.owner,
        "location": lambda node, _: Node("Location", {"id": node.data["location"]}, node.shop),
        "quantities": quantities,
        "updatedAt": lambda node, _: clock.zulu(node.data["variant"]["updated_at"]),
    },
    "Location": {
        "id": lambda node, _: gid("Location", node.data["id"]),
        "legacyResourceId": legacy,
        "name": lambda node, _: f"Location {node.data['id']}",
        "isActive": lambda *_: True,
    },
}
