"""Requests to a local Shopify, and a receiver for its webhooks."""

import json
import queue
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from hookline_local.shopkeeper import Shopkeeper

SECRET = "hush"  # noqa: S105
TOKEN = "t"  # noqa: S105
# Products and collections of events/shopify.
CURTAIN = 112490812641266817
SKILLET = 336947345467479961
BOARD = 377747495128738381
UNDER_FIFTY = 361416303805590061
CAMPFIRE = 361416303805590057


def data(shop: Shopkeeper, query: str, /, **variables: Any) -> Any:
    """Data of a query, which must not fail."""
    status, answer = shop.graphql(query, TOKEN, **variables)
    assert status == 200, answer
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def code(shop: Shopkeeper, query: str) -> str:
    """The code of the first error that a query answers."""
    status, answer = shop.graphql(query, TOKEN)
    assert status == 200
    return answer["errors"][0]["extensions"]["code"]


def fetched(url: str, start: int | None = None) -> bytes:
    """Downloads a result, optionally from a byte on."""
    headers = {} if start is None else {"Range": f"bytes={start}-"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
        assert response.status == (200 if start is None else 206)
        return response.read()


@dataclass
class Received:
    """One request to the receiver."""

    path: str
    headers: Any
    body: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """Receives webhooks and responds with the given statuses, then 200."""

    url: str
    answers: list[int] = field(default_factory=list)
    taken: "queue.Queue[Received]" = field(default_factory=queue.Queue)

    def all(self) -> list[Received]:
        """Webhooks received since the last call."""
        return [self.taken.get_nowait() for _ in range(self.taken.qsize())]
