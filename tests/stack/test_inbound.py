"""A platform of one's own at the deployed stack: an endpoint is added with the command, and its webhooks are found."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hookline_local import client
from hookline_local.places import REPOSITORY
from hookline_local.stack import Stack
from hookline_local.tour import poll

SAMPLES = REPOSITORY / "events" / "standard"
MAPPING = str(SAMPLES / "mapping.json")


@dataclass
class Platform:
    """A platform that signs as Standard Webhooks do, and its endpoint."""

    stack: Stack
    endpoint: str
    store: str
    key: str = field(repr=False)
    ids: Iterator[int] = field(default_factory=itertools.count)

    def send(
        self, body: bytes, message: str | None = None, age: int = 0, key: str | None = None, to: str | None = None
    ) -> int:
        """Posts a signed body, and returns the status."""
        message = message or f"msg_{self.store}_{next(self.ids)}"
        sent = str(int(time.time()) - age)
        secret = base64.b64decode((key or self.key).removeprefix("whsec_"))
        signed = hmac.digest(secret, f"{message}.{sent}.".encode() + body, hashlib.sha256)
        headers = (
            ("webhook-id", message),
            ("webhook-timestamp", sent),
            ("webhook-signature", f"v1,{base64.b64encode(signed).decode()}"),
        )
        path = f"/api/webhooks/receive/standard/{to or self.endpoint}"
        return client.request(self.stack.client.webhooks_url, "POST", path, headers, body).status

    def item(self, modified: str, **fields: Any) -> bytes:
        """The sample of an item with other fields."""
        body = json.loads((SAMPLES / "item-saved.json").read_text())
        body["data"] |= {"modified": modified} | fields
        return json.dumps(body).encode()

    def found(self) -> list[dict[str, Any]]:
        """The items that a search finds."""
        answer = self.stack.client.search(f"standard:{self.store}", "ember")
        return answer.json()["results"] if answer.status == 200 else []

    def counts(self) -> dict[str, Any]:
        """Counts of the endpoint, as the command shows them."""
        (row,) = self.stack.hookline.rows("source", "show", "standard", self.endpoint)
        return row


@pytest.fixture(scope="module")
def platform(running: Stack) -> Platform:
    """An endpoint of one store, with a key that the command made, before its receiver has started."""
    (added,) = running.hookline.rows(
        "source", "add", "standard", "warehouse", "--store", "warehouse", "--mapping", MAPPING, "--generate"
    )
    assert added["address"].endswith("/api/webhooks/receive/standard/warehouse")
    return Platform(running, "warehouse", "warehouse", added["key"])


def test_an_item_is_found_with_its_new_price_and_not_after_it_is_gone(platform: Platform) -> None:
    """An older state does not win, whenever it comes."""
    assert platform.send(platform.item("2026-11-29T10:04:51Z")) == 200
    assert poll(lambda: [item["price_min"] for item in platform.found()] == ["48.00"])
    assert platform.send(platform.item("2026-11-29T10:05:00Z", price_cents=5200)) == 200
    assert poll(lambda: [item["price_min"] for item in platform.found()] == ["52.00"])
    assert platform.send(platform.item("2026-11-29T10:04:55Z", price_cents=100)) == 200
    gone = json.dumps(
        {
            "type": "item.gone",
            "timestamp": "2026-11-29T10:06:00Z",
            "data": {"sku": "EPS-1", "modified": "2026-11-29T10:06:00Z"},
        }
    ).encode()
    assert platform.send(gone) == 200
    assert poll(lambda: platform.found() == [])
    assert platform.send(platform.item("2026-11-29T10:07:00Z", price_cents=5000)) == 200
    assert poll(lambda: [item["price_min"] for item in platform.found()] == ["50.00"])


def test_a_key_opens_its_own_endpoint_only_and_its_own_time(platform: Platform) -> None:
    """Every refusal looks the same, and none is a call to the queue."""
    body = platform.item("2026-11-29T10:04:51Z")
    other = "whsec_" + base64.b64encode(b"of somebody else, 32 bytes long.").decode()
    assert platform.send(body, key=other) == 403
    assert platform.send(body, age=400) == 403
    assert platform.send(body, age=-400) == 403
    assert platform.send(body, to="nobody") == 403
    assert platform.send(body, to="%2e%2e") in (403, 404)
    assert platform.send(body, message="msg_twice") == 200
    assert poll(lambda: platform.send(body, message="msg_twice") in (200, 503) and platform.counts()["duplicate"] >= 1)
    counts = poll(lambda: (seen := platform.counts())["stale"] >= 2 and seen)
    assert counts["forged"] >= 1
    assert counts["taken"] >= 1
    assert counts["unbound"] == 0


def test_the_command_checks_an_endpoint_and_rotates_its_key(platform: Platform) -> None:
    """Both keys are valid until the rotation ends."""
    hookline = platform.stack.hookline
    (checked,) = hookline.rows("source", "check", "standard", platform.endpoint)
    assert (checked["status"], checked["passed"]) == (200, True)
    new = hookline.do("source", "rotate", "standard", platform.endpoint, "--generate").strip()
    assert new.startswith("whsec_")
    assert new != platform.key
    body = platform.item("2026-11-29T10:04:51Z")
    # The receiver reads its keys again after a mismatch, at most once a minute.
    assert platform.send(body) == 200
    hookline.do("source", "rotate", "standard", platform.endpoint, "--end")
    refused = hookline.run("source", "rotate", "standard", platform.endpoint, "--end")
    assert refused.returncode == 2
    assert "one key only" in refused.stderr
    hookline.do("source", "remove", "standard", platform.endpoint, "--yes")
    assert hookline.run("source", "show", "standard", platform.endpoint).returncode == 2


def test_no_personal_data_of_a_checkout_gets_anywhere(platform: Platform) -> None:
    """A canary's name and addresses are in the body, and in no log, status or event."""
    body = (SAMPLES / "checkout-completed.json").read_bytes()
    assert b"Canary" in body
    assert platform.send(body) == 200
    store = f"standard:{platform.store}"
    assert poll(lambda: platform.stack.client.status(store).status == 200)
    shown = platform.stack.hookline.run("store", "show", store).stdout
    events = platform.stack.client.call("GET", f"/api/stores/{client.quoted(store)}/events").body.decode()
    for text in (shown, events):
        assert "anary" not in text
