"""Times as Shopify writes them, and back."""

from datetime import UTC, datetime
from functools import lru_cache


def now() -> str:
    """The current second, in the format of `updated_at`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@lru_cache(maxsize=65536)
def seconds(text: str) -> float:
    """A time as seconds since 1970; a day alone is its midnight. Raises ValueError if it is not a time."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


@lru_cache(maxsize=65536)
def zulu(text: str) -> str:
    """A time in the format of GraphQL's DateTime: UTC, ending in Z."""
    return datetime.fromtimestamp(seconds(text), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
