"""Visibility timeout of the event queue."""

from collections.abc import Iterator
from contextlib import contextmanager

from hookline_local.deploy import aws_client
from hookline_local.stack import Stack


@contextmanager
def impatient(stack: Stack) -> Iterator[None]:
    """Sets it to 0 in the block, so that a failing delivery becomes a dead letter within seconds."""
    sqs, queue = aws_client("sqs", stack.ports), stack.outputs["EventQueueUrl"]
    patience = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=patience)
