"""The app and the shops it may be installed in: all the state of the local Shopify."""

import asyncio
import hashlib
import random
import uuid
from collections import Counter, deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import bulk
from .catalogue import Catalogue
from .cost import Bucket
from .deliveries import Mischief, Record, Sender
from .subscriptions import Subscription, Subscriptions
from .tokens import Tokens

# Number of remembered deliveries.
MOST_RECORDS = 20_000
SCOPES = (
    "read_products",
    "read_inventory",
    "read_locations",
    "read_orders",
    "read_fulfillments",
    "read_customers",
)


@dataclass
class Fault:
    """A number of requests that go wrong: `429`, `500`, `503` or `drop` (the connection closes without an answer)."""

    kind: str
    remaining: int
    where: str = "graphql"
    retry_after: float | None = None


@dataclass
class App:
    """The app as Shopify knows it, and every shop."""

    folder: Path = field(repr=False)
    client_id: str = "hookline-local"
    client_secret: str = field(default="hush", repr=False)
    seed: int = 0
    base_url: str = ""
    shops: dict[str, "Shop"] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)
    faster: float = 3600.0
    running: set[asyncio.Task] = field(default_factory=set, repr=False)
    numbers: int = 0

    def __post_init__(self) -> None:
        """Creates the app; it sends nothing yet."""
        self.sender = Sender(self, self.faster)
        self.random = random.Random(self.seed)  # noqa: S311

    def uuid(self) -> str:
        """An id of a delivery or an event; the same ones in each run with the same seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def shop(self, name: str) -> "Shop":
        """A shop by its domain, created if it is new."""
        if name not in self.shops:
            self.shops[name] = Shop(self, name)
        return self.shops[name]

    def next_id(self) -> int:
        """An unused id: odd and above 2^53, like all of ours."""
        self.numbers += 1
        return 800_000_000_000_000_001 + (self.seed % 1000) * 10**12 + 2 * self.numbers

    def background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task:
        """Runs something that no request waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return task


@dataclass
class Odd:
    """Oddities of the record of one global id, wherever the Admin API returns it."""

    fields: dict[str, Any]
    lines: list[str] = field(default_factory=list)
    where: tuple[str, ...] = ("graphql", "bulk")

    def record(self, record: dict[str, Any], where: str) -> dict[str, Any]:
        """The record as returned there; a field that is `{"missing": true}` is left out."""
        if where not in self.where:
            return record
        changed = record | self.fields
        return {name: value for name, value in changed.items() if value != {"missing": True}}


class Shop:
    """One shop."""

    def __init__(self, app: App, name: str) -> None:
        """Empty, and without the app."""
        self.app, self.name = app, name
        self.title = name.partition(".")[0].replace("-", " ").title()
        self.currency = "USD"
        digest = int.from_bytes(hashlib.sha256(f"{app.seed} {name}".encode()).digest()[:4])
        self.spread = digest % 1_000_000
        self.id = 400_000_000_000_000_001 + 2 * digest
        self.location = 600_000_000_000_000_001 + 2 * digest
        self.catalogue = Catalogue()
        self.levels: dict[int, dict[int, int]] = {}
        # Inventory items whose stock is not counted.
        self.untracked: set[int] = set()
        # Bodies of webhooks as last sent, by id.
        self.orders: dict[int, dict[str, Any]] = {}
        self.fulfillments: dict[int, dict[str, Any]] = {}
        self.customers: dict[int, dict[str, Any]] = {}
        self.odd: dict[str, Odd] = {}
        self.tokens = Tokens(prefix=f"{digest:08x}")
        self.scopes = list(SCOPES)
        self.installed = False
        self.bucket = Bucket()
        self.bulk: dict[int, bulk.Operation] = {}
        self.wishes = bulk.Wishes()
        self.subscriptions = Subscriptions()
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.stored_payloads: dict[str, bytes] = {}
        self.mischief: list[Mischief] = []
        self.deliveries: deque[Record] = deque(maxlen=MOST_RECORDS)
        self.sending: set[asyncio.Task] = set()
        self.folder = app.folder

    def base_url(self) -> str:
        """URL of this server."""
        return self.app.base_url

    def next_id(self) -> int:
        """A new id."""
        return self.app.next_id()

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something that no request waits for."""
        self.app.background(work)

    def deliver(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a delivery, which `settle` waits for."""
        task = self.app.background(work)
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)

    def mischief_for(self, topic: str) -> Mischief | None:
        """Fault of the next delivery of a topic, if any."""
        for one in self.mischief:
            if one.remaining > 0 and one.topic in (None, topic):
                one.remaining -= 1
                return one
        return None

    def levels_of(self, variant: dict[str, Any]) -> dict[int, int]:
        """The stock of a variant at each location; all at the first one until control says otherwise."""
        return self.levels.get(variant["inventory_item_id"]) or {self.location: variant["inventory_quantity"]}

    def emit(self, topic: str, resource: dict[str, Any], **more: Any) -> None:
        """Sends a webhook about a change to the subscribers."""
        self.app.sender.emit(self, topic, resource, **more)

    def uninstall(self) -> None:
        """Uninstalls the app: ends its tokens before the webhook is sent, and removes its subscriptions."""
        from .payloads import shop_fields

        self.installed = False
        self.tokens.revoke()
        self.emit("app/uninstalled", shop_fields(self))
        self.subscriptions.made.clear()

    def fault(self, where: str) -> Fault | None:
        """Fault of this request, if any."""
        for fault in self.faults:
            if fault.where == where and fault.remaining > 0:
                fault.remaining -= 1
                return fault
        return None
