"""Permissions of each function: those of its ports, on the ports' resources, and no more."""

import json
import re

import pytest
from hookline_local.places import REPOSITORY
from template_reading import (
    FUNCTIONS,
    KEYED,
    OTHERS,
    SOURCE_OF,
    SOURCES,
    Resources,
    Source,
    conditions,
    of_type,
    statements,
    target,
)

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
INDEX = "OpenSearchArn/${OpenSearchIndex}"
WRITER = {
    "Index": ({"es:ESHttpHead", "es:ESHttpPut"}, {INDEX}),
    "Documents": ({"es:ESHttpPost"}, {f"{INDEX}/_bulk"}),
    "ServerlessIndex": ({"aoss:APIAccessAll"}, {"OpenSearchArn"}),
}
ROUTES = (
    "}/POST/api/webhooks/receive/",
    "}/GET/api/",
    "}/POST/api/stores/*/",
    "}/DELETE/api/stores/*/listen/*",
    *(f"}}/{method}/api{owner}/endpoints" for method in ("POST", "PATCH", "DELETE") for owner in ("", "/stores/*")),
    "}/POST/api/live/tickets",
)
SERVERLESS = ({"aoss:APIAccessAll"}, {"OpenSearchArn"})

CONSUME = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
}
FENCE = {"dynamodb:UpdateItem", "dynamodb:Query", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLInsert"}
STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
PUSH = ({"execute-api:ManageConnections"}, {f"LiveApi/live/{method}/@connections/*" for method in ("POST", "DELETE")})


def receiver(source: Source) -> dict[str, tuple[set[str], set[str]]]:
    """Ports of a source's receivers. No receiver can read the secrets of another source."""
    endpoints = {"Endpoints": ({"dynamodb:Query"}, {"StoresTable"})} if source.keyed else {}
    return endpoints | {
        "Ledger": ({"dynamodb:PutItem", "dynamodb:UpdateItem"}, {"LedgerTable"}),
        "EventQueue": ({"sqs:SendMessage"}, {"EventQueue"}),
        "Bodies": ({"s3:PutObject"}, {"PayloadBucket/bodies/*"}),
        "Tally": ({"dynamodb:UpdateItem"}, {"StoresTable"}),
        "Secrets": ({"secretsmanager:GetSecretValue"}, {source.secrets}),
        "Logs": (LOGS, {name.replace("Function", "Logs") for name in source.receivers}),
    }


WAKE_UPS = {"DispatchQueue", "SlowDispatchQueue"}
PORTS = {name: receiver(source) for source in SOURCES.values() for name in source.receivers} | {
    "ReindexFunction": WRITER
    | {
        "EventQueue": (CONSUME, {"EventQueue"}),
        "Bodies": ({"s3:GetObject", "s3:DeleteObject"}, {"PayloadBucket/bodies/*"}),
        "Archive": ({"s3:PutObject", "s3:DeleteObject"}, {"PayloadBucket/archive/*"}),
        "Jobs": ({"sqs:SendMessage"}, {"SyncQueue"}),
        "FanOut": ({"sqs:SendMessage"}, {"FanOutQueue"}),
        "BodiesAbsence": ({"s3:ListBucket"}, {"PayloadBucket"}),
        "Ledger": ({"dynamodb:UpdateItem", "dynamodb:PartiQLUpdate"}, {"LedgerTable"}),
        "Entities": (FENCE | {"dynamodb:PutItem"}, {"EntitiesTable"}),
        "Stores": (
            {
                "dynamodb:Query",
                *(f"dynamodb:{action}Item" for action in ("Get", "BatchGet", "Update", "Put", "Delete", "BatchWrite")),
            },
            {"StoresTable"},
        ),
        "Audit": ({"dynamodb:PutItem"}, {"AuditTable"}),
        "Connections": ({"dynamodb:DeleteItem"}, {"ConnectionsTable"}),
        "Activity": ({"dynamodb:Query", "dynamodb:BatchWriteItem"}, {"ActivityTable"}),
        "Events": ({"dynamodb:Query", "dynamodb:BatchWriteItem"}, {"EventsTable"}),
        "Logs": (LOGS, {"ReindexLogs"}),
    },
    "SyncFunction": WRITER
    | {
        "SyncQueue": (CONSUME, {"SyncQueue"}),
        "Jobs": ({"sqs:SendMessage"}, {"SyncQueue"}),
        "FanOut": ({"sqs:SendMessage"}, {"FanOutQueue"}),
        "Backlog": ({"sqs:GetQueueAttributes"}, {"EventQueue"}),
        "Entities": (FENCE, {"EntitiesTable"}),
        "Entries": ({"dynamodb:BatchGetItem"}, {"EntitiesTable"}),
        "Stores": (
            {
                "dynamodb:Query",
                *(f"dynamodb:{action}Item" for action in ("Get", "BatchGet", "Update", "Put", "Delete")),
            },
            {"StoresTable"},
        ),
        "Connections": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, {"ConnectionsTable"}),
        "Vault": ({"kms:Encrypt", "kms:Decrypt"}, {"TokenKey"}),
        "Secrets": ({"secretsmanager:GetSecretValue"}, {"ShopifyClientSecretsArn"}),
        "Logs": (LOGS, {"SyncLogs"}),
    },
    "FanOutFunction": {
        "FanOutQueue": (CONSUME, {"FanOutQueue"}),
        "EventLog": (
            {
                *(f"dynamodb:{action}Item" for action in ("Put", "Update", "BatchGet", "BatchWrite")),
                *(f"dynamodb:PartiQL{action}" for action in ("Insert", "Update")),
            },
            {"EventsTable"},
        ),
        "Stores": ({"dynamodb:GetItem"}, {"StoresTable"}),
        "Endpoints": ({"dynamodb:Query"}, {"EndpointsTable"}),
        "Outboxes": ({"dynamodb:BatchWriteItem"}, {"OutboxesTable"}),
        "WakeUps": ({"sqs:SendMessage"}, WAKE_UPS),
        "Watchers": ({"dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:Query"}, {"LiveTable"}),
        "Push": ({"execute-api:ManageConnections"}, {"LiveApi/live/POST/@connections/*"}),
        "Bus": ({"events:PutEvents"}, {"EventBusArn"}),
        "Logs": (LOGS, {"FanOutLogs"}),
    },
    "DispatchFunction": {
        "DispatchQueues": (CONSUME, WAKE_UPS),
        "WakeUps": ({"sqs:SendMessage"}, WAKE_UPS),
        "FanOut": ({"sqs:SendMessage"}, {"FanOutQueue"}),
        "Endpoints": ({"dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}, {"EndpointsTable"}),
        "Outboxes": ({"dynamodb:UpdateItem", "dynamodb:Query", "dynamodb:BatchWriteItem"}, {"OutboxesTable"}),
        "Messages": (
            {
                "dynamodb:BatchGetItem",
                "dynamodb:UpdateItem",
                *(f"dynamodb:PartiQL{action}" for action in ("Insert", "Update")),
            },
            {"MessagesTable"},
        ),
        "Events": ({"dynamodb:BatchGetItem"}, {"EventsTable"}),
        "EndpointVault": ({"kms:Decrypt"}, {"EndpointKey"}),
        "PersonalData": ({"kms:Decrypt"}, {"PersonalKeyArn"}),
        "Logs": (LOGS, {"DispatchLogs"}),
    },
    "SweepFunction": {
        "Outboxes": ({"dynamodb:Query"}, {"OutboxesTable"}),
        "WakeUps": ({"sqs:SendMessage"}, WAKE_UPS),
        "Logs": (LOGS, {"SweepLogs"}),
    },
    "ReconcileFunction": {
        "StoreList": ({"dynamodb:Scan"}, {"StoresTable"}),
        "Jobs": ({"sqs:SendMessage"}, {"SyncQueue"}),
        "Logs": (LOGS, {"ReconcileLogs"}),
    },
    "PanelFunction": {"Logs": (LOGS, {"PanelLogs"})},
    "AuthorizerFunction": {
        "Tokens": ({"dynamodb:GetItem"}, {"AccessTable"}),
        "Tickets": ({"dynamodb:DeleteItem"}, {"AccessTable"}),
        "Secrets": ({"secretsmanager:GetSecretValue"}, {"ShopifyClientSecretsArn"}),
        "Logs": (LOGS, {"AuthorizerLogs"}),
    },
    "StatusFunction": {
        "Stores": ({"dynamodb:GetItem", "dynamodb:Query"}, {"StoresTable"}),
        "Tickets": ({"dynamodb:PutItem"}, {"AccessTable"}),
        "StoreList": ({"dynamodb:Scan"}, {"StoresTable"}),
        "Records": ({"dynamodb:GetItem"}, {"LedgerTable"}),
        "Activity": ({"dynamodb:Query"}, {"ActivityTable"}),
        "Events": ({"dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem"}, {"EventsTable"}),
        "Endpoints": ({"dynamodb:GetItem", "dynamodb:Query"}, {"EndpointsTable"}),
        "Outboxes": ({"dynamodb:GetItem", "dynamodb:Query"}, {"OutboxesTable"}),
        "Messages": ({"dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem"}, {"MessagesTable"}),
        "Queues": ({"sqs:GetQueueAttributes"}, {"EventQueue", "EventDeadLetterQueue"}),
        "Logs": (LOGS, {"StatusLogs"}),
    },
    "ActionsFunction": {
        "Stores": (
            {"dynamodb:Query", *(f"dynamodb:{action}Item" for action in ("Get", "BatchGet", "Update", "Delete"))},
            {"StoresTable"},
        ),
        "Entities": ({"dynamodb:PutItem"}, {"EntitiesTable"}),
        "FanOut": ({"sqs:SendMessage"}, {"FanOutQueue"}),
        "Jobs": ({"sqs:SendMessage"}, {"SyncQueue"}),
        "DeadLetters": (
            {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"},
            {"EventDeadLetterQueue"},
        ),
        "Records": ({"dynamodb:GetItem"}, {"LedgerTable"}),
        "Ledger": ({"dynamodb:PutItem", "dynamodb:UpdateItem"}, {"LedgerTable"}),
        "EventQueue": ({"sqs:SendMessage", "sqs:ChangeMessageVisibility"}, {"EventQueue"}),
        "Bodies": ({"s3:PutObject"}, {"PayloadBucket/bodies/*"}),
        "Archived": ({"s3:GetObject"}, {"PayloadBucket/archive/*"}),
        "ArchivedObjects": ({"s3:ListBucket"}, {"PayloadBucket"}),
        "Endpoints": ({"dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"}, {"EndpointsTable"}),
        "Outboxes": ({"dynamodb:BatchWriteItem"}, {"OutboxesTable"}),
        "Messages": ({"dynamodb:GetItem", "dynamodb:BatchGetItem"}, {"MessagesTable"}),
        "Events": (
            {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:PutItem"},
            {"EventsTable"},
        ),
        "WakeUps": ({"sqs:SendMessage"}, {"DispatchQueue", "SlowDispatchQueue"}),
        "EndpointVault": ({"kms:Encrypt"}, {"EndpointKey"}),
        "Logs": (LOGS, {"ActionsLogs"}),
    },
    "LiveConnectFunction": {
        "Watchers": ({"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"}, {"LiveTable"}),
        "Stores": ({"dynamodb:GetItem", "dynamodb:Query"}, {"StoresTable"}),
        "Activity": ({"dynamodb:GetItem", "dynamodb:Query"}, {"ActivityTable"}),
        "Push": PUSH,
        "Logs": (LOGS, {"LiveConnectLogs"}),
    },
    "LiveDisconnectFunction": {
        "Watchers": ({"dynamodb:GetItem", "dynamodb:DeleteItem"}, {"LiveTable"}),
        "Logs": (LOGS, {"LiveDisconnectLogs"}),
    },
    "LivePushFunction": {
        "StoresStream": (STREAM, {"StoresTable"}),
        "AccessStream": (STREAM, {"AccessTable"}),
        "StreamList": ({"dynamodb:ListStreams"}, {"*"}),
        "Stores": ({"dynamodb:Query"}, {"StoresTable"}),
        "Activity": ({"dynamodb:BatchWriteItem", "dynamodb:UpdateItem", "dynamodb:Query"}, {"ActivityTable"}),
        "Watchers": (
            {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query"},
            {"LiveTable"},
        ),
        "Push": PUSH,
        "Logs": (LOGS, {"LivePushLogs"}),
    },
    "SearchFunction": {
        "Stores": ({"dynamodb:GetItem"}, {"StoresTable"}),
        "Index": ({"es:ESHttpPost"}, {f"{INDEX}/_search", f"{INDEX}/_mget"}),
        "ServerlessIndex": SERVERLESS,
        "Logs": (LOGS, {"SearchLogs"}),
    },
}


def test_permissions_match_the_keys_that_the_code_writes() -> None:
    """The prefixes are written in the code and in the template."""
    for name in ("bodies", "archive"):
        code = (REPOSITORY / f"crates/domain/src/delivery/{name}.rs").read_text()
        assert f'PREFIX: &str = "{name}/"' in code


def test_items_of_the_access_table_are_permitted_by_their_kind(resources: Resources) -> None:
    """By the key that the code writes: the authorizer creates no items, and the status function no tokens."""
    for function, expected in {
        "AuthorizerFunction": {"Tokens": "token#*", "Tickets": "ticket#*"},
        "StatusFunction": {"Tickets": "ticket#*"},
    }.items():
        keys = {sid: {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [key]}} for sid, key in expected.items()}
        assert conditions(resources, function) == keys
    code = (REPOSITORY / "crates/tables/src/access.rs").read_text()
    assert 'format!("token#{}"' in code
    assert 'format!("ticket#{}"' in code


def test_a_receiver_reads_the_endpoints_of_its_source_only(resources: Resources) -> None:
    """By the key that the code writes."""
    for name in KEYED:
        key = {"dynamodb:LeadingKeys": [f"inbound#{SOURCE_OF[name]}"]}
        assert conditions(resources, name) == {"Endpoints": {"ForAllValues:StringEquals": key}}
    code = (REPOSITORY / "crates/tables/src/stores/inbound.rs").read_text()
    assert 'INBOUND_PREFIX: &str = "inbound#"' in code


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_the_permissions_of_its_ports_and_no_more(resources: Resources, function: str) -> None:
    """Exact actions on exact resources, one statement per port."""
    allowed = {
        sid: (actions, {target(arn) for arn in arns})
        for sid, (actions, arns) in statements(resources, function).items()
    }
    assert allowed == PORTS[function]


def test_no_permission_is_for_all_resources(resources: Resources) -> None:
    """No policy written here has a star for a resource, an action, or a principal."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        text = json.dumps(role)
        if name == "LivePushRole":
            # The only action without resources (the Service Authorization Reference's list of DynamoDB's actions).
            allowed = '"Action": "dynamodb:ListStreams", "Resource": "*"'
            assert text.count(allowed) == 1
            text = text.replace(allowed, "")
        assert '"*"' not in text, name
        assert ':*"' not in text, name
    assert not of_type(resources, "AWS::IAM::Policy")
    assert not of_type(resources, "AWS::IAM::ManagedPolicy")


def test_index_requests_use_the_permitted_paths() -> None:
    """A new call of the adapter needs its own permission."""
    adapter = REPOSITORY / "crates/aws/src/opensearch"
    files = [adapter.with_suffix(".rs"), *adapter.rglob("*.rs")]
    parts = {part for file in files for part in re.findall(r"\b(\w+Parts)::\w+\(", file.read_text())}
    assert parts == {"IndicesExistsParts", "IndicesCreateParts", "BulkParts", "SearchParts", "MgetParts"}


def test_the_only_managed_policies_are_for_traces_and_network_interfaces(resources: Resources) -> None:
    """X-Ray has no resources, nor do network interfaces (test_opensearch); SAM has added no role."""
    roles = of_type(resources, "AWS::IAM::Role")
    assert set(roles) == {
        *(source.role for source in SOURCES.values()),
        *(name.replace("Function", "Role") for name in OTHERS),
    }
    for role in roles.values():
        policy = role["Properties"]["ManagedPolicyArns"][0]
        assert policy["Fn::Sub"].endswith(":iam::aws:policy/AWSXrayWriteOnlyAccess")


def test_only_the_api_and_the_schedules_may_call_the_functions(resources: Resources) -> None:
    """Each permission is for one route of our API, or for one rule of ours and the function it calls."""
    scheduled = {}
    for name, permission in of_type(resources, "AWS::Lambda::Permission").items():
        properties = permission["Properties"]
        if properties["Principal"] == "events.amazonaws.com":
            rule, attribute = properties["SourceArn"]["Fn::GetAtt"]
            assert attribute == "Arn", name
            scheduled[rule] = properties["FunctionName"]["Ref"]
            continue
        assert properties["Principal"] == "apigateway.amazonaws.com", name
        if "${LiveApi}" in properties["SourceArn"]["Fn::Sub"]:
            # See test_sockets.py.
            continue
        if properties["FunctionName"] == {"Ref": "PanelFunction"}:
            # Its content is public: test_panel.
            continue
        arn = properties["SourceArn"]["Fn::Sub"][0]
        if arn.endswith("}/authorizers/*"):
            assert properties["FunctionName"]["Fn::GetAtt"] == ["AuthorizerFunction", "Arn"], name
            continue
        assert any(route in arn for route in ROUTES), arn
    rules = of_type(resources, "AWS::Events::Rule")
    assert scheduled == {
        name: target["Arn"]["Fn::GetAtt"][0] for name, rule in rules.items() for target in rule["Properties"]["Targets"]
    }
    assert set(scheduled) == {"ReconcileSchedule", "WatchSchedule", "SweepSchedule"}


@pytest.mark.parametrize("name", ["TokenKey", "EndpointKey"])
def test_a_key_is_used_by_roles_of_this_account_only(resources: Resources, name: str) -> None:
    """Rotated, retained when the stack is deleted, and controlled by the account's roles."""
    assert set(of_type(resources, "AWS::KMS::Key")) == {"TokenKey", "EndpointKey"}
    key = resources[name]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert key["Properties"]["EnableKeyRotation"] is True
    (statement,) = key["Properties"]["KeyPolicy"]["Statement"]
    root = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert (statement["Effect"], statement["Principal"]) == ("Allow", root)
