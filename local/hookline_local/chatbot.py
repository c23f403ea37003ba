"""Promises to a chatbot, step by step: the example of sdk/typescript hears what happens in a store.

The example runs as its readers start it, and `hookline listen` sends it the events as signed webhooks. `make demo`
shows these steps in the shop of `connected`, whose steps come before them, and tests/stack runs them.
"""

import base64
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from . import processes
from .command import BINARY
from .connected import BOARD, Connected
from .places import REPOSITORY
from .ports import free
from .processes import Server
from .tour import Quote, poll

EXAMPLE = "sdk/typescript/example/server.ts"
# The Node that runs it comes with the emulator's environment, in which this module runs.
NODE = Path(sys.executable).with_name("node")

RAMEKINS = "Crème Brûlée Ramekins"


@dataclass
class Chatbot(Connected):
    """State of a tour of a store with a chatbot, whose programs end when the block is left."""

    example: Server | None = None
    running: list[Server] = field(default_factory=list)
    ordered_at: float = 0

    def __enter__(self) -> "Chatbot":
        """Starts nothing; a step does."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Ends the programs, the last one first."""
        while self.running:
            self.running.pop().stop()

    def start(self, name: str, command: list[str], variables: dict[str, str], ready: str) -> Server:
        """Starts a program, and waits until it prints that it is ready."""
        environment = dict(self.stack.hookline.environment) | variables
        server = processes.start(name, command, environment, self.stack.folder)
        self.running.append(server)
        server.wait_until(lambda: any(ready in line for line in server.lines()))
        return server

    def order(self, **details: Any) -> dict[str, Any]:
        """Places an order in the shop, which sends what Shopify would send."""
        self.progress("in the shop: an order")
        self.ordered_at = time.monotonic()
        return self.shop.act("order", **details)

    def prints(self, line: str, what: str) -> None:
        """Waits until the example prints a line about the last order."""
        if poll(lambda: line in self.example.lines()):
            after = f"{(time.monotonic() - self.ordered_at) * 1000:.0f} ms after the order"
            self.quotes.append(Quote(line, f"printed by {EXAMPLE} {after}"))
            self.expect(ok=True, what=what)
        else:
            self.expect(ok=False, what=f"{what}. The last that it printed: {self.example.tail(5)}")


def a_chatbot_listens(tour: Chatbot) -> None:
    """The example of sdk/typescript runs; `hookline listen` sends it the store's events as signed webhooks."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    port = str(free(1)[0])
    command = [str(NODE), str(REPOSITORY / EXAMPLE)]
    tour.example = tour.start("example", command, {"HOOKLINE_SECRET": secret, "PORT": port}, "listening on")
    variables = {"HOOKLINE_SECRET": secret, "HOOKLINE_TOKEN": tour.stack.client.token}
    command = [str(BINARY), "listen", tour.store, "--forward", f"http://localhost:{port}/webhooks"]
    tour.start("listen", command, variables, "listening to")


def a_product_that_sells_out_is_noticed(tour: Chatbot) -> None:
    """A shopper buys all that is left of a product, and the example prints that it is sold out."""
    ramekins = tour.product(RAMEKINS)
    left = {
        str(each["id"]): each["inventory_quantity"] for each in ramekins["variants"] if each["inventory_quantity"] > 0
    }
    tour.expect(bool(left), f"there is some left ({sum(left.values())})")
    tour.order(variants=left)
    tour.prints(f"sold out: {ramekins['title']}", "the example prints that it is sold out")


def an_order_finishes_its_conversation(tour: Chatbot) -> None:
    """A chat begins, an order whose cart names it is placed, and the example prints that it is finished."""
    session = f"chat_{secrets.token_hex(6)}"
    order = tour.order(variants={str(tour.product(BOARD)["variants"][0]["id"]): 1}, session_id=session)
    total = f"{order['total_price']} {order['currency']}"
    line = f"conversation {session} is finished: order {order['name']}, {total}"
    tour.prints(line, "the example prints the chat, the order and its total")

    def types() -> list[str]:
        listed = tour.hookline.rows("event", "list", tour.store, "--subject", f"order#{order['id']}")
        return sorted(each["type"] for each in listed)

    expected = ["checkout.completed", "order.created", "order.paid"]
    tour.until(lambda: types() == expected, f"`hookline event list` has {', '.join(expected)} of the order")


STEPS = (
    a_chatbot_listens,
    a_product_that_sells_out_is_noticed,
    an_order_finishes_its_conversation,
)
