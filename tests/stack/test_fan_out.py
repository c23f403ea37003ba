"""Events on their way from the fan-out queue to an event bus, at the deployed stack."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hookline_local import bus
from hookline_local.bus import Arrival, BusQueue
from hookline_local.deploy import aws_client
from hookline_local.tour import Tour, poll

TYPES = ["custom.noted", "product.created", "product.updated"]
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.fixture
def listener(tour: Tour) -> Iterator[BusQueue]:
    """A queue that gets the store's events of some types from the bus."""
    of_store = {"store": {"id": [tour.store]}}
    pattern = {"source": ["hookline.shopify"], "detail-type": TYPES, "detail": of_store}
    with bus.listening(tour.stack, tour.store.split(".")[0], pattern) as queue:
        yield queue


def event(tour: Tour, number: int, kind: str = "custom.noted") -> dict[str, Any]:
    """An event of the tour's store."""
    return {
        "id": "evt_01M8KC7FD0" + LETTERS[number].rjust(16, "0"),
        "type": kind,
        "version": 1,
        "timestamp": "2026-11-29T10:04:52Z",
        "store": {"source": "shopify", "id": tour.store},
        "subject": {"kind": "note", "id": str(number), "version": None},
        "data": {"text": "crème brûlée 🏕", "number": number},
        "changed": None,
        "previous": None,
        "related": {},
        "session_id": None,
        "cause": None,
    }


def message(tour: Tour, *events: dict[str, Any]) -> str:
    """A fan-out message."""
    header = {"hookline_events": 1, "store": f"shopify#{tour.store}"}
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in (header, *events))


def send(tour: Tour, text: str, queue: str = "FanOutQueueUrl") -> None:
    """Sends a message to a queue of the stack."""
    aws_client("sqs", tour.stack.ports).send_message(QueueUrl=tour.stack.outputs[queue], MessageBody=text)


def kept(tour: Tour) -> dict[str, dict[str, Any]]:
    """The kept events of the store, by id."""
    found = aws_client("dynamodb", tour.stack.ports).query(
        TableName=tour.stack.outputs["EventsTableName"],
        KeyConditionExpression="pk = :store",
        ExpressionAttributeValues={":store": {"S": f"shopify#{tour.store}"}},
    )
    return {item["sk"]["S"]: item for item in found["Items"]}


def settle(listener: BusQueue, *expected: dict[str, Any]) -> None:
    """Waits until these events arrive at the listener, and no other before them."""
    got: list[Arrival] = []

    def has_all() -> bool:
        got.extend(listener.take())
        return len(got) >= len(expected)

    assert poll(has_all), "the events are on the bus"
    assert sorted((each.event for each in got), key=lambda each: each["id"]) == list(expected)
    for each in (arrival.entry for arrival in got):
        assert (each["source"], each["detail-type"], each["resources"]) == ("hookline.shopify", "custom.noted", [])


def test_an_event_reaches_the_bus_once_also_after_redelivery_and_redrive(tour: Tour, listener: BusQueue) -> None:
    """Kept once and posted once; one of another type does not match the rule."""
    first, second, other = event(tour, 1), event(tour, 2), event(tour, 3, "custom.other")
    send(tour, message(tour, first, second, other))
    settle(listener, first, second)
    assert poll(lambda: [each["targets"]["M"]["bus"]["S"] for each in kept(tour).values()] == ["sent"] * 3)
    before = kept(tour)
    # Delivered again, as SQS may, with one event more that shows when it is done.
    third = event(tour, 4)
    send(tour, message(tour, first, second, third))
    settle(listener, third)
    # A dead letter of the same events.
    fourth = event(tour, 5)
    send(tour, message(tour, second, first, fourth), "FanOutDeadLetterQueueUrl")
    (letter,) = tour.stack.hookline.rows("dlq", "fan-out", "list")
    assert (letter["store"], letter["events"]) == (tour.store, 3)
    assert letter["reason"].startswith("1 of its events are not kept")
    tour.stack.hookline.do("dlq", "fan-out", "redrive")
    settle(listener, fourth)
    assert listener.take() == []
    after = kept(tour)
    assert {name: after[name] for name in before} == before, "what was kept first stays"
    assert tour.stack.hookline.rows("dlq", "fan-out", "list") == []


def test_a_products_change_reaches_the_bus(tour: Tour, listener: BusQueue) -> None:
    """From the webhook through the index to the bus, once. The event names its delivery, which names its events."""
    board = tour.products["walnut-serving-board"]
    tour.send_product("a product", board)
    assert poll(lambda: tour.result(board)), "it is found"
    (first,) = poll(listener.take)
    assert first.entry["detail-type"] in ("product.created", "product.updated")
    assert first.event["data"]["title"] == board.title
    assert first.event["cause"]["topic"] == "products/update"
    assert first.event["cause"]["delivery_id"] == tour.sent[-1].delivery_id
    assert first.seconds > 0, "the bus has it after the receiver"
    delivery = tour.sent[-1].delivery_id

    def completed() -> list[dict]:
        traces = tour.stack.hookline.rows("trace", delivery, "--store", tour.store)
        return [trace for trace in traces if trace["state"] == "done"]

    caused = poll(completed)[0]["events"]
    assert caused["outcome"] == "published"
    # Its stock is another event, to which this queue does not listen.
    assert first.event["id"] in caused["ids"]


def test_an_event_of_a_later_version_holds_up_no_other(tour: Tour, listener: BusQueue) -> None:
    """It is retried until the queue gives it up, and not kept; the other one is on the bus once."""
    readable, future = event(tour, 1), event(tour, 2) | {"version": 2}
    send(tour, message(tour, future, readable))
    settle(listener, readable)
    assert set(kept(tour)) == {readable["id"]}
