"""The handler: callbacks, failures, time limits, duplicates, settings. Sync and async alike."""

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from made import ID, NOW, SECRET, Log, event, signed

from hookline_webhooks import RecentIds, Response, Seen, WebhookHandler, create_webhook_handler
from hookline_webhooks._run import MAX_LATE_THREADS

Post = Callable[..., Response]

# Short enough to wait for, where nothing has to be done in it; long enough for a slow machine to begin a thread in; and
# never reached.
SHORT_SECONDS = 0.05
LONGER_SECONDS = 0.5
ENDLESS_SECONDS = 60.0


@pytest.fixture(params=["sync", "async"])
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    """Passes a signed event to a handler, by `handle` or by `handle_async` on a loop in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def send(handler: WebhookHandler, body: bytes | None = None, id_: str = ID) -> Response:
        body = event() if body is None else body
        arguments = ("POST", signed(body, id_), body)
        if request.param == "async":
            return asyncio.run_coroutine_threadsafe(handler.handle_async(*arguments), loop).result()
        return handler.handle(*arguments)

    yield send
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Ends what hangs, after the test."""
    event = threading.Event()
    yield event
    event.set()


def make(log: Log, **options: Any) -> WebhookHandler:
    """A handler that writes to a log."""
    return create_webhook_handler(SECRET, **log.hooks() | options)


def test_callbacks_receive_the_events_of_their_types(post: Post) -> None:
    """Sync and async; those by type after the named ones."""
    log = Log()
    calls: list[tuple[str, str]] = []

    def note(name: str) -> Callable[[Any], None]:
        return lambda event: calls.append((name, event["type"]))

    async def note_async(event: Any) -> None:
        await asyncio.sleep(0)
        calls.append(("async", event["type"]))

    handler = make(
        log,
        on_inventory_change=note("inventory"),
        on_order_complete=note("order"),
        on_product_change=note("product"),
        on={"product.updated": note_async, "custom.hello": note("custom")},
    )
    types = ["inventory.updated", "checkout.completed", "product.created", "product.updated", "product.deleted"]
    for type_ in [*types, "custom.hello", "order.created"]:
        assert post(handler, event(type_)) == (204, [], b"")
    assert calls == [
        ("inventory", "inventory.updated"),
        ("order", "checkout.completed"),
        ("product", "product.created"),
        ("product", "product.updated"),
        ("async", "product.updated"),
        ("product", "product.deleted"),
        ("custom", "custom.hello"),
    ]
    assert [(skipped.type, skipped.reason) for skipped in log.skipped] == [("order.created", "type")]


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError(), SystemExit(1), asyncio.CancelledError()])
def test_callback_that_raises_is_answered_500(post: Post, error: BaseException) -> None:
    """So that the event is sent again, whatever it raises; the callbacks after it are not called."""
    log = Log()

    def fail(_: object) -> None:
        raise error

    handler = make(log, on_inventory_change=fail, on={"inventory.updated": log.events.append})
    assert post(handler)[0] == 500
    assert log.reasons == ["callback"]
    assert log.events == []


def test_async_callback_that_raises_is_answered_500(post: Post) -> None:
    """As a sync one."""
    log = Log()

    async def fail(_: object) -> None:
        raise ValueError("no")

    assert post(make(log, on_inventory_change=fail))[0] == 500
    assert [str(failure.error) for failure in log.failures] == ["no"]
    assert log.failures[0].id == ID


def test_sync_callback_that_hangs_is_answered_500(post: Post, release: threading.Event) -> None:
    """Its thread is left alone."""
    log = Log()
    handler = make(log, on_inventory_change=lambda _: release.wait(), timeout=SHORT_SECONDS)
    assert post(handler)[0] == 500
    assert log.reasons == ["timeout"]


