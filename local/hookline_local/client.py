"""Calls a deployed Hookline: as Shopify does (signed webhooks) and as a chatbot does (status, search)."""

import base64
import hashlib
import hmac
import http.client
import json
import time
import urllib.parse
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

API_VERSION = "2026-07"


@dataclass(frozen=True)
class Response:
    """An HTTP response and the time it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Delivery:
    """A webhook request; `signed` creates one as Shopify does."""

    topic: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def id(self) -> str:
        """The delivery id."""
        return self.header("X-Shopify-Webhook-Id")

    def header(self, name: str) -> str:
        """The value of a header, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def with_headers(self, changes: Mapping[str, str | None]) -> "Delivery":
        """Copy with other headers; None removes one."""
        replaced = {name.lower() for name in changes}
        unchanged = [(key, value) for key, value in self.headers if key.lower() not in replaced]
        new = [(key, value) for key, value in changes.items() if value is not None]
        return Delivery(self.topic, self.body, (*unchanged, *new))


def signature(secret: str, body: bytes) -> str:
    """Shopify's signature: the HMAC-SHA256 of the raw body in base64."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def now() -> str:
    """Current time as Shopify writes it in X-Shopify-Triggered-At."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def signed(
    topic: str,
    body: bytes,
    *,
    secret: str,
    store: str,
    delivery_id: str | None = None,
    triggered_at: str | None = None,
    more: Mapping[str, str] | None = None,
) -> Delivery:
    """A delivery with the headers that Shopify sends."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signature(secret, body),
        "X-Shopify-Shop-Domain": store,
        "X-Shopify-API-Version": API_VERSION,
        "X-Shopify-Webhook-Id": delivery_id or str(uuid.uuid4()),
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Triggered-At": triggered_at or now(),
    } | dict(more or {})
    return Delivery(topic, body, tuple(headers.items()))


def session_token(store: str, secret: str, app: str, **changes: Any) -> str:
    """Session token as the Shopify admin issues to an embedded app; `changes` override its claims and `alg`."""
    second = int(time.time())
    header = {"alg": changes.pop("alg", "HS256"), "typ": "JWT"}
    claims = {
        "iss": f"https://{store}/admin",
        "dest": f"https://{store}",
        "aud": app,
        "sub": "42",
        "exp": second + 60,
        "nbf": second,
        "iat": second,
        "jti": str(uuid.uuid4()),
    } | changes
    signed = ".".join(url_safe(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{url_safe(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def url_safe(data: bytes) -> str:
    """Encodes bytes in the base64 of a JSON Web Token."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True)
class Client:
    """Base URL of the API, the token to send, and base URL of the receivers' API."""

    base_url: str
    token: str = field(repr=False, default="")
    webhooks_url: str = ""

    def send(self, delivery: Delivery, to: str | None = None) -> Response:
        """Posts a delivery to the receiver of its topic, or to another topic's."""
        receiver = (to or delivery.topic).replace("/", "-").replace("_", "-")
        path = f"/api/webhooks/receive/shopify/{receiver}"
        return request(self.webhooks_url, "POST", path, delivery.headers, delivery.body)

    def status(self, store: str, **changes: str | None) -> Response:
        """Reads the status of a store."""
        return self.request("GET", f"/api/stores/{quoted(store)}/status", self.authorization(**changes))

    def search(self, store: str, q: str, limit: int | None = None, **changes: str | None) -> Response:
        """Searches a store."""
        query = {"q": q} | ({"limit": str(limit)} if limit is not None else {})
        path = f"/api/stores/{quoted(store)}/search?{urllib.parse.urlencode(query)}"
        return self.request("GET", path, self.authorization(**changes))

    def ticket(self, **changes: str | None) -> Response:
        """Requests a ticket for the WebSocket API."""
        return self.request("POST", "/api/live/tickets", self.authorization(**changes), b"")

    def call(self, method: str, path: str, body: Any = None, **changes: str | None) -> Response:
        """Sends any API request; the body goes out as JSON."""
        content = None if method == "GET" else json.dumps(body).encode() if body is not None else b""
        return self.request(method, path, self.authorization(**changes), content)

    def authorization(self, token: str | None = "") -> list[tuple[str, str]]:
        """Authorization header with our token or another one; no header for None."""
        return [] if token is None else [("Authorization", f"Bearer {token or self.token}")]

    def request(
        self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes | None = None
    ) -> Response:
        """One request to the API."""
        return request(self.base_url, method, path, headers, body)


def request(
    base_url: str, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes | None = None
) -> Response:
    """Sends one request on its own connection; headers go out as given, repeated ones too."""
    url = urllib.parse.urlsplit(base_url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=60)
    started = time.monotonic()
    try:
        connection.putrequest(method, url.path.rstrip("/") + path)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        return Response(response.status, response.headers, content, time.monotonic() - started)
    finally:
        connection.close()


def quoted(store: str) -> str:
    """Encodes a store's name as one path segment."""
    return urllib.parse.quote(store, safe="")
