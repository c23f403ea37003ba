"""Runs an event's callbacks within a time limit, in a thread or on the loop of the caller."""

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Call = Callable[..., Awaitable[object]]
"""Calls a function, sync or async, with arguments and awaits its result."""

Step = Literal["seen", "callback", "done"]

MAX_LATE_THREADS = 64
"""Number of threads that may still run after their time limit. Beyond it no event is taken."""


class Work:
    """Course of one event: the step it is at, and how to stop it."""

    def __init__(self) -> None:
        """Begins with looking up its id."""
        self.step: Step = "seen"
        self.is_blocking = False
        """True while a function runs that cannot be cancelled."""


class Late(Exception):  # noqa: N818 - not an error: an outcome
    """The time limit is over."""


class BusyError(Exception):
    """Too many threads are late."""


class LateThreads:
    """Number of threads that run after their time limit."""

    def __init__(self) -> None:
        """None yet."""
        self._count = 0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raises `BusyError` if there are too many."""
        if self._count >= MAX_LATE_THREADS:
            raise BusyError

    def watch(self, future: "Future[Any]") -> None:
        """Counts a thread until it ends."""
        self._add(1)
        future.add_done_callback(lambda _: self._add(-1))

    def _add(self, number: int) -> None:
        with self._lock:
            self._count += number


def run_blocking(
    process: Callable[[Work, Call], Coroutine[Any, Any, T]], work: Work, timeout: float, late: LateThreads
) -> T:
    """Runs `process` on a loop of its own in a thread, which the caller leaves alone when the time limit is over.

    Raises `Late`, `BusyError`, or what `process` raises.
    """
    late.check()
    cancels: list[Callable[[], object]] = []

    async def main() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(process(work, _call_here))
        cancels.append(lambda: loop.call_soon_threadsafe(task.cancel))
        return await task

    future: Future[T] = in_thread(_run_coroutine, main)
    # Not `future.result(timeout)`: a callback, too, may raise `TimeoutError`.
    if wait([future], timeout).not_done:
        late.watch(future)
        # Cancels an async callback; the loop is closed if the thread has just ended.
        with contextlib.suppress(RuntimeError):
            for cancel in cancels:
                cancel()
        raise Late
    return future.result()


def _run_coroutine(function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(function())


async def run_on_loop(
    process: Callable[[Work, Call], Coroutine[Any, Any, T]], work: Work, timeout: float, late: LateThreads
) -> T:
    """Runs `process` on the running loop, sync functions in threads.

    An async function is cancelled when the time limit is over; a sync one continues, and `process` with it. Raises
    `Late`, `BusyError`, or what `process` raises.
    """
    late.check()

    async def call(function: Callable[..., object], *arguments: object) -> object:
        if inspect.iscoroutinefunction(function):
            return await function(*arguments)
        future = in_thread(function, *arguments)
        threads.append(future)
        work.is_blocking = True
        try:
            result = await asyncio.wrap_future(future)
        finally:
            work.is_blocking = False
        return await result if inspect.isawaitable(result) else result

    threads: list[Future[object]] = []
    task = asyncio.create_task(process(work, call))
    # Not `asyncio.wait_for`, which waits for a task that ignores its cancellation.
    done, _ = await asyncio.wait({task}, timeout=timeout)
    if not done:
        # Its outcome is nobody's any more; asyncio would log an exception that nobody reads.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        if work.is_blocking:
            late.watch(threads[-1])
        else:
            task.cancel()
        raise Late
    return task.result()


async def _call_here(function: Callable[..., object], *arguments: object) -> object:
    result = function(*arguments)
    return await result if inspect.isawaitable(result) else result


def in_thread(function: Callable[..., T], *arguments: object) -> "Future[T]":
    """Calls a function in a thread that does not keep the program from ending, unlike those of an executor."""
    future: Future[T] = Future()
    # A running future cannot be cancelled by a task that waits for it.
    future.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(function, *arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="hookline-webhook", daemon=True).start()
    return future
