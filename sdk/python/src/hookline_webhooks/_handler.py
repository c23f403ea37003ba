"""Handler of webhooks: from a request to callbacks and an answer."""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from ._asgi import Receive, Scope, Send, serve_asgi
from ._body import MAX_BODY_BYTES, BodyError
from ._event import parse
from ._outcome import Failure, Skipped, log, report
from ._run import BusyError, Call, Late, LateThreads, Work, run_blocking, run_on_loop
from ._seen import Seen
from ._verify import Verifier
from ._wsgi import Environ, StartResponse, serve_wsgi
from .events import (
    EVENT_TYPES,
    VERSION,
    CheckoutCompletedEvent,
    InventoryUpdatedEvent,
    ProductCreatedEvent,
    ProductDeletedEvent,
    ProductUpdatedEvent,
)

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
Response = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, and body of an answer."""

DEFAULT_TOLERANCE_SECONDS = 300.0
DEFAULT_TIMEOUT_SECONDS = 2.0

_CUSTOM = re.compile(r"custom\.[a-z0-9_.]{1,64}")
_REFUSALS = {
    "headers": "the request is not signed: webhook-id, webhook-timestamp or webhook-signature is absent",
    "timestamp": "the time of the request is beyond the tolerance: compare the clock of this machine",
    "signature": "the signature is wrong: compare the secret with that of the endpoint",
}
_STEPS = {"seen": "seen.has", "callback": "a callback", "done": "seen.add"}


@dataclass(frozen=True)
class _Message:
    """A verified event that a callback wants."""

    id: str
    event: Any
    callbacks: Sequence[Callable[[Any], object]]


class WebhookHandler:
    """Handler of webhooks: a WSGI app, an ASGI app, and `handle` for anything else."""

    def __init__(
        self,
        verifier: Verifier,
        callbacks: Mapping[str, Sequence[Callable[[Any], object]]],
        *,
        seen: Seen | None,
        timeout: float,
        on_skipped: Callable[[Skipped], object] | None,
        on_failure: Callable[[Failure], object] | None,
        now: Callable[[], float],
    ) -> None:
        """See `create_webhook_handler`."""
        self._verifier = verifier
        self._callbacks = callbacks
        self._seen = seen
        self._timeout = timeout
        self._on_skipped = on_skipped
        self._on_failure = on_failure or log
        self._now = now
        self._running: dict[str, Future[int]] = {}
        self._lock = threading.Lock()
        self._late = LateThreads()

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            await serve_asgi(self.handle_async, self._failed_to_read, scope, receive, send)

        # A function and not a method, which uvicorn takes for an app of ASGI 2.
        self.asgi = asgi
        """ASGI app. Sync callbacks run in threads."""

    def wsgi(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """WSGI app. Async callbacks run on an event loop of their own."""
        return serve_wsgi(self.handle, self._failed_to_read, environ, start_response)

    def handle(self, method: str, headers: Headers, body: bytes) -> Response:
        """Handles a request with the bytes of its body as received, and returns the answer. Never raises."""
        message = self._check(method, headers, body)
        if not isinstance(message, _Message):
            return _response(message)
        first, mine = self._claim(message)
        if first:
            return _response(self._as_copy(message, first.result()))
        work, status = Work(), 500
        try:
            outcome = run_blocking(
                lambda work, call: self._process(message, work, call), work, self._timeout, self._late
            )
            status = self._finished(message, outcome)
        except BaseException as error:
            status = self._failed_to_process(message, work, error)
        finally:
            self._release(message, mine, status)
        return _response(status)

    async def handle_async(self, method: str, headers: Headers, body: bytes) -> Response:
        """Handles a request as `handle` does, on the running event loop."""
        message = self._check(method, headers, body)
        if not isinstance(message, _Message):
            return _response(message)
        first, mine = self._claim(message)
        if first:
            return _response(self._as_copy(message, await asyncio.wrap_future(first)))

        async def lead() -> int:
            work, status = Work(), 500
            try:
                outcome = await run_on_loop(
                    lambda work, call: self._process(message, work, call), work, self._timeout, self._late
                )
                status = self._finished(message, outcome)
            except asyncio.CancelledError as error:
                status = self._failed_to_process(message, work, error)
            except Exception as error:
                status = self._failed_to_process(message, work, error)
            finally:
                self._release(message, mine, status)
            return status

        # Apart from the request: a server that cancels this one must not cancel the event that copies wait for.
        return _response(await asyncio.shield(asyncio.create_task(lead())))

    def _check(self, method: str, headers: Headers, body: bytes) -> _Message | int:
        """Returns what is to be handled, or the status of the answer."""
        if method != "POST":
            return 405
        if len(body) > MAX_BODY_BYTES:
            return self._failed_to_read(BodyError(413, "size", f"the body is over {MAX_BODY_BYTES} bytes"))
        merged: dict[str, str] = {}
        for name, value in headers.items() if isinstance(headers, Mapping) else headers:
            key = name.lower()
            merged[key] = f"{merged[key]}, {value}" if key in merged else value
        if refusal := self._verifier.verify(merged, body, int(self._now())):
            return self._fail(Failure(403, refusal, _REFUSALS[refusal]))
        id_, event = merged["webhook-id"], parse(body)
        if event is None:
            return self._fail(Failure(400, "body", "the body is signed, but not an event", id_))
        if event["version"] > VERSION:
            return self._skip(Skipped(id_, event["type"], "version"))
        callbacks = self._callbacks.get(event["type"])
        if not callbacks:
            return self._skip(Skipped(id_, event["type"], "type"))
        return _Message(id_, event, callbacks)

    def _claim(self, message: _Message) -> tuple["Future[int] | None", "Future[int]"]:
        """Returns the answer that another request of the same id works for, and this request's own to fulfil."""
        mine: Future[int] = Future()
        # A running future cannot be cancelled by those who wait for it.
        mine.set_running_or_notify_cancel()
        if not self._seen:
            return None, mine
        with self._lock:
            first = self._running.get(message.id)
            if not first:
                self._running[message.id] = mine
        return first, mine

    def _release(self, message: _Message, mine: "Future[int]", status: int) -> None:
        if self._seen:
            with self._lock:
                del self._running[message.id]
        mine.set_result(status)

    async def _process(self, message: _Message, work: Work, call: Call) -> Literal["seen", "done"]:
        """Looks the id up, calls the callbacks one after the other, and remembers the id."""
        try:
            if self._seen and await call(self._seen.has, message.id):
                return "seen"
            work.step = "callback"
            for callback in message.callbacks:
                await call(callback, message.event)
            work.step = "done"
            if self._seen:
                await call(self._seen.add, message.id)
        except SystemExit as error:
            # Would end the server's event loop.
            raise RuntimeError("the code called sys.exit") from error
        return "done"

    def _as_copy(self, message: _Message, status: int) -> int:
        """Status of a request whose event another request has handled with this status."""
        return self._finished(message, "seen") if status == 204 else status

    def _finished(self, message: _Message, outcome: Literal["seen", "done"]) -> int:
        return 204 if outcome == "done" else self._skip(Skipped(message.id, message.event["type"], "seen"))

    def _failed_to_process(self, message: _Message, work: Work, error: BaseException) -> int:
        # Once the callbacks have succeeded, sending the event again would only repeat them.
        status = 204 if work.step == "done" else 500
        what = _STEPS[work.step]
        id_, type_ = message.id, message.event["type"]
        if isinstance(error, Late):
            return self._fail(Failure(status, "timeout", f"{what} took longer than {self._timeout:g} s", id_, type_))
        if isinstance(error, BusyError):
            return self._fail(Failure(503, "busy", "too many callbacks run beyond their time limit", id_, type_))
        reason = "callback" if work.step == "callback" else "seen"
        return self._fail(Failure(status, reason, f"{what} failed", id_, type_, error))

    def _failed_to_read(self, error: BodyError) -> int:
        return self._fail(Failure(error.status, error.reason, str(error), error=error.__cause__))

    def _skip(self, skipped: Skipped) -> int:
        if self._on_skipped:
            report(self._on_skipped, skipped)
        return 204

    def _fail(self, failure: Failure) -> int:
        report(self._on_failure, failure)
        return failure.status


