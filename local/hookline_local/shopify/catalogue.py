"""Catalog of a shop: its products, in order, by id, by variant and by inventory item, and its collections.

A product is the JSON of `products/update`, but with every variant and without `variant_gids` (`payloads` makes those).
Changes go through `put`, never in place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import clock
from .generated import Batch
from .rules import matches

Product = dict[str, Any]
Variant = dict[str, Any]


@dataclass
class Collection:
    """A collection: custom (a list of products) or smart (rules, no list)."""

    fields: dict[str, Any]
    products: list[int] = field(default_factory=list)
    rules: list[dict[str, str]] | None = None
    disjunctive: bool = False

    @property
    def id(self) -> int:
        """Its id."""
        return self.fields["id"]

    def holds(self, product: Product) -> bool:
        """Returns whether it contains a product."""
        if self.rules is None:
            return product["id"] in self.products
        return matches(product, self.rules, self.disjunctive)


class Catalogue:
    """Products and collections of one shop."""

    def __init__(self) -> None:
        """Empty."""
        self.collections: dict[int, Collection] = {}
        self.batches: list[Batch] = []
        self.products: dict[int, Product] = {}
        self.deleted: set[int] = set()
        self.by_variant: dict[int, int] = {}
        self.by_item: dict[int, int] = {}
        self.revision = 0
        self.remembered: dict[Any, tuple[int, list]] = {}
        self.smart: dict[int, set[int]] = {}

    def product(self, identifier: int) -> Product | None:
        """A product by its id."""
        found = self.products.get(identifier)
        if found is None and identifier not in self.deleted and (batch := self.batch(identifier)):
            return batch.product(identifier)
        return found

    def updated_at(self, identifier: int) -> float:
        """Time of a product's last change in seconds, without building the whole product."""
        found = self.products.get(identifier)
        return clock.seconds(found["updated_at"] if found else self.batch(identifier).updated_at(identifier))

    def batch(self, identifier: int) -> Batch | None:
        """The batch that a generated product comes from."""
        return next((batch for batch in self.batches if identifier in batch.ids()), None)

    def by_id(self) -> list[int]:
        """The ids of all products, ascending."""
        return self.remember("id", self.sorted_ids)

    def by_update(self) -> list[tuple[float, int]]:
        """All products by the time of their last change."""
        return self.remember("update", lambda: sorted((self.updated_at(one), one) for one in self.by_id()))

    def sorted_ids(self) -> list[int]:
        """Ids in `by_id`, sorted and cached."""
        ids = set(self.products)
        for batch in self.batches:
            ids.update(batch.ids())
        return sorted(ids - self.deleted)

    def remember(self, key: Any, make: Any) -> list:
        """A list that is rebuilt only after a change."""
        revision, made = self.remembered.get(key, (-1, []))
        if revision != self.revision:
            made = make()
            self.remembered[key] = (self.revision, made)
        return made

    def variant(self, identifier: int) -> tuple[Product, Variant] | None:
        """A variant and the product it belongs to."""
        return self.part(identifier, self.by_variant, Batch.product_of_variant, "id")

    def item(self, identifier: int) -> tuple[Product, Variant] | None:
        """The variant of an inventory item, and its product."""
        return self.part(identifier, self.by_item, Batch.product_of_item, "inventory_item_id")

    def part(self, identifier: int, index: dict[int, int], owner: Any, key: str) -> tuple[Product, Variant] | None:
        """A variant by one of its two ids."""
        owners = [index[identifier]] if identifier in index else [owner(batch, identifier) for batch in self.batches]
        for one in owners:
            product = self.product(one) if one is not None else None
            for variant in product["variants"] if product else ():
                if variant[key] == identifier:
                    return product, variant
        return None

    def put(self, product: Product) -> None:
        """Adds or replaces a product."""
        identifier = product["id"]
        self.forget_parts(identifier)
        self.products[identifier] = product
        self.deleted.discard(identifier)
        for variant in product["variants"]:
            self.by_variant[variant["id"]] = identifier
            self.by_item[variant["inventory_item_id"]] = identifier
        for collection, members in self.smart.items():
            (members.add if self.collections[collection].holds(product) else members.discard)(identifier)
        self.revision += 1

    def remove(self, identifier: int) -> None:
        """Removes a product, also from its collections."""
        self.forget_parts(identifier)
        self.products.pop(identifier, None)
        if self.batch(identifier):
            self.deleted.add(identifier)
        for members in self.smart.values():
            members.discard(identifier)
        for collection in self.collections.values():
            if identifier in collection.products:
                collection.products.remove(identifier)
        self.revision += 1

    def forget_parts(self, identifier: int) -> None:
        """Removes the variants of a product's former state from the indexes."""
        for variant in self.products.get(identifier, {}).get("variants", ()):
            self.by_variant.pop(variant["id"], None)
            self.by_item.pop(variant["inventory_item_id"], None)

    def generate(self, products: int, variants: int, spread: int) -> Batch:
        """Adds a batch; `spread` makes its ids differ from those of other shops."""
        before = sum(batch.count * batch.variants for batch in self.batches)
        start = 200_000_000_000_000_001 + spread * 10**10 + 2 * before
        batch = Batch(
            first_product=start,
            first_variant=start + 2 * 10**17,
            first_item=start + 4 * 10**17,
            count=products,
            variants=variants,
            tag=f"batch-{len(self.batches) + 1}",
        )
        self.batches.append(batch)
        self.smart.clear()
        self.revision += 1
        return batch

    def set_collection(self, collection: Collection) -> None:
        """Adds or replaces a collection."""
        self.collections[collection.id] = collection
        self.smart.pop(collection.id, None)
        self.revision += 1

    def remove_collection(self, identifier: int) -> None:
        """Removes a collection; its products stay."""
        self.collections.pop(identifier, None)
        self.smart.pop(identifier, None)
        self.revision += 1

    def members(self, collection: Collection) -> list:
        """The products of a collection in its order, as sortable keys that end in the product's id."""
        if collection.rules is None:
            return [(index, one) for index, one in enumerate(collection.products) if self.product(one)]
        if collection.id not in self.smart:
            self.smart[collection.id] = {one for one in self.by_id() if collection.holds(self.product(one))}
        return self.remember(("members", collection.id), lambda: sorted(self.smart[collection.id]))

    def collections_of(self, product: Product) -> Iterable[int]:
        """The ids of the collections that a product is in, ascending."""
        return [one for one in sorted(self.collections) if self.collections[one].holds(product)]
