"""Prints a line for each event that Hookline sends.

HOOKLINE_SECRET=whsec_… PORT=3000 PYTHONPATH=src python3 example/server.py
HOOKLINE_SECRET=whsec_… hookline listen demo.myshopify.com --forward http://localhost:3000/webhooks
"""

import os
import sys
from wsgiref.simple_server import make_server

from hookline_webhooks import RecentIds, Skipped, create_webhook_handler
from hookline_webhooks.events import (
    CheckoutCompletedEvent,
    InventoryUpdatedEvent,
    ProductCreatedEvent,
    ProductDeletedEvent,
    ProductUpdatedEvent,
)


def print_stock(event: InventoryUpdatedEvent) -> None:
    """Prints whether a product can be bought."""
    product, previous = event["data"], event["previous"]
    # Without a former value the quantity has changed, and whether the product can be bought has not.
    is_available = None if previous is not None and "available" not in previous else product.get("available")
    change = {None: "stock changed", True: "in stock", False: "sold out"}[is_available]
    print(f"{change}: {product.get('title', product['id'])}", flush=True)


def print_order(event: CheckoutCompletedEvent) -> None:
    """Prints the conversation that ended in an order."""
    # The shop's page has put the id of its chat session into the cart, as the cart attribute `session_id`.
    checkout, session = event["data"], event["session_id"]
    origin = f"conversation {session}" if session else f"checkout {checkout['id']}"
    total = f", {checkout['total']['amount']} {checkout['total']['currency']}" if "total" in checkout else ""
    print(f"{origin} is finished: order {checkout.get('order_name', checkout['id'])}{total}", flush=True)


def print_product(event: ProductCreatedEvent | ProductUpdatedEvent | ProductDeletedEvent) -> None:
    """Prints a product that was created, changed or deleted."""
    title = None if event["type"] == "product.deleted" else event["data"].get("title")
    print(f"{event['type']}: {title or event['subject']['id']}", flush=True)


def print_skipped(skipped: Skipped) -> None:
    """Prints what no callback wants."""
    print(f"skipped: {skipped.type} ({skipped.reason})", flush=True)


def main() -> None:
    """Serves until Ctrl-C."""
    if not (secret := os.environ.get("HOOKLINE_SECRET")):
        sys.exit("HOOKLINE_SECRET is missing: set it to the secret of the endpoint, which `hookline listen` prints")
    handler = create_webhook_handler(
        secret,
        on_inventory_change=print_stock,
        on_order_complete=print_order,
        on_product_change=print_product,
        seen=RecentIds(),
        on_skipped=print_skipped,
    )
    port = int(os.environ.get("PORT", "3000"))
    with make_server("127.0.0.1", port, handler.wsgi) as server:
        print(f"listening on http://localhost:{port}/webhooks", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
