"""Requests of tests: the vectors, and signed events."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hookline_webhooks import Failure, Skipped, sign

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOW = 1_796_000_000
ID = "evt_01M8KC7FD03QH5TX988ZJ0TNS4"

Headers = dict[str, str]


@dataclass(frozen=True)
class Vector:
    """An entry of sdk/vectors.json."""

    name: str
    secrets: Sequence[str]
    now: int
    headers: Headers
    body: bytes
    valid: bool
    reason: str | None
    skipped: str | None
    official: bool

    @property
    def is_signed(self) -> bool:
        """True if the signature is right, whatever the body."""
        return self.valid or self.reason == "body"


def vectors() -> list[Vector]:
    """All vectors."""
    file = Path(__file__).resolve().parents[2] / "vectors.json"
    return [_vector(entry) for entry in json.loads(file.read_text())["vectors"]]


def _vector(entry: dict[str, Any]) -> Vector:
    body = base64.b64decode(entry["body_base64"]) if "body_base64" in entry else entry["body"].encode()
    fields = {name: entry[name] for name in ("name", "secrets", "now", "headers", "valid")}
    is_signed = entry["valid"] or entry["reason"] == "body"
    return Vector(
        **fields,
        body=body,
        reason=entry.get("reason"),
        skipped=entry.get("skipped"),
        official=entry.get("official", is_signed),
    )


def event(type_: str = "inventory.updated", **changes: object) -> bytes:
    """Body of an event."""
    content: dict[str, object] = {
        "id": ID,
        "type": type_,
        "version": 1,
        "timestamp": "2026-11-29T10:04:52Z",
        "store": {"source": "shopify", "id": "demo.myshopify.com"},
        "subject": {"kind": "product", "id": "1", "version": "2"},
        "data": {"id": "1", "status": "active", "available": False, "truncated": False},
        "changed": ["inventory"],
        "previous": {"available": True},
        "related": {},
        "session_id": None,
        "cause": None,
    }
    return json.dumps(content | changes).encode()


def signed(body: bytes, id_: str = ID, secret: str = SECRET, timestamp: int = NOW) -> Headers:
    """Headers of a request with this body."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, id_, timestamp, body),
        "content-type": "application/json",
    }


@dataclass
class Log:
    """Events and failures that a handler's hooks and callbacks received."""

    events: list[Any] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def hooks(self) -> dict[str, Any]:
        """Arguments of `create_webhook_handler`, with a clock that stands still."""
        return {"on_skipped": self.skipped.append, "on_failure": self.failures.append, "now": lambda: NOW}

    @property
    def reasons(self) -> list[str]:
        """Reasons of the failures."""
        return [failure.reason for failure in self.failures]
