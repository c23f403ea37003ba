"""The event bus of a running stack, seen through a queue that a rule of the bus fills."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .deploy import EVENT_BUS, aws_client
from .ports import Ports
from .stack import Stack


@dataclass(frozen=True)
class Arrival:
    """An event that the bus has passed on."""

    # Entry of the bus: its `detail` is the event.
    entry: Mapping[str, Any]
    # Time at which the bus passed it on, in seconds since 1970.
    at: float

    @property
    def event(self) -> Mapping[str, Any]:
        """The event."""
        return self.entry["detail"]

    @property
    def seconds(self) -> float | None:
        """Time since the receiver got the delivery that caused it; None if no delivery did."""
        cause = self.event["cause"]
        if not cause or not cause.get("delivery_id"):
            return None
        return self.at - datetime.fromisoformat(cause["received_at"]).timestamp()


@dataclass(frozen=True)
class BusQueue:
    """Queue of the events that have matched the rule."""

    url: str
    ports: Ports = field(repr=False)

    def take(self) -> list[Arrival]:
        """Takes events that are there now: at most ten, and none only if there are none."""
        sqs = aws_client("sqs", self.ports)
        received = sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["SentTimestamp"])
        messages = received.get("Messages", [])
        for each in messages:
            sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        sent = [int(each["Attributes"]["SentTimestamp"]) / 1000 for each in messages]
        return [Arrival(json.loads(each["Body"]), at) for each, at in zip(messages, sent, strict=True)]

    def take_all(self) -> list[Arrival]:
        """Takes all events that are there now."""
        arrivals = []
        while taken := self.take():
            arrivals += taken
        return arrivals


@contextmanager
def listening(stack: Stack, name: str, pattern: Mapping[str, Any]) -> Iterator[BusQueue]:
    """A queue that gets the events that match a pattern, from now until the block is left."""
    events, sqs = aws_client("events", stack.ports), aws_client("sqs", stack.ports)
    url = sqs.create_queue(QueueName=f"listener-{name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventBusName=EVENT_BUS, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=EVENT_BUS, Targets=[{"Id": "listener", "Arn": arn}])
    try:
        yield BusQueue(url, stack.ports)
    finally:
        events.remove_targets(Rule=name, EventBusName=EVENT_BUS, Ids=["listener"])
        events.delete_rule(Name=name, EventBusName=EVENT_BUS)
        sqs.delete_queue(QueueUrl=url)
