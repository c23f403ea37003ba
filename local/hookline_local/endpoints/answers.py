"""Behaviours whose answers are correct HTTP: the meaning is the trouble, or the time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from . import callbacks
from .exchange import End, Exchange
from .requests import Headers

Play = Callable[[Exchange], Awaitable[End]]


async def answer(exchange: Exchange) -> End:
    """Answers as the parameters say."""
    given = exchange.parameters
    await asyncio.sleep(given["delay_seconds"])
    headers = list(given["headers"].items())
    if (location := given["location"]) is not None:
        headers.append(("location", exchange.base_url + location if location.startswith("/") else location))
    headers += retry_after(given["retry_after"])
    return await exchange.answer(given["status"], headers, given["body"].encode())


async def one_event(exchange: Exchange) -> End:
    """Fails for some events."""
    given = exchange.parameters
    ids = ids_of(exchange)
    if exchange.instance.first_id is None:
        exchange.instance.first_id = next(iter(ids), None)
    failing = [exchange.instance.first_id] if given["fails_ids"] is None else given["fails_ids"]
    return await exchange.answer(given["status"] if set(ids) & set(failing) else 200)


async def every(exchange: Exchange) -> End:
    """Fails every so often."""
    given = exchange.parameters
    return await exchange.answer(200 if exchange.instance.requests % given["every"] else given["status"])


async def one_a_second(exchange: Exchange) -> End:
    """Throttles."""
    given, now = exchange.parameters, time.monotonic()
    allowed_at = exchange.instance.allowed_at
    if allowed_at is not None and now < allowed_at:
        return await exchange.answer(429, retry_after(given["retry_after"]))
    exchange.instance.allowed_at = now + given["per_seconds"]
    return await exchange.answer(200)


async def callback(exchange: Exchange) -> End:
    """Makes a request of its own first."""
    given = exchange.parameters
    if given["callback"]:
        exchange.seen.callback = await callbacks.call(given["callback"], given["method"], exchange.seen)
    return await exchange.answer(200)


async def keep_alive_closed(exchange: Exchange) -> End:
    """Closes what it seemed to keep."""
    await exchange.answer(200)
    await asyncio.sleep(exchange.parameters["idle_seconds"])
    return End.CLOSE


async def keep_alive_closed_late(exchange: Exchange) -> End:
    """Closes instead of answering a connection's second request."""
    return await exchange.answer(200) if exchange.connection.requests == 1 else End.CLOSE


async def one_connection_resets(exchange: Exchange) -> End:
    """Wants to be the only connection."""
    seen = exchange.seen
    if exchange.connections.open_of(seen.name, seen.instance) > 1:
        return End.RESET
    return await exchange.answer(200)


def retry_after(value: Any) -> Headers:
    """The header `retry-after`, if any."""
    if value is None:
        return []
    if isinstance(value, dict):
        value = formatdate(time.time() + value["date_in_seconds"], usegmt=True)
    return [("retry-after", str(value))]


def ids_of(exchange: Exchange) -> list[str]:
    """Ids of the events in a request: its `webhook-id`, and `id` of its JSON object or of each object in its array."""
    ids = [exchange.seen.head.header("webhook-id")]
    try:
        body = json.loads(bytes(exchange.seen.body.kept))
    except ValueError:
        body = None
    ids += [one.get("id") for one in (body if isinstance(body, list) else [body]) if isinstance(one, dict)]
    return [one for one in ids if isinstance(one, str)]


PLAYS: dict[str, Play] = {
    play.__name__: play
    for play in (
        answer,
        one_event,
        every,
        one_a_second,
        callback,
        keep_alive_closed,
        keep_alive_closed_late,
        one_connection_resets,
    )
}
# Ports of their own, on which requests are answered like others.
PLAYS |= {"one_connection": answer, "dies": answer}
