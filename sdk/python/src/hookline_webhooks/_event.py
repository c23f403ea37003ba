"""Events in bodies."""

import json
from typing import Any

from .events import VERSION


def parse(body: bytes) -> dict[str, Any] | None:
    """Event in a body; `None` if it is none. Of a later version only id, type and version are known."""
    try:
        # Not `json.loads(body)`, which takes UTF-16 and byte order marks, too.
        event = json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not _are_texts(event, "id", "type"):
        return None
    version = event.get("version")
    if type(version) is not int or version < 1:
        return None
    if version > VERSION:
        return event
    store, subject = event.get("store"), event.get("subject")
    fits = _are_texts(event, "timestamp") and _are_texts(store, "source", "id") and _are_texts(subject, "kind", "id")
    return event if fits else None


def _are_texts(value: object, *names: str) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in names)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
