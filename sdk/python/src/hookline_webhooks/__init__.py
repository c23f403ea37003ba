"""Receives Hookline's webhooks: verifies them, and calls your code with what happened in a store."""

from ._handler import Response, WebhookHandler, create_webhook_handler
from ._outcome import Failure, Skipped
from ._seen import RecentIds, Seen
from ._verify import sign
from .events import Event

__all__ = [
    "Event",
    "Failure",
    "RecentIds",
    "Response",
    "Seen",
    "Skipped",
    "WebhookHandler",
    "create_webhook_handler",
    "sign",
]
