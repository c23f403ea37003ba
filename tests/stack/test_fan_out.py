"""Events on their way from the fan-out queue to an event bus, at the deployed stack."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hookline_local.deploy import EVENT_BUS, aws_client
from hookline_local.tour import Tour, poll

TYPES = ["custom.noted", "product.created", "product.updated"]
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.fixture
def listener(tour: Tour) -> Iterator[str]:
    """URL of a queue that gets the store's events of some types from the bus."""
    events, sqs = aws_client("events", tour.stack.ports), aws_client("sqs", tour.stack.ports)
    name = tour.store.split(".")[0]
    url = sqs.create_queue(QueueName=f"listener-{name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    of_store = {"store": {"id": [tour.store]}}
    pattern = {"source": ["hookline.shopify"], "detail-type": TYPES, "detail": of_store}
    events.put_rule(Name=name, EventBusName=EVENT_BUS, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=EVENT_BUS, Targets=[{"Id": "listener", "Arn": arn}])
    yield url
    events.remove_targets(Rule=name, EventBusName=EVENT_BUS, Ids=["listener"])
    events.delete_rule(Name=name, EventBusName=EVENT_BUS)
    sqs.delete_queue(QueueUrl=url)


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


def received(tour: Tour, url: str) -> list[dict[str, Any]]:
    """Takes the messages that are in the listener's queue now."""
    sqs = aws_client("sqs", tour.stack.ports)
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for each in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return [json.loads(each["Body"]) for each in messages]


def kept(tour: Tour) -> dict[str, dict[str, Any]]:
    """The kept events of the store, by id."""
    found = aws_client("dynamodb", tour.stack.ports).query(
        TableName=tour.stack.outputs["EventsTableName"],
        KeyConditionExpression="pk = :store",
        ExpressionAttributeValues={":store": {"S": f"shopify#{tour.store}"}},
    )
    return {item["sk"]["S"]: item for item in found["Items"]}


def settle(tour: Tour, listener: str, *expected: dict[str, Any]) -> None:
    """Waits until these events arrive at the listener, and no other before them."""
    got: list[dict[str, Any]] = []

    def has_all() -> bool:
        got.extend(received(tour, listener))
        return len(got) >= len(expected)

    assert poll(has_all), "the events are on the bus"
    assert sorted((each["detail"] for each in got), key=lambda each: each["id"]) == list(expected)
    for each in got:
        assert (each["source"], each["detail-type"], each["resources"]) == ("hookline.shopify", "custom.noted", [])


def test_an_event_reaches_the_bus_once_also_after_redelivery_and_redrive(tour: Tour, listener: str) -> None:
    """Kept once and posted once; one of another type does not match the rule."""
    first, second, other = event(tour, 1), event(tour, 2), event(tour, 3, "custom.other")
    send(tour, message(tour, first, second, other))
    settle(tour, listener, first, second)
    assert poll(lambda: [each["targets"]["M"]["bus"]["S"] for each in kept(tour).values()] == ["sent"] * 3)
    before = kept(tour)
    # Delivered again, as SQS may, with one event more that shows when it is done.
    third = event(tour, 4)
    send(tour, message(tour, first, second, third))
    settle(tour, listener, third)
    # A dead letter of the same events.
    fourth = event(tour, 5)
    send(tour, message(tour, second, first, fourth), "FanOutDeadLetterQueueUrl")
    (letter,) = tour.stack.hookline.rows("dlq", "fan-out", "list")
    assert (letter["store"], letter["events"]) == (tour.store, 3)
    assert letter["reason"].startswith("1 of its events are not kept")
    tour.stack.hookline.do("dlq", "fan-out", "redrive")
    settle(tour, listener, fourth)
    assert received(tour, listener) == []
    after = kept(tour)
    assert {name: after[name] for name in before} == before, "what was kept first stays"
    assert tour.stack.hookline.rows("dlq", "fan-out", "list") == []


def test_a_products_change_reaches_the_bus(tour: Tour, listener: str) -> None:
    """From the webhook through the index to the bus, once, with the delivery that caused it."""
    board = tour.products["walnut-serving-board"]
    tour.send_product("a product", board)
    assert poll(lambda: tour.result(board)), "it is found"
    got: list[dict[str, Any]] = []
    assert poll(lambda: got.extend(received(tour, listener)) or got), "its event is on the bus"
    (first,) = got
    assert first["detail-type"] in ("product.created", "product.updated")
    assert first["detail"]["data"]["title"] == board.title
    assert first["detail"]["cause"]["topic"] == "products/update"


def test_an_event_of_a_later_version_holds_up_no_other(tour: Tour, listener: str) -> None:
    """It is retried until the queue gives it up, and not kept; the other one is on the bus once."""
    readable, future = event(tour, 1), event(tour, 2) | {"version": 2}
    send(tour, message(tour, future, readable))
    settle(tour, listener, readable)
    assert set(kept(tour)) == {readable["id"]}
