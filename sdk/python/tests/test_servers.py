"""The WSGI and the ASGI app, in real servers over loopback, and with input that those servers do not produce."""

import asyncio
import http.client
import io
import threading
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.validate import validator

import pytest
import uvicorn
from made import SECRET, Headers, Log, event, signed

from hookline_webhooks import RecentIds, WebhookHandler, create_webhook_handler

Serve = Callable[[WebhookHandler], int]
Message = MutableMapping[str, Any]


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A thread for each request, not waited for at the end."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def with_content_type(app: Callable[..., list[bytes]]) -> Callable[..., list[bytes]]:
    """An app whose answers have a content type, which the validator requires and WSGI does not."""

    def typed(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        def start(status: str, headers: list[tuple[str, str]]) -> object:
            return start_response(status, headers + ([] if status[:3] == "204" else [("content-type", "text/plain")]))

        return app(environ, start)

    return typed


@pytest.fixture(params=["wsgiref", "uvicorn"])
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Serves a handler until the end of the test, and returns the port."""
    stops: list[Callable[[], None]] = []

    def serve_wsgi(handler: WebhookHandler) -> int:
        # The validator fails a request in which our app breaks a rule of WSGI.
        app = validator(with_content_type(handler.wsgi))
        server = make_server("127.0.0.1", 0, app, ThreadingServer, Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join()
            server.server_close()

        stops.append(stop)
        return server.server_port

    def serve_asgi(handler: WebhookHandler) -> int:
        server = uvicorn.Server(uvicorn.Config(handler.asgi, port=0, lifespan="on", log_level="error"))
        started = threading.Event()
        begin = server.startup

        async def startup(*arguments: Any, **more: Any) -> None:
            await begin(*arguments, **more)
            started.set()

        server.startup = startup  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run)
        thread.start()
        assert started.wait(30)

        def stop() -> None:
            server.should_exit = True
            thread.join()

        stops.append(stop)
        return int(server.servers[0].sockets[0].getsockname()[1])

    yield serve_wsgi if request.param == "wsgiref" else serve_asgi
    for stop in stops:
        stop()


def post(port: int, body: bytes, headers: Headers, method: str = "POST") -> tuple[int, bytes]:
    """Sends a request and returns status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, "/webhooks", body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def make(log: Log, **options: Any) -> WebhookHandler:
    """A handler that writes to a log."""
    return create_webhook_handler(SECRET, **log.hooks() | {"on_inventory_change": log.events.append} | options)


def test_requests_over_http_get_their_answers(serve: Serve) -> None:
    """Sync callbacks in both kinds of server."""
    log = Log()
    port = serve(make(log))
    body = event(data={"id": "1", "title": "größer " * 20_000})
    assert post(port, body, signed(body)) == (204, b"")
    assert post(port, body, signed(event())) == (403, b"")
    assert post(port, body, {}) == (403, b"")
    assert post(port, b"{}", signed(b"{}")) == (400, b"")
    assert post(port, b"", {}, method="GET") == (405, b"")
    assert post(port, b"", {"content-length": str(1024 * 1024 + 1)}) == (413, b"")
    assert [event["data"]["title"][:6] for event in log.events] == ["größer"]
    assert log.reasons == ["signature", "headers", "body", "size"]


def test_async_callback_works_in_both_kinds_of_server(serve: Serve) -> None:
    """Under WSGI on a loop of its own."""
    log = Log()

    async def callback(event: object) -> None:
        await asyncio.sleep(0)
        log.events.append(event)

    port = serve(make(log, on_inventory_change=callback))
    assert post(port, event(), signed(event())) == (204, b"")
    assert len(log.events) == 1


def test_callback_that_hangs_does_not_hang_the_server(serve: Serve) -> None:
    """The answer is 500, and the next request is handled meanwhile."""
    log, release = Log(), threading.Event()
    handler = make(log, on={"order.created": lambda _: release.wait()}, timeout=0.05)
    port = serve(handler)
    hanging = event("order.created")
    assert post(port, hanging, signed(hanging)) == (500, b"")
    handler._timeout = 60
    assert post(port, event(), signed(event())) == (204, b"")
    release.set()
    assert log.reasons == ["timeout"]


def test_concurrent_copies_over_http_are_handled_once(serve: Serve) -> None:
    """All get the answer of the first."""
    log, entered, proceed = Log(), threading.Event(), threading.Event()

    def callback(event: object) -> None:
        log.events.append(event)
        entered.set()
        proceed.wait()

    port = serve(make(log, on_inventory_change=callback, seen=RecentIds(), timeout=60))
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(post, port, event(), signed(event())) for _ in range(8)]
        is_entered = entered.wait(30)
        proceed.set()
        assert is_entered
        assert [answer.result() for answer in answers] == [(204, b"")] * 8
    assert len(log.events) == 1


