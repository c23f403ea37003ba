"""Requests that the server makes while it answers one."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from .record import Seen

LIMIT_SECONDS = 30
# Headers of a webhook that go along with its body; others say something about the connection or the first request.
PASSED_ON = ("content-type", "webhook-", "hookline-", "ce-", "x-shopify-")


async def call(wanted: dict[str, Any], method: str, seen: Seen) -> dict[str, Any]:
    """Makes the request that `callback` describes; answers its status, or the reason why it has none.

    A POST has the body of the request that is being answered, and its headers of a webhook, if `callback` has none.
    """
    method = wanted.get("method", method).upper()
    headers = {name.lower(): value for name, value in wanted.get("headers", {}).items()}
    if "body" in wanted:
        body = wanted["body"].encode()
    else:
        body = bytes(seen.body.kept) if method in ("POST", "PUT", "PATCH") else b""
        if body:
            passed = {name.lower(): value for name, value in seen.head.headers if name.lower().startswith(PASSED_ON)}
            headers = {**passed, **headers}
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return {"status": await fetch(method, wanted["url"], headers, body)}
    except (OSError, ValueError, TimeoutError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


async def fetch(method: str, url: str, headers: dict[str, str], body: bytes) -> int:
    """Sends one request over plain HTTP and returns the status of the answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        own = {"host": parts.netloc, "content-length": str(len(body)), "connection": "close"}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in {**headers, **own}.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await writer.drain()
        status_line = (await reader.readline()).split()
        if len(status_line) < 2 or not status_line[1].isdigit():
            raise ValueError("the answer is not HTTP")
        return int(status_line[1])
    finally:
        writer.close()