def test_async_callback_that_hangs_is_cancelled_and_answered_500(post: Post) -> None:
    """Also when it is not the first."""
    log = Log()
    cancelled = threading.Event()

    async def hang(_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    handler = make(log, on_inventory_change=lambda _: None, on={"inventory.updated": hang}, timeout=LONGER_SECONDS)
    assert post(handler)[0] == 500
    assert log.reasons == ["timeout"]
    assert cancelled.wait(ENDLESS_SECONDS)


def test_async_callback_that_ignores_its_cancellation_is_answered_500() -> None:
    """The answer does not wait for it."""
    log = Log()

    async def run() -> int:
        release = asyncio.Event()

        async def stubborn(_: object) -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        handler = make(log, on_inventory_change=stubborn, timeout=SHORT_SECONDS)
        status = (await handler.handle_async("POST", signed(event()), event()))[0]
        release.set()
        return status

    assert asyncio.run(run()) == 500


def test_threads_that_hang_are_bounded(post: Post, release: threading.Event) -> None:
    """Beyond the bound the answer is 503, until they end."""
    log = Log()
    hang = True
    handler = make(log, on_inventory_change=lambda _: hang and release.wait(), timeout=0.001)
    for _ in range(MAX_LATE_THREADS):
        assert post(handler)[0] == 500
    assert post(handler)[0] == 503
    assert log.reasons == ["timeout"] * MAX_LATE_THREADS + ["busy"]
    hang = False
    release.set()
    for thread in threading.enumerate():
        if thread.name == "hookline-webhook":
            thread.join()
    handler._timeout = ENDLESS_SECONDS
    assert post(handler)[0] == 204


def test_event_is_handled_once_if_it_was_seen(post: Post) -> None:
    """The second answer is a success, too."""
    log = Log()
    handler = make(log, on_inventory_change=log.events.append, seen=RecentIds())
    assert [post(handler)[0], post(handler)[0], post(handler, id_="evt_2")[0]] == [204, 204, 204]
    assert len(log.events) == 2
    assert [skipped.reason for skipped in log.skipped] == ["seen"]


def test_event_is_handled_again_after_a_failure(post: Post) -> None:
    """An id is remembered only after its callbacks succeeded."""
    log = Log()

    def fail_once(event: object) -> None:
        log.events.append(event)
        if len(log.events) == 1:
            raise ValueError("no")

    handler = make(log, on_inventory_change=fail_once, seen=RecentIds())
    assert [post(handler)[0], post(handler)[0], post(handler)[0]] == [500, 204, 204]
    assert len(log.events) == 2


def test_event_is_handled_twice_without_a_memory(post: Post) -> None:
    """Nothing is remembered by default."""
    log = Log()
    handler = make(log, on_inventory_change=log.events.append)
    assert [post(handler)[0], post(handler)[0]] == [204, 204]
    assert len(log.events) == 2


def test_late_success_of_a_sync_callback_is_remembered(post: Post) -> None:
    """The answer was 500, and the event that is sent again is a duplicate."""
    log, release, added = Log(), threading.Event(), threading.Event()

    class Memory(RecentIds):
        def add(self, id_: str, /) -> None:
            super().add(id_)
            added.set()

    handler = make(log, on_inventory_change=lambda _: release.wait(), seen=Memory(), timeout=SHORT_SECONDS)
    assert post(handler)[0] == 500
    release.set()
    assert added.wait(ENDLESS_SECONDS)
    handler._timeout = ENDLESS_SECONDS
    assert post(handler)[0] == 204
    assert [skipped.reason for skipped in log.skipped] == ["seen"]


class Broken:
    """A memory whose methods fail or hang, sync or async."""

    def __init__(self, has: Callable[[], object] = lambda: False, add: Callable[[], object] = lambda: None) -> None:
        """Both do nothing by default."""
        self._has, self._add = has, add

    def has(self, _: str, /) -> object:
        """Returns what was given."""
        return self._has()

    def add(self, _: str, /) -> object:
        """Returns what was given."""
        return self._add()


def refuse() -> object:
    """Fails."""
    raise ConnectionError("no store")


async def hang() -> None:
    """Hangs."""
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("seen", "timeout", "status", "reason", "calls"),
    [
        (Broken(has=refuse), ENDLESS_SECONDS, 500, "seen", 0),
        (Broken(has=hang), SHORT_SECONDS, 500, "timeout", 0),
        (Broken(add=refuse), ENDLESS_SECONDS, 204, "seen", 1),
        (Broken(add=hang), LONGER_SECONDS, 204, "timeout", 1),
    ],
    ids=["has fails", "has hangs", "add fails", "add hangs"],
)
def test_memory_that_fails_before_the_callbacks_is_answered_500_and_after_them_204(
    post: Post, seen: Seen, timeout: float, status: int, reason: str, calls: int
) -> None:
    """Once the event is handled, sending it again would only repeat it. The failure is reported."""
    log = Log()
    handler = make(log, on_inventory_change=log.events.append, seen=seen, timeout=timeout)
    assert post(handler)[0] == status
    assert log.reasons == [reason]
    assert len(log.events) == calls


