"""Each store is a message group. The emulator keeps groups and does not act on them: tests/pipeline simulates that."""

from hookline_local.deploy import aws_client
from hookline_local.tour import Tour


def test_every_message_names_its_store_as_its_group(tour: Tour) -> None:
    """Read directly from the queue, while the event source is disabled."""
    queue = tour.stack.outputs["EventQueueUrl"]
    lambdas, sqs = aws_client("lambda", tour.stack.ports), aws_client("sqs", tour.stack.ports)
    source = tour.stack.outputs["EventQueueUrl"].rsplit("/", 1)[-1]
    mappings = lambdas.list_event_source_mappings()["EventSourceMappings"]
    mapping = next(each for each in mappings if each["EventSourceArn"].endswith(f":{source}"))
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    board = tour.products["walnut-serving-board"]
    try:
        tour.send_product("a product", board)
        groups: set[str | None] = set()

        def has_group() -> bool:
            got = sqs.receive_message(
                QueueUrl=queue,
                MaxNumberOfMessages=10,
                VisibilityTimeout=1,
                MessageSystemAttributeNames=["MessageGroupId"],
            )
            groups.update(each.get("Attributes", {}).get("MessageGroupId") for each in got.get("Messages", []))
            return f"shopify#{tour.store}" in groups

        tour.until(has_group, "the message is on the queue, in the group of its store")
    finally:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    tour.until(lambda: tour.result(board), "and is applied")
    assert tour.failures() == []
