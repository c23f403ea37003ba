"""Shopify's global ids, exact at any size: `gid://shopify/Product/123`."""

import re

GID = re.compile(r"gid://shopify/(\w+)/(\d+)(?:\?.*)?")


def gid(kind: str, number: int | str) -> str:
    """The global id of a thing."""
    return f"gid://shopify/{kind}/{number}"


def level_gid(location: int, item: int) -> str:
    """The global id of an inventory level, which has the item as a parameter."""
    return f"{gid('InventoryLevel', location)}?inventory_item_id={item}"


def number(text: str, kind: str | None = None) -> int | None:
    """The number in a global id, if it is one (of this kind)."""
    match = GID.fullmatch(text)
    return int(match[2]) if match and kind in (None, match[1]) else None


def kind(text: str) -> str | None:
    """Type in a global id."""
    match = GID.fullmatch(text)
    return match[1] if match else None
