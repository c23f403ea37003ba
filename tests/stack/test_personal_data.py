"""Personal data from a webhook to an endpoint that has proved itself, and nowhere else, at the deployed stack."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hookline_local.client import quoted
from hookline_local.places import EVENTS
from hookline_local.tour import Tour, poll
from receiving import Receiver, is_signed

MAIL = "wren.alder@example.com"


def call(tour: Tour, method: str, rest: str, body: Any = None) -> Any:
    """Calls the API about the tour's store, as an admin of all stores."""
    client = tour.stack.client
    answer = client.call(method, f"/api/stores/{quoted(tour.store)}{rest}", body, token=client.token)
    assert answer.status < 300, (rest, answer.status, answer.body)
    return json.loads(answer.body)


@pytest.fixture
def endpoint(tour: Tour, receiver: Receiver) -> Iterator[tuple[str, str]]:
    """Path and secret of an endpoint that gets the contact with orders and customers, once it has proved itself."""
    tour.send_product("a first product, so that the store is known", tour.products["walnut-serving-board"])
    assert poll(lambda: tour.result(tour.products["walnut-serving-board"])), "it is found"
    settings = {"url": receiver.url, "types": ["order.*", "customer.*"], "personal": "contact"}
    made = call(tour, "POST", "/endpoints", {"settings": settings})
    path = f"/endpoints/{made['endpoint']['id']}"
    yield path, made["secret"]
    call(tour, "DELETE", path)


def arrived(tour: Tour, receiver: Receiver, topic: str, **changes: Any) -> dict[str, Any]:
    """Sends a sample with changes, and returns the event that it becomes, as it arrives."""
    before = len(receiver.requests)
    body = json.loads((EVENTS / f"{topic.replace('/', '-')}.json").read_bytes()) | changes
    answer = tour.send("a sample", tour.sign(topic, json.dumps(body).encode()))
    assert answer.status == 200, answer.body
    assert poll(lambda: len(receiver.requests) > before), "it arrives"
    return json.loads(receiver.requests[-1][1])


def test_it_arrives_only_once_the_endpoint_has_proved_itself(
    tour: Tour, receiver: Receiver, endpoint: tuple[str, str]
) -> None:
    """Sealed by the receiver, opened by the dispatcher, and seen by nobody between or beside them."""
    path, secret = endpoint
    event = arrived(tour, receiver, "orders/create", id=1001)
    assert event["meta"] == {"personal": "unproven"}
    assert "personal" not in event

    failed = call(tour, "POST", f"{path}/verify", {})
    assert failed["proven_at"] is None
    assert "challenge" in failed["proof_failed"]
    receiver.proves = True
    proven = call(tour, "POST", f"{path}/verify", {})
    assert proven["proven_at"]
    assert proven["proof_failed"] is None

    event = arrived(tour, receiver, "orders/create", id=1002)
    assert event["meta"] == {"personal": "contact"}
    assert event["personal"]["email"] == MAIL
    assert set(event["personal"]) <= {"name", "email", "phone"}, "a contact has no address"
    headers, body = receiver.requests[-1]
    assert is_signed(headers, body, secret)

    shown = json.dumps([
        call(tour, "GET", f"/events/{event['id']}"),
        call(tour, "GET", f"{path}/messages/{event['id']}"),
        call(tour, "GET", "/status"),
    ])  # fmt: skip
    assert MAIL not in shown
    assert event["id"] in shown


def test_a_request_to_forget_a_person_is_passed_on_unasked(
    tour: Tour, receiver: Receiver, endpoint: tuple[str, str]
) -> None:
    """The endpoint's types do not have it."""
    _ = endpoint
    sample = json.loads((EVENTS / "customers-redact.json").read_bytes())
    event = arrived(tour, receiver, "customers/redact", shop_domain=tour.store)
    assert event["type"] == "privacy.customer_redacted"
    assert str(sample["customer"]["id"]) in json.dumps(event)
    assert sample["customer"]["email"] not in json.dumps(event)


@pytest.fixture
def forward(tour: Tour, receiver: Receiver) -> Iterator[str]:
    """Secret of an endpoint of all stores that gets what the source sent."""
    client = tour.stack.client
    settings = {"url": receiver.url, "types": ["delivery.received"], "format": "raw", "personal": "full"}
    answer = client.call("POST", "/api/endpoints", {"settings": settings}, token=client.token)
    assert answer.status == 201, answer.body
    made = json.loads(answer.body)
    path = f"/api/endpoints/{made['endpoint']['id']}"
    receiver.proves = True
    proven = json.loads(client.call("POST", f"{path}/verify", {}, token=client.token).body)
    assert proven["proven_at"], proven["proof_failed"]
    yield made["secret"]
    assert client.call("DELETE", path, token=client.token).status < 300


@pytest.mark.parametrize("topic", ["orders/create", "products/update", "customers/redact"])
def test_what_the_source_sent_is_forwarded_byte_for_byte(
    tour: Tour, receiver: Receiver, forward: str, topic: str
) -> None:
    """Under our signature, with the source's topic, also of what is indexed and of what people may not see."""
    sample = json.loads((EVENTS / f"{topic.replace('/', '-')}.json").read_bytes())
    if "shop_domain" in sample:
        sample["shop_domain"] = tour.store
    body = json.dumps(sample, indent=3).encode()
    delivery = tour.sign(topic, body)
    assert tour.send("a sample", delivery).status == 200
    mine = f"delivery/{delivery.id}"
    assert poll(lambda: [one for one in receiver.requests if one[0]["ce-subject"] == mine]), "it arrives"
    ((headers, sent),) = [one for one in receiver.requests if one[0]["ce-subject"] == mine]
    assert sent == body
    assert is_signed(headers, sent, forward)
    assert (headers["hookline-type"], headers["hookline-topic"]) == ("delivery.received", topic)
