"""Runs ministack, the emulated AWS, behind a check that refuses the same requests as AWS's JSON services.

    PYTHONPATH=local <emulator's python> -m hookline_local.emulator

Without it, a function that used the wrong version of a protocol would work here, but not on AWS.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app as ministack

from . import models

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def strict(app: Callable) -> Callable:
    """Wraps an application so that it only gets requests that AWS would accept."""

    async def door(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in scope.get("headers", ())}
        target = headers.get("x-amz-target", "")
        if scope["type"] != "http" or target.partition(".")[0] not in models.by_target():
            await app(scope, receive, send)
            return
        body = await whole(receive)
        refused = models.refusal(target, headers.get("content-type", ""), body)
        if refused is None:
            await app(scope, again(body, receive), send)
            return
        status, code, message = refused
        answer = json.dumps({"__type": code, "message": message}).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    return door


async def whole(receive: Receive) -> bytes:
    """Reads the body of a request."""
    parts, more = [], True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(parts)


def again(body: bytes, receive: Receive) -> Receive:
    """Returns a receive function that first yields the body already read."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> dict[str, Any]:
        return first.pop() if first else await receive()

    return replay


if __name__ == "__main__":
    ministack.app = strict(ministack.app)
    ministack.main()
