"""Memory of the server: the requests that it saw, within bounds."""

import asyncio
import base64
import itertools
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .connections import Connection
from .requests import BodyTaker, Head

MAX_REQUESTS = 10_000
MAX_BODY_BYTES = 300 * 1024
MAX_BODIES_BYTES = 256 * 1024 * 1024


@dataclass
class Seen:
    """A request. Times are seconds since 1970."""

    number: int
    name: str
    instance: str
    port: int
    head: Head
    connection: int
    connected_at: float
    at: float
    body: BodyTaker = field(default_factory=lambda: BodyTaker(MAX_BODY_BYTES))
    body_complete: bool = False
    answered_at: float | None = None
    closed_early: bool = False
    callback: dict[str, Any] | None = None
    # Of the record: is it still in it, and with how many bytes of body?
    kept: bool = True
    held_bytes: int = 0

    @property
    def path(self) -> str:
        """The request's path without its query."""
        return self.head.path

    def described(self, with_body: bool) -> dict[str, Any]:
        """The request as control answers it."""
        described = {
            "number": self.number,
            "name": self.name,
            "instance": self.instance,
            "method": self.head.method,
            "path": self.head.target,
            "headers": self.head.headers,
            "body": base64.b64encode(self.body.kept).decode(),
            "body_bytes": self.body.count,
            "body_complete": self.body_complete,
            "port": self.port,
            "connection": self.connection,
            "connected_at": self.connected_at,
            "first_byte_at": self.head.first_byte_at,
            "at": self.at,
            "answered_at": self.answered_at,
            "closed_early": self.closed_early,
            "callback": self.callback,
        }
        if not with_body:
            del described["body"]
        return described


class Record:
    """The latest requests: at most 10,000, with at most 256 MiB of bodies."""

    def __init__(self) -> None:
        """None yet."""
        self.dropped = 0
        self._requests: deque[Seen] = deque()
        self._bytes = 0
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()

    def add(self, name: str, instance: str, port: int, head: Head, connection: Connection) -> Seen:
        """Notes a request whose head was read."""
        seen = Seen(
            next(self._numbers), name, instance, port, head, connection.number, connection.connected_at, time.time()
        )
        self._requests.append(seen)
        while len(self._requests) > MAX_REQUESTS:
            self._drop_oldest()
        self.change()
        return seen

    def body_read(self, seen: Seen, complete: bool) -> None:
        """Notes that a request was read to its end, or that the peer closed before that."""
        seen.at = time.time()
        seen.body_complete, seen.closed_early = complete, not complete
        if seen.kept:
            seen.held_bytes = len(seen.body.kept)
            self._bytes += seen.held_bytes
        while self._bytes > MAX_BODIES_BYTES and len(self._requests) > 1:
            self._drop_oldest()
        self.change()

    def change(self) -> None:
        """Wakes those that wait for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Returns at the next change."""
        await self._changed.wait()

    def under(self, path: str) -> Iterator[Seen]:
        """The requests to a path and to all below it, oldest first."""
        below = path.rstrip("/") + "/"
        return (seen for seen in self._requests if seen.path == path or seen.path.startswith(below))

    def clear(self, path: str) -> int:
        """Forgets the requests to a path and below, and how many went before them; answers how many it forgot."""
        gone = list(self.under(path))
        for seen in gone:
            self._forget(seen)
        self._requests = deque(seen for seen in self._requests if seen.kept)
        self.dropped = 0
        return len(gone)

    def _drop_oldest(self) -> None:
        self._forget(self._requests.popleft())
        self.dropped += 1

    def _forget(self, seen: Seen) -> None:
        seen.kept = False
        self._bytes -= seen.held_bytes
