"""ASGI 3: reads requests, and writes answers."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ._body import MAX_BODY_BYTES, BodyError, is_too_large

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handle = Callable[[str, list[tuple[str, str]], bytes], Awaitable[tuple[int, list[tuple[str, str]], bytes]]]


async def serve_asgi(
    handle: Handle, failed: Callable[[BodyError], int], scope: Scope, receive: Receive, send: Send
) -> None:
    """Reads a request, handles it and answers it; answers the server's start and stop if it is the whole app."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if scope["type"] != "http":
        raise ValueError(f"hookline_webhooks: webhooks are HTTP requests, and this is {scope['type']}")
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    try:
        body = await _read(scope["method"], dict(fields), receive)
    except BodyError as error:
        status, headers, content = failed(error), [("content-length", "0")], b""
    else:
        if body is None:
            return
        status, headers, content = await handle(scope["method"], fields, body)
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})


async def _read(method: str, fields: dict[str, str], receive: Receive) -> bytes | None:
    """Reads the body; `None` if the sender is gone."""
    if method != "POST":
        return b""
    if is_too_large(fields.get("content-length")):
        raise BodyError.too_large()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyError.too_large()
        if not message.get("more_body", False):
            return bytes(body)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
