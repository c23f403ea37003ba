"""How long the event queue waits before what failed is received again."""

from collections.abc import Iterator
from contextlib import contextmanager

from hookline_local.deploy import aws_client
from hookline_local.stack import Stack


@contextmanager
def impatient(stack: Stack) -> Iterator[None]:
    """Not at all while this lasts, so that what cannot be applied is a dead letter within seconds."""
    sqs, queue = aws_client("sqs", stack.ports), stack.outputs["EventQueueUrl"]
    patience = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=patience)
