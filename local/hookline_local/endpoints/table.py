"""The list of behaviours, behaviours.json, and the instances of each."""

import json
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import parameters

FILE = Path(__file__).with_name("behaviours.json")
MAX_INSTANCES = 10_000


class UnknownNameError(Exception):
    """A name that no behaviour has."""


@dataclass(frozen=True)
class Behaviour:
    """A row of the table."""

    row: dict[str, Any]
    name: str
    where: str
    plays: str
    defaults: dict[str, Any]


@dataclass
class Instance:
    """A path of a behaviour: its parameters, and what it remembers of its requests."""

    behaviour: Behaviour
    name: str
    given: dict[str, Any] = field(default_factory=dict)
    requests: int = 0
    first_id: str | None = None
    allowed_at: float | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters now: those given, else a status in the path of `ok`, else the behaviour's own."""
        path = re.match(r"(2\d\d)(?:/|$)", self.name) if self.behaviour.name == "ok" else None
        return {**self.behaviour.defaults, **({"status": int(path[1])} if path else {}), **self.given}


class Table:
    """All behaviours, and at most 10,000 instances: beyond that the one that was used longest ago starts again."""

    def __init__(self) -> None:
        """Reads the file."""
        self.behaviours = {row["name"]: behaviour(row) for row in rows()}
        self._instances: OrderedDict[tuple[str, str], Instance] = OrderedDict()

    def at(self, where: str) -> list[Behaviour]:
        """The behaviours of a place: http, tls, port or resolver."""
        return [one for one in self.behaviours.values() if one.where == where]

    def instance(self, name: str, instance: str) -> Instance:
        """An instance, made when it is new."""
        key = (name, instance)
        if name not in self.behaviours:
            raise UnknownNameError(f"no behaviour is called {name!r:.60}; GET /behaviours lists them")
        if key not in self._instances:
            self._instances[key] = Instance(self.behaviours[name], instance)
            if len(self._instances) > MAX_INSTANCES:
                self._instances.popitem(last=False)
        self._instances.move_to_end(key)
        return self._instances[key]

    def forget(self, name: str, instance: str) -> None:
        """Forgets an instance's parameters and counts."""
        self._instances.pop((name, instance), None)


def rows() -> list[dict[str, Any]]:
    """The rows of the table, as in the file."""
    return json.loads(FILE.read_text())


def behaviour(row: dict[str, Any]) -> Behaviour:
    """Reads a row."""
    plays = row.get("plays", "")
    defaults = {**parameters.DEFAULTS.get(plays, {}), **row.get("parameters", {})}
    return Behaviour(row, row["name"], row["where"], plays, defaults)


def addressed(path: str, only: str | None) -> tuple[str, str]:
    """Name and instance that a path means. On a port of its own, a behaviour has all paths: `/NAME` is left out."""
    name, _, instance = path.lstrip("/").partition("/")
    if only is None or name == only:
        return name, instance
    return only, path.lstrip("/")
