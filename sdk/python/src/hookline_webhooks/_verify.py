"""Signatures of requests, by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Literal

Refusal = Literal["headers", "timestamp", "signature"]
"""First check that a request fails: an absent or empty header, its time, or its signature."""

MAX_SIGNATURES = 8
"""Number of `v1` signatures that are compared; a request with both secrets of a rotation has two."""

_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 64 + 1)
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,14}")


class Verifier:
    """Check of requests: time and signature.

    One of the first 8 `v1` signatures must be that of one of the secrets, and the time must be within `tolerance`
    seconds of now.
    """

    def __init__(self, secrets: Sequence[str], tolerance: float) -> None:
        """Raises `ValueError` if a secret is none. The error does not contain it."""
        self._keys = [_key(secret, f"secret {number} of {len(secrets)}") for number, secret in enumerate(secrets, 1)]
        self._tolerance = tolerance

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> Refusal | None:
        """Checks headers, with names in lower case, and the body at a time in seconds. `None`: they are right."""
        id_, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
        signatures = headers.get("webhook-signature")
        if not (id_ and timestamp and signatures):
            return "headers"
        if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > self._tolerance:
            return "timestamp"
        received = [
            signature.encode("utf-8", "replace") for signature in signatures.split(" ") if signature.startswith("v1,")
        ]
        for key in self._keys:
            expected = _signature(key, id_, timestamp, body).encode()
            if any(hmac.compare_digest(expected, signature) for signature in received[:MAX_SIGNATURES]):
                return None
        return "signature"


def sign(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """Signs a body as Hookline does, for tests of a handler: the value of the header `webhook-signature`.

    `timestamp` is in seconds. Raises `ValueError` if the secret is none.
    """
    return _signature(_key(secret, "secret"), id_, str(timestamp), body)


def _signature(key: bytes, id_: str, timestamp: str, body: bytes) -> str:
    signed = f"{id_}.{timestamp}.".encode("utf-8", "replace") + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def _key(secret: str, name: str) -> bytes:
    text = secret.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) not in _SECRET_BYTES:
        raise ValueError(
            f'hookline_webhooks: {name} is none: expected "{_PREFIX}" and the base64 of {_SECRET_BYTES[0]} to '
            f"{_SECRET_BYTES[-1]} bytes, as Hookline shows it when an endpoint is created"
        ) from None
    return key
