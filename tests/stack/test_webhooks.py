"""Webhooks from a change in the shop to a server on this machine, at the deployed stack."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hookline_local.client import quoted
from hookline_local.tour import Tour, poll
from receiving import Receiver, is_signed


@dataclass
class Endpoint:
    """An endpoint of the tour's store."""

    tour: Tour
    id: str
    secret: str

    def call(self, method: str, rest: str = "", body: Any = None, status: int = 200) -> Any:
        """Calls the API about it."""
        address = f"/api/stores/{quoted(self.tour.store)}/endpoints/{self.id}{rest}"
        answer = self.tour.stack.client.call(method, address, body, token=self.tour.stack.client.token)
        assert answer.status == status, (address, answer.status, answer.body)
        return json.loads(answer.body)

    def fate(self, event: str) -> str:
        """Outcome of a message."""
        return self.call("GET", f"/messages/{event}")["fate"]


@pytest.fixture
def endpoint(tour: Tour, receiver: Receiver) -> Iterator[Endpoint]:
    """An endpoint that gets everything of the tour's store."""
    tour.send_product("a first product, so that the store is known", tour.products["walnut-serving-board"])
    assert poll(lambda: tour.result(tour.products["walnut-serving-board"])), "it is found"
    address = f"/api/stores/{quoted(tour.store)}/endpoints"
    body = {"settings": {"url": receiver.url, "types": ["product.*", "inventory.*"]}}
    answer = tour.stack.client.call("POST", address, body, token=tour.stack.client.token)
    assert answer.status == 201, answer.body
    made = json.loads(answer.body)
    endpoint = Endpoint(tour, made["endpoint"]["id"], made["secret"])
    yield endpoint
    endpoint.call("DELETE")


def change(tour: Tour, handle: str) -> None:
    """Changes a product in the shop."""
    tour.send_product("a change", tour.products[handle])


def test_a_change_arrives_signed_and_why_says_so(tour: Tour, endpoint: Endpoint, receiver: Receiver) -> None:
    """From the shop's webhook to a server of one's own, and its outcome in words."""
    change(tour, "enamel-camp-mug")
    assert poll(lambda: receiver.requests), "it arrives"
    headers, body = receiver.requests[0]
    assert is_signed(headers, body, endpoint.secret)
    event = json.loads(body)
    assert (event["id"], event["type"]) == (headers["webhook-id"], headers["hookline-type"])
    assert event["cause"]["delivery_id"] == tour.sent[-1].delivery_id
    assert poll(lambda: endpoint.fate(event["id"]) == "sent")
    address = f"/api/stores/{quoted(tour.store)}/events/{event['id']}/why"
    why = json.loads(tour.stack.client.call("GET", address, token=tour.stack.client.token).body)
    (mine,) = [each for each in why["endpoints"] if each["endpoint"] == endpoint.id]
    assert (mine["verdict"], mine["fate"]) == ("queued", "sent")
    assert mine["sentence"].startswith("Sent ")


def test_what_comes_while_it_is_paused_waits_and_arrives_once(
    tour: Tour, endpoint: Endpoint, receiver: Receiver
) -> None:
    """Nothing is posted, nothing is lost, and nothing comes twice."""
    paused = endpoint.call("POST", "/pause", {"reason": "maintenance"})
    assert paused["state"] == "paused"
    change(tour, "enamel-camp-mug")
    waiting = poll(lambda: endpoint.call("GET", "/status")["queue"]["messages"])
    assert waiting
    assert receiver.requests == []
    endpoint.call("POST", "/activate", {"backlog": "send"})
    assert poll(lambda: len(receiver.requests) >= waiting), "what waited arrives"
    assert poll(lambda: endpoint.call("GET", "/status")["queue"]["messages"] == 0)
    assert len(set(receiver.ids())) == len(receiver.ids())


def test_a_refused_message_is_sent_again_with_the_same_id(tour: Tour, endpoint: Endpoint, receiver: Receiver) -> None:
    """Five seconds later."""
    receiver.status = 500
    change(tour, "enamel-camp-mug")
    assert poll(lambda: receiver.requests), "it arrives"
    first = receiver.ids()[0]
    receiver.status = 204
    assert poll(lambda: receiver.ids().count(first) == 2), "it arrives again"
    assert poll(lambda: endpoint.fate(first) == "sent")
    attempts = endpoint.call("GET", f"/messages/{first}")["attempts"]
    assert [attempt.get("status") for attempt in attempts] == [500, 204]
