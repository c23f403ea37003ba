"""Connections: a sorted list of keys, pages of it, and cursors that survive edits in between."""

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

# https://shopify.dev/docs/api/usage/pagination-graphql
MOST_PER_PAGE = 250
# Further in than this, paging ends: https://shopify.dev/docs/api/usage/pagination-graphql. The wording is ours.
FURTHEST = 25_000


@dataclass(slots=True)
class Listing:
    """Everything a connection could give: keys in order, and how to make the node of a key."""

    keys: Sequence[Any]
    make: Callable[[Any], Any]


@dataclass(slots=True)
class Page:
    """Requested part of a connection."""

    keys: list[Any]
    nodes: list[Any]
    more_before: bool
    more_after: bool


def page(listing: Listing, path: str, arguments: dict[str, Any]) -> Page:
    """The page that `first`/`after` or `last`/`before` ask for; refuses what Shopify refuses."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise refused("you must provide one of first or last")
    if first is not None and last is not None:
        raise refused("providing both first and last is not supported")
    size = first if first is not None else last
    if size < 0:
        raise refused(f"{'first' if last is None else 'last'} must be 0 or more")
    if size > MOST_PER_PAGE:
        raise refused(f"The {path} query's page size of {size} exceeds the limit of {MOST_PER_PAGE}")
    keys, backwards = listing.keys, bool(arguments.get("reverse"))
    start, end = 0, len(keys)
    for name in ("after", "before"):
        if arguments.get(name) is None:
            continue
        key = read_cursor(arguments[name])
        if (name == "after") != backwards:
            start = bisect_right(keys, key)
        else:
            end = bisect_left(keys, key)
    from_start = (last is None) != backwards
    low, high = (start, min(end, start + size)) if from_start else (max(start, end - size), end)
    if size and (high if not backwards else len(keys) - low) > FURTHEST and last is None:
        raise refused(f"pagination beyond {FURTHEST} objects is not supported; use a bulk operation")
    chosen = list(keys[low:high])
    before, after = low > 0, high < len(keys)
    if backwards:
        chosen.reverse()
        before, after = after, before
    return Page(chosen, [listing.make(key) for key in chosen], before, after)


def refused(message: str) -> GraphQLError:
    """An error about the arguments."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def cursor(key: Any) -> str:
    """A key as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def read_cursor(text: str) -> Any:
    """The key in a cursor."""
    try:
        key = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError:
        raise GraphQLError(f"Invalid cursor for current pagination sort: {text}") from None
    return tuple(key) if isinstance(key, list) else key
