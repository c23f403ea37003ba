"""The invented shop of events/shopify, and how its products change.

Bodies are edited as JSON with exact decimals and integers: Python keeps the 18 digits of an id.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .places import EVENTS

STORE = "juniper-and-oak.myshopify.com"


@dataclass(frozen=True)
class Product:
    """A product in one state, as products/create and products/update carry it."""

    fields: dict[str, Any]

    @property
    def id(self) -> str:
        """Its id, as Hookline returns it."""
        return str(self.fields["id"])

    @property
    def title(self) -> str:
        """Its title."""
        return self.fields["title"]

    @property
    def updated_at(self) -> str:
        """Time of its last change."""
        return self.fields["updated_at"]

    @property
    def visible(self) -> bool:
        """Returns whether it belongs in the index."""
        return self.fields["status"] == "active" and self.fields["published_at"] is not None

    @property
    def prices(self) -> list[str]:
        """The prices of its variants, cheapest first."""
        return sorted((variant["price"] for variant in self.fields["variants"]), key=float)

    def body(self) -> bytes:
        """Body as it is sent: without line breaks."""
        return json.dumps(self.fields, ensure_ascii=False, separators=(",", ":")).encode()

    def edited(self, *, at: str | None = None, price: str | None = None, **changes: Any) -> "Product":
        """Copy with a change, made now unless `at` is given."""
        fields = self.fields | changes | {"updated_at": at or seconds_now()}
        if price is not None:
            fields["variants"] = [variant | {"price": price} for variant in self.fields["variants"]]
        return Product(fields)


def seconds_now() -> str:
    """Current time as Shopify writes `updated_at`: whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def catalogue() -> dict[str, Product]:
    """Every product of the catalog by the name of its file, without the number: `walnut-serving-board`."""
    return {file.stem[3:]: read(file) for file in sorted((EVENTS / "catalogue").glob("*.json"))}


def read(file: Path) -> Product:
    """One product from its file."""
    return Product(json.loads(file.read_bytes()))


def sample(name: str) -> bytes:
    """A file below events/shopify, byte for byte."""
    return (EVENTS / name).read_bytes()
