"""Memory of the ids of handled events."""

from collections import OrderedDict
from typing import Protocol


class Seen(Protocol):
    """Memory of the ids of handled events. Both methods may be async. For several processes, wrap a shared store."""

    def has(self, id_: str, /) -> object:
        """Returns true if the id was added."""

    def add(self, id_: str, /) -> object:
        """Remembers an id, after its callbacks succeeded."""


class RecentIds:
    """Memory of the latest ids of one process; forgets the oldest beyond `limit`."""

    def __init__(self, limit: int = 10_000) -> None:
        """Remembers nothing yet."""
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()

    def has(self, id_: str, /) -> bool:
        """Returns true if the id was added and is not forgotten."""
        return id_ in self._ids

    def add(self, id_: str, /) -> None:
        """Remembers an id."""
        self._ids[id_] = None
        self._ids.move_to_end(id_)
        while len(self._ids) > self._limit:
            self._ids.popitem(last=False)