@pytest.mark.parametrize("outcome", [204, 500])
def test_concurrent_copies_in_threads_are_handled_once_and_get_one_answer(outcome: int) -> None:
    """Copies wait for the first, whatever it answers."""
    log = Log()
    entered, proceed = threading.Event(), threading.Event()

    def callback(event: object) -> None:
        log.events.append(event)
        entered.set()
        proceed.wait()
        if outcome == 500:
            raise ValueError("no")

    handler = make(log, on_inventory_change=callback, seen=RecentIds(), timeout=ENDLESS_SECONDS)
    answers: list[int] = []

    def run() -> None:
        answers.append(handler.handle("POST", signed(event()), event())[0])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    is_entered = entered.wait(30)
    proceed.set()
    for thread in threads:
        thread.join()
    assert is_entered
    assert answers == [outcome] * 8
    # A failure may be over before the last copy is there, which is handled then.
    assert len(log.events) == 1 if outcome == 204 else len(log.events) >= 1


@pytest.mark.parametrize("outcome", [204, 500])
def test_concurrent_copies_on_a_loop_are_handled_once_and_get_one_answer(outcome: int) -> None:
    """Also if the first request is cancelled, as servers do when its sender is gone."""
    log = Log()

    async def run() -> list[int]:
        entered, proceed = asyncio.Event(), asyncio.Event()

        async def callback(event: object) -> None:
            log.events.append(event)
            entered.set()
            await proceed.wait()
            if outcome == 500:
                raise ValueError("no")

        handler = make(log, on_inventory_change=callback, seen=RecentIds(), timeout=ENDLESS_SECONDS)
        first, *copies = [asyncio.create_task(handler.handle_async("POST", signed(event()), event())) for _ in range(8)]
        await entered.wait()
        first.cancel()
        copies.pop().cancel()
        await asyncio.sleep(0)
        proceed.set()
        return [(await copy)[0] for copy in copies]

    assert asyncio.run(run()) == [outcome] * 6
    assert len(log.events) == 1


