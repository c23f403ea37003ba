"""Resources that keep events from getting lost: tables, queues, the event source, timeouts, alarms."""

import json
from typing import Any

import pytest
from template_reading import ADDRESSES, FUNCTIONS, RECEIVERS, Resources, of_type, operations

TABLES = {
    "LedgerTable": "expires_at",
    "EntitiesTable": "expires_at",
    "StoresTable": "expires_at",
    "ConnectionsTable": None,
    "AuditTable": None,
    "AccessTable": "expires_at",
    "ActivityTable": "expires_at",
    "LiveTable": "expires_at",
}
SENDER_HANGS_UP_AFTER = 5
# A first deployment that fails leaves nothing behind: a stack in ROLLBACK_COMPLETE can only be deleted, its retained
# resources belong to no stack (https://aws.amazon.com/about-aws/whats-new/2023/07/aws-cloudformation-deletion-policies-dev-test-cycle/).
RETAINED = ("RetainExceptOnCreate", "Retain")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: "New AWS accounts have reduced concurrency".
NEW_ACCOUNT = 10


@pytest.mark.parametrize(("table", "expires"), TABLES.items())
def test_a_table_survives_mistakes(resources: Resources, table: str, expires: str | None) -> None:
    """Point-in-time recovery, retained when the stack is deleted, encrypted, on-demand."""
    resource = resources[table]
    properties = resource["Properties"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == RETAINED
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties.get("TimeToLiveSpecification") == (expires and {"AttributeName": expires, "Enabled": True})


def test_the_tables_are_these(resources: Resources) -> None:
    """The tables and their keys."""
    tables = of_type(resources, "AWS::DynamoDB::Table")
    keys = {name: [key["AttributeName"] for key in each["Properties"]["KeySchema"]] for name, each in tables.items()}
    assert keys == {
        "LedgerTable": ["pk"],
        "EntitiesTable": ["pk", "sk"],
        "EventsTable": ["pk", "sk"],
        "EndpointsTable": ["pk", "sk"],
        "OutboxesTable": ["pk", "sk"],
        "MessagesTable": ["pk", "sk"],
        "StoresTable": ["pk", "sk"],
        "ConnectionsTable": ["pk"],
        "AuditTable": ["pk", "sk"],
        "AccessTable": ["pk"],
        "ActivityTable": ["pk", "sk"],
        "LiveTable": ["pk", "sk"],
    }


def test_an_event_that_cannot_be_applied_is_parked(resources: Resources) -> None:
    """The queues give up late, and their dead-letter queues keep messages for SQS's maximum."""
    for queue, dead_letters in (("EventQueue", "EventDeadLetterQueue"), ("FanOutQueue", "FanOutDeadLetterQueue")):
        redrive = resources[queue]["Properties"]["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"]["Fn::GetAtt"] == [dead_letters, "Arn"]
        assert redrive["maxReceiveCount"] >= 5
    for name in ("EventQueue", "EventDeadLetterQueue", "FanOutQueue", "FanOutDeadLetterQueue"):
        assert resources[name]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True
        assert resources[name]["Properties"]["MaximumMessageSize"] == 1024 * 1024


def test_a_wake_up_that_cannot_be_handled_is_parked(resources: Resources) -> None:
    """Late, because nobody else may know that an endpoint has messages."""
    for queue in ("DispatchQueue", "SlowDispatchQueue"):
        redrive = resources[queue]["Properties"]["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"]["Fn::GetAtt"] == ["DispatchDeadLetterQueue", "Arn"]
        # Every 20 seconds, which is crates/lambda/src/dispatch.rs's.
        assert redrive["maxReceiveCount"] >= 45
    for name in ("DispatchQueue", "SlowDispatchQueue", "DispatchDeadLetterQueue"):
        assert resources[name]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True


def test_a_job_that_cannot_be_done_is_parked(resources: Resources) -> None:
    """Like an event. No job exceeds the size of an SQS message in any region."""
    redrive = resources["SyncQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"]["Fn::GetAtt"] == ["SyncDeadLetterQueue", "Arn"]
    assert redrive["maxReceiveCount"] >= 5
    for name in ("SyncQueue", "SyncDeadLetterQueue"):
        assert resources[name]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True


def test_schedules_send_values_that_the_function_knows(resources: Resources) -> None:
    """Once a day, and once an hour. The sweep wants no value."""
    rules = of_type(resources, "AWS::Events::Rule")
    sweep = rules.pop("SweepSchedule")["Properties"]
    assert sweep["ScheduleExpression"] == "rate(1 minute)"
    rules = rules.values()
    due = {}
    for rule in rules:
        (target,) = rule["Properties"]["Targets"]
        due[json.loads(target["Input"])["due"]] = rule["Properties"]["ScheduleExpression"]
    assert due == {"reconcile": "rate(1 day)", "watch": "rate(1 hour)"}


def test_stored_bodies_are_private_and_outlive_their_messages(resources: Resources) -> None:
    """Encrypted, only over TLS, private; removed after the retention of the queue and the dead-letter queue."""
    ((name, bucket),) = of_type(resources, "AWS::S3::Bucket").items()
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == RETAINED
    properties = bucket["Properties"]
    blocked = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
    assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(blocked, True)
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    rule, archive = properties["LifecycleConfiguration"]["Rules"]
    # A rule without a prefix would also empty the archive: of two rules, S3 applies the shorter one.
    assert (rule["Prefix"], archive["Prefix"]) == ("bodies/", "archive/")
    waits = [
        resources[queue]["Properties"]["MessageRetentionPeriod"] for queue in ("EventQueue", "EventDeadLetterQueue")
    ]
    assert rule["ExpirationInDays"] * 24 * 3600 > sum(waits)
    assert rule["Status"] == "Enabled"
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1
    # Versioning would keep deleted objects.
    assert "VersioningConfiguration" not in properties
    ((_, policy),) = of_type(resources, "AWS::S3::BucketPolicy").items()
    assert policy["Properties"]["Bucket"] == {"Ref": name}
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_the_archive_is_switched_on_by_a_number_of_days(resources: Resources, source: dict[str, Any]) -> None:
    """Off by default; then no function has the bucket's name or permission, and the archive is emptied."""
    days = source["Parameters"]["ArchiveDays"]
    assert (days["Default"], days["MinValue"]) == (0, 0)
    variables = resources["ReindexFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["ARCHIVE_BUCKET"] == {"Fn::If": ["HasArchive", {"Ref": "PayloadBucket"}, ""]}
    policies = resources["ReindexRole"]["Properties"]["Policies"]
    conditional = [each["Fn::If"] for each in policies[0]["PolicyDocument"]["Statement"] if "Fn::If" in each]
    assert [(each[0], each[2]) for each in conditional if each[1]["Sid"] == "Archive"] == [
        ("HasArchive", {"Ref": "AWS::NoValue"})
    ]
    _, rule = resources["PayloadBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == (
        "Enabled",
        {"Fn::If": ["HasArchive", {"Ref": "ArchiveDays"}, 1]},
    )
    logged = [
        name
        for name, function in of_type(resources, "AWS::Lambda::Function").items()
        if "ARCHIVE_BUCKET" in function["Properties"]["Environment"]["Variables"]
    ]
    assert set(logged) == {"ReindexFunction", "ActionsFunction"}


def test_functions_that_store_or_fetch_bodies_know_the_bucket(resources: Resources) -> None:
    """All know the same bucket, and no other function knows it."""
    logged = {
        name
        for name, function in of_type(resources, "AWS::Lambda::Function").items()
        if function["Properties"]["Environment"]["Variables"].get("PAYLOAD_BUCKET") == {"Ref": "PayloadBucket"}
    }
    assert logged == {*RECEIVERS, "ReindexFunction", "ActionsFunction"}


def test_noisy_stores_can_be_detected(resources: Resources, source: dict[str, Any]) -> None:
    """SQS considers a group noisy from 30 messages in flight, which the default allows."""
    mapping = resources["ReindexEventSource"]["Properties"]
    assert mapping["BatchSize"] * source["Parameters"]["ReindexConcurrency"]["Default"] > 30


def test_consumers_leave_concurrency_for_receivers_in_a_new_account(
    resources: Resources, source: dict[str, Any]
) -> None:
    """New accounts have a concurrency of 10; queues take their limits, streams one per shard.

    Fan-out and dispatch are not counted: their queues are empty unless somebody listens, and then `make check-account`
    counts them.
    """
    taken, idle = 0, {"FanOutEventSource", "DispatchEventSource", "SlowDispatchEventSource"}
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    for mapping in (each for name, each in mappings.items() if name not in idle):
        scaling = mapping["Properties"].get("ScalingConfig")
        if scaling:
            taken += source["Parameters"][scaling["MaximumConcurrency"]["Ref"]]["Default"]
        else:
            taken += mapping["Properties"]["ParallelizationFactor"]
    assert taken <= NEW_ACCOUNT - 2


def test_concurrency_is_reserved_for_receivers_on_demand_only(resources: Resources, source: dict[str, Any]) -> None:
    """AWS rejects a reservation in a small account, so it is off by default; no other function reserves any."""
    assert source["Parameters"]["ReceiverReservedConcurrency"]["Default"] == 0
    assert source["Conditions"]["HasReceiverReserve"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ReceiverReservedConcurrency"}, 0]}]
    }
    reserve = {"Fn::If": ["HasReceiverReserve", {"Ref": "ReceiverReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        expected = reserve if name in RECEIVERS else None
        assert function["Properties"].get("ReservedConcurrentExecutions") == expected, name


def test_a_message_stays_invisible_while_a_function_may_process_it(resources: Resources) -> None:
    """AWS's advice: six times the timeout of the consumer."""
    consumers = {"EventQueue": "ReindexFunction", "SyncQueue": "SyncFunction", "FanOutQueue": "FanOutFunction"}
    consumers |= {"DispatchQueue": "DispatchFunction", "SlowDispatchQueue": "DispatchFunction"}
    for queue, consumer in consumers.items():
        visibility = resources[queue]["Properties"]["VisibilityTimeout"]
        assert visibility >= 6 * resources[consumer]["Properties"]["Timeout"]


def test_one_bad_message_does_not_fail_its_batch(resources: Resources) -> None:
    """The event source as CloudFormation gets it; linters do not notice when SAM drops a property."""
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    assert set(mappings) == {
        "ReindexEventSource",
        "SyncEventSource",
        "FanOutEventSource",
        "DispatchEventSource",
        "SlowDispatchEventSource",
        "LivePushStores",
        "LivePushAccess",
    }
    for mapping in mappings.values():
        assert mapping["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    jobs = mappings["SyncEventSource"]["Properties"]
    assert jobs["FunctionName"] == {"Ref": "SyncFunction"}
    assert jobs["EventSourceArn"]["Fn::GetAtt"] == ["SyncQueue", "Arn"]
    # A job may take the whole timeout of the function.
    assert jobs["BatchSize"] == 1
    events = mappings["FanOutEventSource"]["Properties"]
    assert events["FunctionName"] == {"Ref": "FanOutFunction"}
    assert events["EventSourceArn"]["Fn::GetAtt"] == ["FanOutQueue", "Arn"]
    assert events["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "FanOutConcurrency"}}
    for pool in ("Dispatch", "SlowDispatch"):
        wake_ups = mappings[f"{pool}EventSource"]["Properties"]
        assert wake_ups["FunctionName"] == {"Ref": "DispatchFunction"}
        assert wake_ups["EventSourceArn"]["Fn::GetAtt"] == [f"{pool}Queue", "Arn"]
        assert wake_ups["ScalingConfig"] == {"MaximumConcurrency": {"Ref": f"{pool}Concurrency"}}
    # It wakes itself.
    assert resources["DispatchFunction"]["Properties"]["RecursiveLoop"] == "Allow"
    properties = mappings["ReindexEventSource"]["Properties"]
    assert properties["FunctionName"] == {"Ref": "ReindexFunction"}
    assert properties["EventSourceArn"]["Fn::GetAtt"] == ["EventQueue", "Arn"]
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["BatchSize"] == 10
    assert properties["MaximumBatchingWindowInSeconds"] == 0
    assert properties["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "ReindexConcurrency"}}


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_receiver_stops_before_the_senders_timeout(resources: Resources, receiver: str) -> None:
    """Otherwise a retry could find a claim whose owner is still running."""
    assert resources[receiver]["Properties"]["Timeout"] < SENDER_HANGS_UP_AFTER


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_what_was_built(resources: Resources, function: str) -> None:
    """A binary on Amazon Linux 2023, of the chosen architecture, with tracing."""
    properties = resources[function]["Properties"]
    assert properties["Runtime"] == "provided.al2023"
    assert properties["Handler"] == "bootstrap"
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert properties["TracingConfig"] == {"Mode": "Active"}


def test_a_flood_is_throttled_at_the_api(resources: Resources) -> None:
    """One sender must not use up the account's concurrency; rarely used routes have lower limits."""
    stages = {
        stage["Properties"]["ApiId"]["Ref"]: stage["Properties"]
        for stage in of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    }
    throttles = {"WebhooksApi": "Throttle", "HttpApi": "ApiThrottle", "LiveApi": "ApiThrottle"}
    assert set(stages) == set(throttles)
    for api, prefix in throttles.items():
        settings = stages[api]["DefaultRouteSettings"]
        assert settings["ThrottlingRateLimit"] == {"Ref": f"{prefix}Rate"}
        assert settings["ThrottlingBurstLimit"] == {"Ref": f"{prefix}Burst"}
    busy = {"products-update", "inventory-levels-update"}
    quiet = {f"POST {ADDRESSES[name]}" for name, folder in RECEIVERS.items() if folder not in busy}
    assert set(stages["WebhooksApi"]["RouteSettings"]) == quiet
    # Public routes, without a token.
    everybody = {route for route, each in operations(resources).items() if not each.get("security")}
    # And the many routes of endpoints, which few people call.
    few = {route for route in operations(resources) if "endpoints" in route or route.endswith("/why")}
    assert set(stages["HttpApi"]["RouteSettings"]) == everybody | few


def test_callers_are_in_the_access_log(resources: Resources) -> None:
    """Both HTTP APIs log the address, and no value that a caller controls, because values are not escaped."""
    for api, group in {"WebhooksApi": "WebhooksAccessLogs", "HttpApi": "ApiAccessLogs"}.items():
        (stage,) = [
            stage["Properties"]
            for stage in of_type(resources, "AWS::ApiGatewayV2::Stage").values()
            if stage["Properties"]["ApiId"] == {"Ref": api}
        ]
        settings = stage["AccessLogSettings"]
        assert settings["DestinationArn"] == {"Fn::GetAtt": [group, "Arn"]}
        line = json.loads(settings["Format"])
        assert line["ip"] == "$context.identity.sourceIp"
        assert line["status"] == "$context.status"
        written = ("userAgent", "path", "protocol", "domain", "Header", "querystring", "host")
        assert not [value for value in line.values() if any(each in value for each in written)]
