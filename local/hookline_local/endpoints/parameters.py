"""Parameters of behaviours: their defaults, and what control may set them to."""

from collections.abc import Callable
from typing import Any

# Defaults by the way a behaviour is played; a row of the table has those that differ. Only these can be set.
DEFAULTS: dict[str, dict[str, Any]] = {
    "answer": {"status": 200, "delay_seconds": 0, "headers": {}, "location": None, "retry_after": None, "body": ""},
    "bare": {"says": "", "ends": "close"},
    "raw": {"says": "", "ends": "close"},
    "silence": {},
    "drip_head": {"between_seconds": 0.5},
    "drip_body": {"status": 200, "between_seconds": 1},
    "endless_body": {"status": 200},
    "endless_interim": {"between_seconds": 0.5},
    "many_headers": {"lines": 64, "bytes": 24},
    "reset_mid_body": {"status": 200, "between_seconds": 0.05},
    "answer_early": {"status": 200, "reads_on": True},
    "gzip_bomb": {"status": 500},
    "one_event": {"fails_ids": None, "status": 500},
    "every": {"every": 2, "status": 500},
    "one_a_second": {"per_seconds": 1, "retry_after": "1"},
    "keep_alive_closed": {"idle_seconds": 0},
    "keep_alive_closed_late": {},
    "one_connection_resets": {},
    "callback": {"callback": None, "method": "POST"},
    "refuses": {},
    "never_accepts": {},
    "never_reads": {},
}
DEFAULTS["one_connection"] = DEFAULTS["answer"]
DEFAULTS["dies"] = {**DEFAULTS["answer"], "down": False}


class ParameterError(Exception):
    """A parameter that a behaviour does not have, or a value that makes no sense."""


def is_text(value: Any) -> bool:
    """True for text whose characters are bytes, as heads have them."""
    return isinstance(value, str) and all(ord(character) < 256 for character in value)


def is_line(value: Any) -> bool:
    """True for text of one line."""
    return is_text(value) and not set(value) & {"\r", "\n"}


def is_number(value: Any, least: float = 0, most: float = 1_000_000) -> bool:
    """True for a number within bounds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def is_count(value: Any) -> bool:
    """True for a whole number from 1 to 2^24."""
    return isinstance(value, int) and is_number(value, 1, 2**24)


def is_headers(value: Any) -> bool:
    """True for an object of header lines."""
    return isinstance(value, dict) and all(is_line(name) and is_line(line) for name, line in value.items())


def is_retry_after(value: Any) -> bool:
    """True for a header's text or number, or a date relative to now."""
    if isinstance(value, dict):
        return set(value) == {"date_in_seconds"} and is_number(value["date_in_seconds"], -1e9, 1e9)
    return value is None or is_line(value) or is_number(value, -1e12, 1e12)


def is_callback(value: Any) -> bool:
    """True for a request that the server can make."""
    if value is None:
        return True
    checks: dict[str, Callable[[Any], bool]] = {
        "url": lambda url: is_line(url) and url.startswith("http://") and " " not in url,
        "method": lambda method: is_line(method) and method.isalpha(),
        "headers": is_headers,
        "body": lambda body: isinstance(body, str),
    }
    return (
        isinstance(value, dict)
        and "url" in value
        and all(name in checks and checks[name](given) for name, given in value.items())
    )


Check = tuple[Callable[[Any], bool], str]
SECONDS: Check = (is_number, "a number of seconds from 0")
CHECKS: dict[str, Check] = {
    "status": (lambda value: isinstance(value, int) and is_number(value, 100, 999), "a number from 100 to 999"),
    "headers": (is_headers, "an object of texts without line ends"),
    "location": (lambda value: value is None or is_line(value), "null, a URL, or a path of this server"),
    "retry_after": (is_retry_after, 'null, a text, a number or {"date_in_seconds": number}'),
    "body": (lambda value: isinstance(value, str), "a text"),
    "says": (is_text, "a text whose characters are bytes, so up to U+00FF"),
    "ends": (lambda value: value in ("close", "reset", "keep", "wait"), "close, reset, keep or wait"),
    "down": (lambda value: isinstance(value, bool), "true or false"),
    "reads_on": (lambda value: isinstance(value, bool), "true or false"),
    "fails_ids": (
        lambda value: value is None or (isinstance(value, list) and all(isinstance(one, str) for one in value)),
        "null or a list of events' ids",
    ),
    "every": (is_count, "a whole number from 1"),
    "lines": (is_count, "a whole number from 1"),
    "bytes": (is_count, "a whole number from 1"),
    "method": (lambda value: is_line(value) and value.isalpha(), "an HTTP method"),
    "callback": (is_callback, 'null or {"url": "http://…"} with optional method, headers and body'),
    "delay_seconds": SECONDS,
    "between_seconds": SECONDS,
    "idle_seconds": SECONDS,
    "per_seconds": SECONDS,
}


def check(given: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    """Returns what control sends as parameters, or raises an error that says what may be sent."""
    if not isinstance(given, dict):
        raise ParameterError("the body is not a JSON object of parameters")
    for name, value in given.items():
        if name not in defaults:
            allowed = ", ".join(sorted(defaults)) or "none"
            raise ParameterError(f"this behaviour has no parameter {name!r:.60}; it has: {allowed}")
        is_valid, meant = CHECKS[name]
        if not is_valid(value):
            raise ParameterError(f"{name} is {meant}")
    return given