def test_recent_ids_forget_the_oldest() -> None:
    """An id that is added again is the newest."""
    seen = RecentIds(2)
    for id_ in ["a", "b", "a", "c"]:
        seen.add(id_)
    assert [id_ for id_ in "abc" if seen.has(id_)] == ["a", "c"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post"])
def test_other_methods_are_answered_405(method: str) -> None:
    """With the method that is allowed, and without a report: browsers and scanners do that."""
    log = Log()
    response = make(log).handle(method, signed(event()), event())
    assert response == (405, [("content-length", "0"), ("allow", "POST")], b"")
    assert log.failures == []


def test_body_over_the_limit_is_answered_413() -> None:
    """Before its signature is computed; one at the limit is read."""
    log = Log()
    handler = make(log)
    for length, status in [(1024 * 1024, 400), (1024 * 1024 + 1, 413)]:
        body = b"x" * length
        assert handler.handle("POST", signed(body), body)[0] == status
    assert log.reasons == ["body", "size"]


def test_hook_that_raises_does_not_change_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""

    def fail(_: object) -> None:
        raise ValueError("hook")

    handler = create_webhook_handler(SECRET, on_skipped=fail, on_failure=fail, now=lambda: NOW)
    assert handler.handle("POST", signed(event()), event())[0] == 204
    assert handler.handle("POST", {}, event())[0] == 403
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_failures_are_logged_by_default_without_secrets_and_contents(caplog: pytest.LogCaptureFixture) -> None:
    """Refusals as warnings, own failures as errors with the exception."""
    caplog.set_level(logging.DEBUG, "hookline_webhooks")

    def fail(_: object) -> None:
        raise ValueError("no")

    handler = create_webhook_handler(SECRET, on_inventory_change=fail, now=lambda: NOW)
    handler.handle("POST", signed(event()) | {"webhook-signature": "v1,x"}, event())
    handler.handle("POST", signed(event()), event())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the signature is wrong: compare the secret with that of the endpoint"),
        ("ERROR", f"a callback failed (inventory.updated {ID})"),
    ]
    assert "ValueError: no" in caplog.text
    assert SECRET[6:] not in caplog.text
    assert "demo.myshopify.com" not in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "secret is missing"),
        ({"secret": None}, "secret is missing"),
        ({"secret": ""}, "secret 1 of 1 is none"),
        ({"secret": "whsec_"}, "secret 1 of 1 is none"),
        ({"secret": "whsec_c2hvcnQ="}, "secret 1 of 1 is none"),
        ({"secret": SECRET.replace("whsec_", "whpk_")}, "secret 1 of 1 is none"),
        ({"secret": "whsec_" + "A" * 88}, "secret 1 of 1 is none"),
        ({"secrets": [SECRET, "geheim"]}, "secret 2 of 2 is none"),
        ({"secrets": SECRET}, "secrets must be a list"),
        ({"secret": SECRET, "timeout": 0}, "timeout must be a positive number"),
        ({"secret": SECRET, "tolerance": float("nan")}, "tolerance must be a positive number"),
        ({"secret": SECRET, "on": {"product.udpated": print}}, "'product.udpated' is no type"),
        ({"secret": SECRET, "on": {"custom.Loud": print}}, "'custom.Loud' is no type"),
        ({"secret": SECRET, "on_order_complete": 1}, "the callback of checkout.completed is no function"),
    ],
)
def test_wrong_setting_is_refused_without_showing_a_secret(options: dict[str, Any], message: str) -> None:
    """Fails when the handler is made, not when the first webhook comes."""
    with pytest.raises(ValueError, match=message) as caught:
        create_webhook_handler(**options)
    assert "geheim" not in str(caught.value)


def test_secret_may_have_white_space_around_it() -> None:
    """As files and shells leave it."""
    log = Log()
    handler = create_webhook_handler(f" {SECRET}\n", **log.hooks())
    assert handler.handle("POST", signed(event()), event())[0] == 204


def test_tolerance_can_be_set() -> None:
    """In seconds, both ways."""
    log = Log()
    handler = make(log, tolerance=10)
    answers = [handler.handle("POST", signed(event(), timestamp=NOW + by), event())[0] for by in (-11, -10, 10, 11)]
    assert answers == [403, 204, 204, 403]


def test_no_bytes_and_no_headers_make_it_raise() -> None:
    """Nor does a changed byte pass."""
    log = Log()
    handler = make(log, on_inventory_change=log.events.append)
    chance = random.Random(15)  # noqa: S311 - not for secrets
    body, headers = event(), signed(event())
    for _ in range(500):
        changed = bytearray(body)
        changed[chance.randrange(len(body))] ^= chance.randrange(1, 256)
        assert handler.handle("POST", headers, bytes(changed))[0] == 403
        noise = chance.randbytes(chance.randrange(64))
        assert handler.handle("POST", signed(noise), noise)[0] == 400
        name = chance.choice([name for name in headers if name.startswith("webhook-")])
        text = "".join(map(chr, (chance.randrange(0x300) for _ in range(20)))) + "\udc80"
        assert handler.handle("POST", headers | {name: text}, body)[0] == 403
        assert handler.handle("POST", headers | {name: f"v1,{text}"}, body)[0] == 403
    assert log.events == []


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"version":' + b"9" * 5000 + b"}", b'{"version": NaN}'])
def test_body_that_a_parser_may_choke_on_is_answered_400(body: bytes) -> None:
    """Nesting, long numbers, and what is not JSON."""
    assert make(Log()).handle("POST", signed(body), body)[0] == 400
