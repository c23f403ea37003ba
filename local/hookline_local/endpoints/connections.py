"""Connections and requests in progress: how many there are, and how many there were at most, by name and instance."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

# Names and instances that are counted; beyond that the oldest that have nothing open are forgotten.
MAX_COUNTED = 10_000


@dataclass
class Count:
    """Number of things now, and the most there were at once."""

    now: int = 0
    most: int = 0

    def up(self) -> None:
        """One more."""
        self.now += 1
        self.most = max(self.most, self.now)

    def down(self) -> None:
        """One fewer."""
        self.now -= 1


@dataclass
class Counts:
    """Connections and requests in progress of a name, of an instance, or of all."""

    connections: Count = field(default_factory=Count)
    requests: Count = field(default_factory=Count)
    accepted: int = 0

    def described(self) -> dict[str, int]:
        """The counts as control answers them."""
        return {
            "open": self.connections.now,
            "most": self.connections.most,
            "accepted": self.accepted,
            "requests": self.requests.now,
            "most_requests": self.requests.most,
        }

    def restart(self) -> None:
        """Counts from what there is now."""
        self.accepted = 0
        for count in (self.connections, self.requests):
            count.most = count.now


@dataclass
class Connection:
    """A connection. It belongs to the name and instance of its latest request, on a port of its own to that name."""

    number: int
    connected_at: float
    name: str = ""
    instance: str = ""
    requests: int = 0


class Connections:
    """All connections of the server."""

    def __init__(self) -> None:
        """None yet."""
        self.all = Counts()
        self._names: dict[str, Counts] = {}
        self._instances: dict[tuple[str, str], Counts] = {}
        self._numbers = itertools.count(1)

    def opened(self, name: str = "") -> Connection:
        """Notes an accepted connection; `name` is that of the port's only behaviour."""
        connection = Connection(next(self._numbers), time.time())
        self.all.connections.up()
        self.all.accepted += 1
        if name:
            self.belongs(connection, name, "")
        return connection

    def belongs(self, connection: Connection, name: str, instance: str) -> None:
        """Notes the name and instance that a connection's next request is for."""
        if (connection.name, connection.instance) == (name, instance):
            return
        for counts in self._counts_of(connection):
            counts.connections.down()
        connection.name, connection.instance = name, instance
        for counts in self._counts_of(connection):
            counts.connections.up()
            counts.accepted += 1

    def closed(self, connection: Connection) -> None:
        """Notes the end of a connection."""
        for counts in (self.all, *self._counts_of(connection)):
            counts.connections.down()

    def began(self, connection: Connection) -> None:
        """Notes that a request is being answered."""
        connection.requests += 1
        for counts in (self.all, *self._counts_of(connection)):
            counts.requests.up()

    def ended(self, connection: Connection) -> None:
        """Notes that a request was answered, or will not be."""
        for counts in (self.all, *self._counts_of(connection)):
            counts.requests.down()

    def open_of(self, name: str, instance: str) -> int:
        """Open connections of an instance."""
        counts = self._instances.get((name, instance))
        return counts.connections.now if counts else 0

    def restart(self) -> None:
        """Counts from what there is now."""
        for kept in (self._names, self._instances):
            for key in [key for key, counts in kept.items() if not counts.connections.now]:
                del kept[key]
        for counts in (self.all, *self._names.values(), *self._instances.values()):
            counts.restart()

    def described(self) -> dict[str, Any]:
        """The counts as control answers them."""
        return {
            **self.all.described(),
            "by_name": {name: counts.described() for name, counts in self._names.items()},
            "by_instance": {
                f"{name}/{instance}": counts.described() for (name, instance), counts in self._instances.items()
            },
        }

    def _counts_of(self, connection: Connection) -> list[Counts]:
        if not connection.name:
            return []
        return [
            counts(self._names, connection.name),
            counts(self._instances, (connection.name, connection.instance)),
        ]


def counts(kept: dict[Any, Counts], key: Any) -> Counts:
    """The counts of a key, made when they are new."""
    if key not in kept:
        if len(kept) >= MAX_COUNTED:
            idle = next((old for old, counted in kept.items() if not counted.connections.now), None)
            if idle is not None:
                del kept[idle]
        kept[key] = Counts()
    return kept[key]
