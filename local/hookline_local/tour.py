"""A tour of a running stack: the deliveries sent, the responses, and the promises that were not kept.

Nothing here knows what should happen; that is in `promises`.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .client import Delivery, Response
from .shop import STORE, Product, catalogue
from .stack import Stack

DEADLINE_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Finding:
    """One check and its outcome."""

    step: str
    what: str
    ok: bool


@dataclass(frozen=True)
class Sent:
    """A delivery and its response."""

    step: str
    what: str
    topic: str
    delivery_id: str
    answer: Response


@dataclass(frozen=True)
class Quote:
    """A line that a program has printed."""

    line: str
    # The program, and the time it took.
    source: str


@dataclass
class Tour:
    """State of a tour."""

    stack: Stack
    store: str = STORE
    products: dict[str, Product] = field(default_factory=catalogue)
    sent: list[Sent] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    searchable_after: list[float] = field(default_factory=list)
    searches: list[tuple[str, str, str]] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    progress: Callable[[str], None] = lambda _: None
    step: str = ""

    def expect(self, ok: bool, what: str) -> bool:
        """Records whether a promise was kept."""
        self.findings.append(Finding(self.step, what, ok))
        return ok

    def failures(self) -> list[Finding]:
        """Findings that were not as promised."""
        return [finding for finding in self.findings if not finding.ok]

    # Sending.

    def send(self, what: str, delivery: Delivery, to: str | None = None) -> Response:
        """Sends a delivery and records the response."""
        answer = self.stack.client.send(delivery, to)
        self.note(what, delivery, answer)
        return answer

    def note(self, what: str, delivery: Delivery, answer: Response) -> None:
        """Records a delivery and its response for the report."""
        self.sent.append(Sent(self.step, what, delivery.topic, delivery.id, answer))
        self.progress(f"{delivery.topic}: {what} → {answer.status}")

    def sign(self, topic: str, body: bytes, **details: str | None) -> Delivery:
        """A delivery for this tour's store."""
        return self.stack.sign(topic, body, self.store, **details)

    def send_product(self, what: str, product: Product, topic: str = "products/update") -> Response:
        """Sends a product's state and expects 200."""
        answer = self.send(what, self.sign(topic, product.body()))
        self.expect(answer.status == 200, f"{what}: answered 200 (was {answer.status})")
        return answer

    # Looking.

    def status(self) -> dict[str, Any]:
        """Status of the store; empty while the store is unknown."""
        answer = self.stack.client.status(self.store)
        return answer.json() if answer.status == 200 else {}

    def applied(self) -> int:
        """Number of deliveries applied so far."""
        return self.status().get("events_24h", {}).get("total", 0)

    def found(self, q: str, limit: int = 50) -> list[dict[str, Any]]:
        """Results of a search; none while the store is unknown."""
        answer = self.stack.client.search(self.store, q, limit)
        return answer.json()["results"] if answer.status == 200 else []

    def result(self, product: Product) -> dict[str, Any] | None:
        """Search result of a product, found by its title."""
        return next((each for each in self.found(product.title) if each["id"] == product.id), None)

    def show_search(self, when: str, q: str) -> None:
        """Records the results of a search for the report."""
        hits = [f"{each['title']} ({price_range(each)})" for each in self.found(q, 3)]
        self.searches.append((when, q, "\n".join(hits) or "—"))

    # Waiting.

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Polls until the condition holds or the deadline passes; records the outcome."""
        value = poll(condition)
        self.expect(bool(value), what)
        return value

    @contextmanager
    def applying(self, count: int, what: str) -> Iterator[None]:
        """Waits, after the block, until exactly `count` more deliveries have been applied."""
        before = self.applied()
        yield
        poll(lambda: self.applied() >= before + count)
        after = self.applied()
        self.expect(after == before + count, f"{what}: counted as {count} (was {after - before})")

    def timings(self) -> dict[str, float]:
        """Times in seconds from sending a webhook to finding its change, as `summary` returns them."""
        return summary(self.searchable_after)


def summary(times: Iterable[float]) -> dict[str, float]:
    """Count, median and 99th percentile of times; empty if there are none."""
    times = sorted(times)
    if not times:
        return {}
    p99 = times[min(len(times) - 1, round(0.99 * len(times)))]
    return {"count": len(times), "median": statistics.median(times), "p99": p99}


def poll(condition: Callable[[], Any]) -> Any:
    """Calls the condition until it is true or the deadline has passed; returns its last value."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = 0.005
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return value


def price_range(result: dict[str, Any]) -> str:
    """Formats the prices of a search result."""
    low, high = result.get("price_min"), result.get("price_max")
    return f"{low}" if low == high else f"{low} – {high}"
