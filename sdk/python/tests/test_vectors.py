"""The vectors, with our package and with the official one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone, tzinfo
from unittest import mock

import pytest
import standardwebhooks
from made import ID, NOW, SECRET, Log, Vector, event, signed, vectors
from standardwebhooks import webhooks

from hookline_webhooks import create_webhook_handler, sign

each_vector = pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector.name)


@each_vector
def test_vector_gets_its_answer_and_its_reason(vector: Vector) -> None:
    """403 for whatever is not signed, 400 for what is signed and no event, and success otherwise."""
    log = Log()
    types = ("store.connected", "inventory.updated")
    handler = create_webhook_handler(
        secrets=vector.secrets, on=dict.fromkeys(types, log.events.append), **log.hooks() | {"now": lambda: vector.now}
    )
    status, headers, body = handler.handle("POST", vector.headers, vector.body)
    assert status == (204 if vector.valid else 400 if vector.reason == "body" else 403)
    assert log.reasons == ([vector.reason] if vector.reason else [])
    assert [skipped.reason for skipped in log.skipped] == ([vector.skipped] if vector.skipped else [])
    assert len(log.events) == (vector.valid and not vector.skipped)
    assert body == b""
    assert headers == ([] if status == 204 else [("content-length", "0")]), "all refusals look the same"


@each_vector
def test_official_package_agrees_on_the_signature(vector: Vector) -> None:
    """Except where the vector says that it does not."""
    assert any(officially(vector, secret) for secret in vector.secrets) == vector.official


@pytest.mark.parametrize("body", [event(), '{"ä": "\U0001f6d2"}'.encode(), b""])
def test_official_package_verifies_our_signature(body: bytes) -> None:
    """Our signer, their check."""
    with clock(NOW):
        standardwebhooks.Webhook(SECRET).verify(body, signed(body), json_parse=False)


def test_our_handler_verifies_the_official_signature() -> None:
    """Their signer, our check; and the signatures are equal."""
    body, log = event(), Log()
    signature = standardwebhooks.Webhook(SECRET).sign(ID, datetime.fromtimestamp(NOW, timezone.utc), body.decode())
    handler = create_webhook_handler(SECRET, on_inventory_change=log.events.append, **log.hooks())
    assert handler.handle("POST", signed(body) | {"webhook-signature": signature}, body)[0] == 204
    assert len(log.events) == 1
    assert sign(SECRET, ID, NOW, body) == signature


def officially(vector: Vector, secret: str) -> bool:
    """Verdict of the official package."""
    try:
        with clock(vector.now):
            standardwebhooks.Webhook(secret).verify(vector.body, vector.headers, json_parse=False)
    except (standardwebhooks.WebhookVerificationError, ValueError):
        # It raises `ValueError` for what is not base64 or not UTF-8.
        return False
    return True


@contextmanager
def clock(now: int) -> Iterator[None]:
    """Sets the clock of the official package."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            return cls.fromtimestamp(now, tz)

    with mock.patch.object(webhooks, "datetime", Clock):
        yield