def create_webhook_handler(
    secret: str | None = None,
    *,
    secrets: Sequence[str] = (),
    on_inventory_change: Callable[[InventoryUpdatedEvent], object] | None = None,
    on_order_complete: Callable[[CheckoutCompletedEvent], object] | None = None,
    on_product_change: Callable[[ProductCreatedEvent | ProductUpdatedEvent | ProductDeletedEvent], object]
    | None = None,
    on: Mapping[str, Callable[[Any], object]] | None = None,
    seen: Seen | None = None,
    tolerance: float = DEFAULT_TOLERANCE_SECONDS,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
    on_skipped: Callable[[Skipped], object] | None = None,
    on_failure: Callable[[Failure], object] | None = None,
    now: Callable[[], float] = time.time,
) -> WebhookHandler:
    """Makes a handler of webhooks.

    It answers

    - 204: handled, or skipped, because no callback wants it, it is of a later version, or `seen` knows it;
    - 403: a wrong or absent signature, or a time beyond the tolerance;
    - 400: signed, but not an event. 405: not POST. 413: over 1 MiB;
    - 500: a callback or `seen` failed, or took longer than the time limit; 503: 64 callbacks still run beyond it.
      Hookline sends the event again.

    With `seen`, an id is remembered once all its callbacks have succeeded, even after the time limit. A copy that
    arrives while this process handles the first waits for its answer. Copies in two processes may both be handled.

    Args:
        secret: Secret of the endpoint, `whsec_…`.
        secrets: Several of them, during a rotation or for several endpoints.
        on_inventory_change: Receives `inventory.updated`: a product's availability or a quantity changed.
        on_order_complete: Receives `checkout.completed`: an order came out of a chat session or a checkout. All orders:
            `on={"order.created": …}`.
        on_product_change: Receives `product.created`, `product.updated` and `product.deleted`.
        on: Callbacks by type, called after those above. All may be async; what they return is ignored.
        seen: Memory of handled ids; without one, an event that is sent twice is handled twice.
        tolerance: Maximum difference between the time of a request and ours, in seconds.
        timeout: Time limit of all callbacks of an event, in seconds. After it an async one is cancelled, and a sync one
            continues in its thread.
        on_skipped: Receives every event that is acknowledged without a callback.
        on_failure: Receives every failure; by default it is logged.
        now: Clock, in seconds since 1970.

    Raises:
        ValueError: A setting cannot be right.
    """
    for name, value in {"tolerance": tolerance, "timeout": timeout}.items():
        if not 0 < value < 2**31:
            raise ValueError(f"hookline_webhooks: {name} must be a positive number")
    if isinstance(secrets, str):
        raise ValueError("hookline_webhooks: secrets must be a list; a single one is `secret`")
    all_secrets = ([] if secret is None else [secret]) + list(secrets)
    if not all_secrets:
        raise ValueError("hookline_webhooks: secret is missing")
    named = {
        "inventory.updated": on_inventory_change,
        "checkout.completed": on_order_complete,
        "product.created": on_product_change,
        "product.updated": on_product_change,
        "product.deleted": on_product_change,
    }
    return WebhookHandler(
        Verifier(all_secrets, tolerance),
        _callbacks_by_type([*named.items(), *(on or {}).items()]),
        seen=seen,
        timeout=timeout,
        on_skipped=on_skipped,
        on_failure=on_failure,
        now=now,
    )


def _callbacks_by_type(
    given: Iterable[tuple[str, Callable[[Any], object] | None]],
) -> dict[str, list[Callable[[Any], object]]]:
    """Callbacks of each type in the order in which they are called."""
    callbacks: dict[str, list[Callable[[Any], object]]] = {}
    for type_, callback in given:
        if type_ not in EVENT_TYPES and not _CUSTOM.fullmatch(type_):
            raise ValueError(
                f"hookline_webhooks: {type_!r} is no type of events, or one of a later release of this package"
            )
        if callback is None:
            continue
        if not callable(callback):
            raise ValueError(f"hookline_webhooks: the callback of {type_} is no function")
        callbacks.setdefault(type_, []).append(callback)
    return callbacks


def _response(status: int) -> Response:
    headers = [] if status == 204 else [("content-length", "0")]
    return status, headers + ([("allow", "POST")] if status == 405 else []), b""
