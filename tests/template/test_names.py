"""One chain of names: folder, CodeUri, logical id, route, sample."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from hookline_local.places import EVENTS, REPOSITORY
from template_reading import (
    ADDRESSES,
    FUNCTIONS,
    KEYED,
    RECEIVERS,
    SOURCE_OF,
    SOURCES,
    Resources,
    of_type,
    operations,
    routes,
    webhooks,
)


def test_every_folder_in_functions_is_deployed_and_nothing_else(source: dict[str, Any]) -> None:
    """Folder = CodeUri = logical id in CamelCase."""
    deployed = {
        name: each["Properties"]["CodeUri"]
        for name, each in source["Resources"].items()
        if each["Type"] == "AWS::Serverless::Function"
    }
    folders = sorted(folder.name for folder in (REPOSITORY / "functions").iterdir() if folder.is_dir())
    assert deployed == {camel(folder) + "Function": f"target/lambda/{folder}/" for folder in folders}
    assert sorted(FUNCTIONS.values()) == folders


def test_webhooks_have_an_api_of_their_own_with_a_route_per_function(resources: Resources) -> None:
    """It has no other route, and the panel's API accepts no webhook: neither API can use up the other's rate limit."""
    expected = {f"POST {address}": name for name, address in ADDRESSES.items()}
    assert routes(webhooks(resources)) == expected
    assert not [route for route in operations(resources) if "/webhooks/" in route]


def test_every_route_ends_in_the_name_of_its_function(resources: Resources) -> None:
    """No other routes exist, except that of a document."""
    found = routes(operations(resources))
    reads = {f"GET /api/stores/{{store}}/{folder}": f"{camel(folder)}Function" for folder in ("status", "search")}
    # The index is read where it is searched.
    reads["GET /api/stores/{store}/documents/{kind}/{id}"] = "SearchFunction"
    others = {name: function for name, function in found.items() if name not in reads}
    assert found.items() >= reads.items()
    # Two functions have several routes, described in docs/openapi.json. The panel's files: test_panel.
    assert set(others.values()) <= {"StatusFunction", "ActionsFunction", "PanelFunction"}
    acts = re.compile(r"(POST|PATCH|DELETE) /api/(stores/\{store\}/|endpoints)")
    assert all(bool(acts.match(name)) == (at == "ActionsFunction") for name, at in others.items())


@pytest.mark.parametrize("name", RECEIVERS)
def test_every_receiver_has_a_sample(name: str) -> None:
    """A body and its headers."""
    samples = REPOSITORY / "events" / SOURCE_OF[name]
    if name in KEYED:
        # One function for all topics: crates/sources/tests/samples.rs asks for a sample of each.
        assert list(samples.glob("*.headers.json"))
        return
    assert (samples / f"{RECEIVERS[name]}.json").is_file()
    assert (samples / f"{RECEIVERS[name]}.headers.json").is_file()


@pytest.mark.parametrize("folder", SOURCES["shopify"].receivers.values())
def test_headers_of_shopifys_samples_name_the_topic(folder: str) -> None:
    """Function and topic have one name."""
    topic = json.loads((EVENTS / f"{folder}.headers.json").read_text())["X-Shopify-Topic"]
    assert re.sub("[/_]", "-", topic) == folder


def test_nothing_has_a_physical_name(resources: Resources) -> None:
    """Two stacks fit into one account."""
    naming = {"FunctionName", "TableName", "QueueName", "RoleName", "LogGroupName", "AlarmName", "BucketName"}
    for name, each in resources.items():
        named = naming & set(each.get("Properties", {}))
        if name in ("WebhooksAccessLogs", "ApiAccessLogs"):
            # API Gateway writes without an extra policy only to this prefix; the stack's name makes it unique.
            assert each["Properties"]["LogGroupName"]["Fn::Sub"].startswith(
                "/aws/vendedlogs/hookline/${AWS::StackName}/"
            )
            continue
        if each["Type"] not in (
            "AWS::Lambda::Permission",
            "AWS::Lambda::EventSourceMapping",
            "AWS::Logs::MetricFilter",
        ):
            assert not named, (name, named)


def test_every_address_is_an_output(source: dict[str, Any]) -> None:
    """The deployment prints every address that a person has to copy."""
    receivers = {name.replace("Function", "Url") for name in RECEIVERS}
    others = {"ApiUrl", "PanelUrl", "StatusUrl", "SearchUrl", "EventQueueUrl", "EventDeadLetterQueueUrl"}
    others |= {"LiveUrl", "WebhooksUrl"}
    others |= {"WebhooksApiId", "HttpApiId", "LiveApiId", "WebhooksAccessLogsName", "ApiAccessLogsName"}
    tables = {"LedgerTableName", "EntitiesTableName", "StoresTableName", "AuditTableName", "AccessTableName"}
    tables |= {"ActivityTableName", "LiveTableName", "EventsTableName", "EndpointsTableName", "OutboxesTableName"}
    tables |= {"MessagesTableName"}
    settings = {
        "ReceiverUrl",
        "EventsOf",
        "ShopifyAdminUrl",
        "ShopifyClientId",
        "SyncQueueUrl",
        "SyncDeadLetterQueueUrl",
    }
    settings |= {
        "ShopifyClientSecretsArn",
        "ConnectionsTableName",
        "TokenKeyArn",
        "OpenSearchUrl",
        "OpenSearchIndex",
        "OpenSearchSigningService",
    }
    settings |= {"FanOutQueueUrl", "FanOutDeadLetterQueueUrl", "EndpointKeyArn"}
    settings |= {"DispatchQueueUrl", "SlowDispatchQueueUrl", "DispatchDeadLetterQueueUrl"}
    buckets = {"PayloadBucketName", "ArchiveBucketName"}
    mapped = {"ReindexRoleArn", "SyncRoleArn", "SearchRoleArn"}
    settings |= {each.secrets for each in SOURCES.values()}
    assert set(source["Outputs"]) == receivers | others | tables | settings | buckets | mapped
    for name, address in ADDRESSES.items():
        url = source["Outputs"][name.replace("Function", "Url")]["Value"]["Fn::Sub"]
        assert url.endswith(address)
        assert url.startswith("https://${WebhooksApi}.")


def test_logs_are_kept_for_a_while_and_not_for_ever(resources: Resources) -> None:
    """Each function has its own log group, with retention."""
    assert len(of_type(resources, "AWS::Lambda::Function")) == len(FUNCTIONS)
    for name in FUNCTIONS:
        logs = name.replace("Function", "Logs")
        logging = resources[name]["Properties"]["LoggingConfig"]
        assert logging["LogGroup"] == {"Ref": logs}
        assert logging["LogFormat"] == "JSON"
        assert resources[logs]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def camel(folder: str) -> str:
    """`products-create` as `ProductsCreate`."""
    return "".join(word.capitalize() for word in folder.split("-"))


def test_no_two_python_files_of_the_tests_share_a_name() -> None:
    """Python imports a test by its file's name alone, so a run of two folders with one name in both ends at once."""
    files = (REPOSITORY / "tests").rglob("*.py")
    names = Counter(file.name for file in files if file.name not in {"conftest.py", "__init__.py"})
    assert [name for name, count in names.items() if count > 1] == []