class Dripping(io.RawIOBase):
    """Input that returns a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        """With this content."""
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        """At most seven bytes."""
        return self._content.read(min(size, 7) if size >= 0 else 7)


def call_wsgi(handler: WebhookHandler, body: bytes, **environ: object) -> str:
    """Status line of a request."""
    lines: list[str] = []
    fields = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body).items()}
    request = {"REQUEST_METHOD": "POST", "wsgi.input": Dripping(body), **fields, **environ}
    assert handler.wsgi(request, lambda status, _headers: lines.append(status)) == [b""]
    return lines[0]


def test_wsgi_body_is_read_to_its_length_in_any_pieces() -> None:
    """And no further."""
    log = Log()
    body = event()
    assert call_wsgi(make(log), body, CONTENT_LENGTH=str(len(body))) == "204 No Content"
    trailing = Dripping(body + b"GET / HTTP/1.1")
    assert call_wsgi(make(log), body, CONTENT_LENGTH=str(len(body)), **{"wsgi.input": trailing}) == "204 No Content"


def test_wsgi_body_without_a_length_is_read_where_the_server_ends_it() -> None:
    """As servers do that take chunked requests; elsewhere reading it would hang."""
    log = Log()
    body = event()
    assert call_wsgi(make(log), body, **{"wsgi.input_terminated": True}) == "204 No Content"
    assert call_wsgi(make(log), body) == "403 Forbidden"
    large = b"x" * (1024 * 1024 + 1)
    terminated = {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(large)}
    assert call_wsgi(make(log), large, **terminated) == "413 Request Entity Too Large"


def test_wsgi_body_that_was_consumed_is_answered_500_and_explained() -> None:
    """A middleware has read it, or the sender is gone."""
    log = Log()
    assert call_wsgi(make(log), event(), CONTENT_LENGTH=str(len(event()) + 1)) == "500 Internal Server Error"
    assert call_wsgi(make(log), event(), CONTENT_LENGTH="many") == "400 Bad Request"
    assert log.reasons == ["read", "read"]
    assert "other code has read it" in log.failures[0].message


def call_asgi(handler: WebhookHandler, *messages: Message, scope: dict[str, Any] | None = None) -> list[Any]:
    """Messages that the app sends for those it receives."""
    sent: list[Any] = []
    queue = list(messages)

    async def receive() -> Message:
        return queue.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    fields = [(name.encode(), value.encode()) for name, value in signed(event()).items()]
    asyncio.run(handler.asgi(scope or {"type": "http", "method": "POST", "headers": fields}, receive, send))
    return sent


def chunk(body: bytes, *, more: bool = True) -> Message:
    """A piece of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


def test_asgi_body_may_come_in_any_pieces() -> None:
    """Also empty ones."""
    log = Log()
    pieces = [chunk(bytes([byte])) for byte in event()]
    sent = call_asgi(make(log), *pieces, chunk(b""), {"type": "http.request"})
    assert sent[0] == {"type": "http.response.start", "status": 204, "headers": []}
    assert len(log.events) == 1


def test_asgi_body_over_the_limit_is_not_read_to_its_end() -> None:
    """It is answered after the first piece too many."""
    log = Log()
    sent = call_asgi(make(log), chunk(b"x" * 1024 * 1024), chunk(b"x"))
    assert sent[0]["status"] == 413
    assert log.reasons == ["size"]


def test_asgi_request_whose_sender_is_gone_is_dropped() -> None:
    """Nobody gets an answer, and nothing is handled."""
    log = Log()
    assert call_asgi(make(log), chunk(event()), {"type": "http.disconnect"}) == []
    assert log == Log()


def test_asgi_app_takes_http_alone() -> None:
    """A WebSocket is a mistake in the routes."""
    with pytest.raises(ValueError, match="this is websocket"):
        call_asgi(make(Log()), scope={"type": "websocket"})
