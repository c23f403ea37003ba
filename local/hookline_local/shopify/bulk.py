"""Bulk operations: they run in the background and leave a JSONL file.

https://shopify.dev/docs/api/usage/bulk-operations/queries. Five queries at once per shop since API version 2026-01.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import DocumentNode

from . import bulk_rules, clock, schema
from .ids import gid
from .nodes import FIELDS, Node
from .paging import Listing

if TYPE_CHECKING:
    from .shops import Shop

MOST_AT_ONCE = 5
# Seconds of writing after which other tasks get their turn.
TURN_SECONDS = 0.005
UNFINISHED = ("CREATED", "RUNNING", "CANCELING")


@dataclass
class Wishes:
    """Faults that control has set for the next operations and downloads."""

    fail: int = 0
    fail_after: int = 0
    partial: bool = False
    error_code: str = "INTERNAL_SERVER_ERROR"
    pace: float | None = None
    start_seconds: float = 0.0
    drop: int = 0
    drop_after: int = 0


@dataclass
class Operation:
    """One bulk operation."""

    number: int
    query: str
    document: DocumentNode = field(repr=False)
    grouped: bool
    file: Path
    status: str = "CREATED"
    created_at: str = field(default_factory=clock.now)
    completed_at: str | None = None
    error_code: str | None = None
    objects: int = 0
    roots: int = 0
    bytes: int = 0
    has_result: bool = False
    has_part: bool = False

    @property
    def gid(self) -> str:
        """Its global id."""
        return gid("BulkOperation", self.number)


def node_of(shop: "Shop", operation: Operation) -> Node:
    """An operation as a node."""
    return Node("BulkOperation", operation, shop)


def node(shop: "Shop", identifier: str) -> Node | None:
    """An operation by its gid."""
    return next((node_of(shop, one) for one in shop.bulk.values() if one.gid == identifier), None)


def latest(shop: "Shop") -> Node | None:
    """The bulk operation started last."""
    return node_of(shop, shop.bulk[max(shop.bulk)]) if shop.bulk else None


def listing(shop: "Shop") -> Listing:
    """All operations, oldest first."""
    return Listing(sorted(shop.bulk), lambda number: node_of(shop, shop.bulk[number]))


def run_query(shop: "Shop", arguments: dict[str, Any]) -> dict[str, Any]:
    """`bulkOperationRunQuery`: starts an operation, or returns the reason for refusing it."""
    document, errors = schema.check(arguments["query"])
    problems = [error["message"] for error in errors] if document is None else bulk_rules.problems(document)
    if problems:
        return refused("INVALID", ["query"], f"Invalid bulk query: {' '.join(problems)}")
    running = [one for one in shop.bulk.values() if one.status in UNFINISHED]
    if len(running) >= MOST_AT_ONCE:
        return refused("LIMIT_REACHED", None, "Bulk operations limit reached. Please try again later.")
    number = shop.next_id()
    file = shop.folder / f"bulk-{number}.jsonl"
    operation = Operation(number, arguments["query"], document, arguments["groupObjects"], file)
    shop.bulk[number] = operation
    shop.background(run(shop, operation))
    # The response shows the operation as created, even if it has already begun.
    return {"bulkOperation": node_of(shop, operation), "userErrors": []}


def refused(code: str, where: list[str] | None, message: str) -> dict[str, Any]:
    """A user error."""
    return {"bulkOperation": None, "userErrors": [{"field": where, "message": message, "code": code}]}


def cancel(shop: "Shop", arguments: dict[str, Any]) -> dict[str, Any]:
    """`bulkOperationCancel`."""
    found = node(shop, arguments["id"])
    if found is None:
        return {"bulkOperation": None, "userErrors": [{"field": ["id"], "message": "Bulk operation does not exist"}]}
    if found.data.status not in UNFINISHED:
        message = f"A bulk operation cannot be canceled when it is {found.data.status.lower()}"
        return {"bulkOperation": found, "userErrors": [{"field": None, "message": message}]}
    found.data.status = "CANCELING"
    return {"bulkOperation": found, "userErrors": []}


async def run(shop: "Shop", operation: Operation) -> None:
    """Writes the result, a turn at a time, as fast as control allows."""
    wishes, failing = shop.wishes, shop.wishes.fail > 0
    if failing:
        wishes.fail -= 1
    fail_after, partial, code = wishes.fail_after, wishes.partial, wishes.error_code
    await asyncio.sleep(wishes.start_seconds)
    if operation.status == "CREATED":
        operation.status = "RUNNING"
    with open(operation.file, "wb") as file:
        whole = await write(shop, operation, file, fail_after if failing else None)
    operation.bytes = operation.file.stat().st_size
    operation.completed_at = clock.now()
    if operation.status == "CANCELING":
        operation.status, operation.has_part = "CANCELED", operation.objects > 0
    elif failing or not whole:
        operation.status, operation.error_code = "FAILED", code
        operation.has_part = partial
    else:
        operation.status, operation.has_result = "COMPLETED", operation.objects > 0


async def write(shop: "Shop", operation: Operation, file: Any, fail_after: int | None) -> bool:
    """Writes line after line; false when it was stopped."""
    from .lines import encode, rows

    turn, started = time.monotonic(), time.monotonic()
    for level, line in rows(shop, operation.document, operation.grouped):
        if fail_after is not None and operation.objects >= fail_after:
            return False
        file.write(encode(line, shop))
        operation.objects += 1
        operation.roots += level == 0
        at = time.monotonic()
        if shop.wishes.pace:
            await asyncio.sleep(max(0.0, started + operation.objects / shop.wishes.pace - at))
        elif at - turn > TURN_SECONDS:
            await asyncio.sleep(0)
            turn = time.monotonic()
        if operation.status == "CANCELING" or not shop.installed:
            return False
    return fail_after is None


def url(which: str) -> Any:
    """Address of the result, or of the partial result."""

    def read(node: Node, _: dict[str, Any]) -> str | None:
        has = node.data.has_result if which == "url" else node.data.has_part
        return f"{node.shop.base_url()}/{node.shop.name}/bulk/{node.data.number}.jsonl" if has else None

    return read


FIELDS["BulkOperation"] = {
    "id": lambda node, _: node.data.gid,
    "status": lambda node, _: node.data.status,
    "type": lambda *_: "QUERY",
    "query": lambda node, _: node.data.query,
    "createdAt": lambda node, _: clock.zulu(node.data.created_at),
    "completedAt": lambda node, _: clock.zulu(node.data.completed_at) if node.data.completed_at else None,
    "errorCode": lambda node, _: node.data.error_code,
    "objectCount": lambda node, _: str(node.data.objects),
    "rootObjectCount": lambda node, _: str(node.data.roots),
    "fileSize": lambda node, _: str(node.data.bytes) if node.data.has_result or node.data.has_part else None,
    "url": url("url"),
    "partialDataUrl": url("partialDataUrl"),
}
