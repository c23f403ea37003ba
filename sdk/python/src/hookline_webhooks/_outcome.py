"""Arguments of hooks: events without a callback, and failures."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

_LOG = logging.getLogger("hookline_webhooks")


@dataclass(frozen=True)
class Skipped:
    """An event that was acknowledged without a callback."""

    id: str
    type: str
    reason: Literal["type", "version", "seen"]
    """No callback for its type, a later version of the schema than this package reads, or `seen` before."""


@dataclass(frozen=True)
class Failure:
    """A request that was not answered with success, or a success with a flaw (`status` 204)."""

    status: int
    reason: str
    """First check that failed (`size`, `headers`, `timestamp`, `signature`, `body`), or what failed while the event was
    handled (`read`, `callback`, `timeout`, `seen`, `busy`).
    """
    message: str
    """Sentence for the log, without secrets and contents."""
    id: str | None = None
    type: str | None = None
    error: BaseException | None = None
    """Exception of a callback, of `seen`, or of reading the body."""


def report(hook: Callable[[Any], object], subject: object) -> None:
    """Calls a hook. An exception of it must not change the answer."""
    try:
        hook(subject)
    except Exception:
        _LOG.exception("on_skipped or on_failure failed")


def log(failure: Failure) -> None:
    """Logs a failure: a refusal as a warning, our own as an error with its exception."""
    event = f" ({failure.type or 'event'} {failure.id})" if failure.id else ""
    level = logging.WARNING if 400 <= failure.status < 500 else logging.ERROR
    _LOG.log(level, "%s%s", failure.message, event, exc_info=failure.error)
