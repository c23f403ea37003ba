"""Thousands of invented products that take no memory: each is computed from its number on every access."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .ids import gid

COLOURS = ("Oat", "Flax", "Juniper", "Sage", "Rust", "Plum", "Ink", "Charcoal")
NOUNS = ("Board", "Throw", "Skillet", "Mug", "Kettle", "Tent", "Candle", "Planter", "Lantern", "Notebook")
SIZES = ("Small", "Medium", "Large")
VENDORS = ("Northfold", "Juniper & Oak", "Kiln & Co", "Hearthside")
EPOCH = 1_793_491_200  # 2026-11-01


@dataclass(frozen=True)
class Batch:
    """A number of products with consecutive odd ids, each with the same number of variants.

    Every id is odd and above 2^53, so that a conversion of ids to floats changes them.
    """

    first_product: int
    first_variant: int
    first_item: int
    count: int
    variants: int
    tag: str

    def ids(self) -> range:
        """The ids of its products."""
        return range(self.first_product, self.first_product + 2 * self.count, 2)

    def product_of_variant(self, identifier: int) -> int | None:
        """Id of the product to which a variant belongs."""
        return self.product_of(identifier - self.first_variant)

    def product_of_item(self, identifier: int) -> int | None:
        """Id of the product to which an inventory item belongs."""
        return self.product_of(identifier - self.first_item)

    def product_of(self, offset: int) -> int | None:
        """The product with the variant at this distance from the first."""
        if offset % 2 or not 0 <= offset < 2 * self.count * self.variants:
            return None
        return self.first_product + offset // self.variants // 2 * 2

    def updated_at(self, identifier: int) -> str:
        """Time of a product's last change: the seconds of one day, repeated."""
        position = (identifier - self.first_product) // 2
        return datetime.fromtimestamp(EPOCH + position % 86400, UTC).isoformat()

    def product(self, identifier: int) -> dict[str, Any]:
        """The product as in `products/update`, but with every variant."""
        position = (identifier - self.first_product) // 2
        at = self.updated_at(identifier)
        colour, noun = COLOURS[position % len(COLOURS)], NOUNS[position % len(NOUNS)]
        names = [self.variant_name(index) for index in range(self.variants)]
        return {
            "admin_graphql_api_id": gid("Product", identifier),
            "body_html": f"<p>A {colour.lower()} {noun.lower()}, number <em>{position + 1}</em> of many.</p>",
            "created_at": at,
            "handle": f"{colour}-{noun}-{position + 1}-{self.tag}".lower(),
            "id": identifier,
            "product_type": noun,
            "published_at": at,
            "template_suffix": None,
            "title": f"{colour} {noun} {position + 1}",
            "updated_at": at,
            "vendor": VENDORS[position % len(VENDORS)],
            "status": "active",
            "published_scope": "global",
            "tags": f"{colour.lower()}, {self.tag}",
            "variants": list(self.variants_of(identifier, position, at, names)),
            "options": [
                {
                    "name": "Size",
                    "id": identifier + 10**17,
                    "product_id": identifier,
                    "position": 1,
                    "values": names,
                }
            ],
            "images": [],
            "image": None,
            "media": [],
            "has_variants_that_requires_components": False,
            "category": None,
        }

    def variant_name(self, index: int) -> str:
        """The only option of a variant."""
        round_number, size = divmod(index, len(SIZES))
        return f"{SIZES[size]} {round_number + 1}" if round_number else SIZES[size]

    def variants_of(self, identifier: int, position: int, at: str, names: list[str]) -> Iterator[dict[str, Any]]:
        """The variants of a product."""
        for index, name in enumerate(names):
            offset = 2 * (position * self.variants + index)
            cents = 500 + (position * 37 + index * 150) % 19500
            yield {
                "admin_graphql_api_id": gid("ProductVariant", self.first_variant + offset),
                "barcode": None,
                "compare_at_price": None,
                "created_at": at,
                "id": self.first_variant + offset,
                "inventory_policy": "deny",
                "position": index + 1,
                "price": f"{cents // 100}.{cents % 100:02}",
                "product_id": identifier,
                "sku": f"G-{position + 1}-{index + 1}",
                "taxable": True,
                "title": name,
                "updated_at": at,
                "option1": name,
                "option2": None,
                "option3": None,
                "image_id": None,
                "inventory_item_id": self.first_item + offset,
                "inventory_quantity": (position + index) % 50,
                "old_inventory_quantity": (position + index) % 50,
            }
