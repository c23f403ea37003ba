"""Queries on a translated template."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from hookline_local.deploy import KEYED_SOURCES
from hookline_local.translate import whole

Resources = dict[str, dict[str, Any]]

EXECUTE = re.escape("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:") + r"\$\{(\w+)\}/"


class Source(NamedTuple):
    """A source of webhooks, as the template deploys it."""

    # Its receivers, by logical id, with their directories.
    receivers: dict[str, str]
    # Parameter with its secrets: its receivers, and no others, may read them.
    secrets: str
    # Role of its receivers.
    role: str
    # Condition under which they are deployed; None for always. Families of events have conditions of their own.
    condition: str | None = None
    # True if each inbound endpoint has keys and an address of its own.
    keyed: bool = False


SOURCES = {
    "shopify": Source(
        {
            "ProductsCreateFunction": "products-create",
            "ProductsUpdateFunction": "products-update",
            "ProductsDeleteFunction": "products-delete",
            "CollectionsCreateFunction": "collections-create",
            "CollectionsUpdateFunction": "collections-update",
            "CollectionsDeleteFunction": "collections-delete",
            "InventoryLevelsUpdateFunction": "inventory-levels-update",
            "OrdersCreateFunction": "orders-create",
            "OrdersUpdatedFunction": "orders-updated",
            "OrdersFulfilledFunction": "orders-fulfilled",
            "OrdersCancelledFunction": "orders-cancelled",
            "OrderTransactionsCreateFunction": "order-transactions-create",
            "RefundsCreateFunction": "refunds-create",
            "FulfillmentsCreateFunction": "fulfillments-create",
            "FulfillmentsUpdateFunction": "fulfillments-update",
            "FulfillmentEventsCreateFunction": "fulfillment-events-create",
            "CustomersCreateFunction": "customers-create",
            "CustomersUpdateFunction": "customers-update",
            "CustomersDeleteFunction": "customers-delete",
            "AppUninstalledFunction": "app-uninstalled",
            "CustomersDataRequestFunction": "customers-data-request",
            "CustomersRedactFunction": "customers-redact",
            "ShopRedactFunction": "shop-redact",
        },
        "ShopifyClientSecretsArn",
        "ReceiverRole",
    ),
} | {
    name: Source(
        {f"{name.capitalize()}Function": name},
        f"{name.capitalize()}KeysArn",
        f"{name.capitalize()}ReceiverRole",
        f"Has{name.capitalize()}",
        keyed=True,
    )
    for name in KEYED_SOURCES
}
KEYED = {name for source in SOURCES.values() if source.keyed for name in source.receivers}
RECEIVERS = {name: folder for source in SOURCES.values() for name, folder in source.receivers.items()}
SOURCE_OF = {name: source for source, each in SOURCES.items() for name in each.receivers}
ADDRESSES = {
    name: f"/api/webhooks/receive/{SOURCE_OF[name]}/{'{endpoint}' if name in KEYED else folder}"
    for name, folder in RECEIVERS.items()
}
OTHERS = {
    "ReindexFunction": "reindex",
    "SyncFunction": "sync",
    "FanOutFunction": "fan-out",
    "DispatchFunction": "dispatch",
    "SweepFunction": "sweep",
    "ReconcileFunction": "reconcile",
    "AuthorizerFunction": "authorizer",
    "LiveConnectFunction": "live-connect",
    "LiveDisconnectFunction": "live-disconnect",
    "LivePushFunction": "live-push",
    "StatusFunction": "status",
    "SearchFunction": "search",
    "ActionsFunction": "actions",
    "PanelFunction": "panel",
}
FUNCTIONS = RECEIVERS | OTHERS


def of_type(resources: Resources, kind: str) -> Resources:
    """The resources of a type."""
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def statements(resources: Resources, function: str) -> dict[str, tuple[set[str], list[Any]]]:
    """Permissions of a function: by Sid, the actions and the resources, with all conditional statements."""
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
    found: dict[str, tuple[set[str], list[Any]]] = {}
    for policy in role["Policies"]:
        for statement in flat(policy["PolicyDocument"]["Statement"]):
            assert statement["Effect"] == "Allow"
            assert statement["Sid"] not in found, f"{function} has two statements {statement['Sid']}"
            found[statement["Sid"]] = (set(listed(statement["Action"])), list(flat(listed(statement["Resource"]))))
    return found


def flat(values: list[Any]) -> Iterator[Any]:
    """The members of a list, with both branches of every Fn::If, without AWS::NoValue."""
    for value in values:
        if "Fn::If" in value:
            yield from flat(value["Fn::If"][1:])
        elif value != {"Ref": "AWS::NoValue"}:
            yield value


def listed(value: Any) -> list[Any]:
    """Wraps a single value in a list."""
    return value if isinstance(value, list) else [value]


def target(arn: Any) -> str:
    """The resource or parameter that an ARN in the template is of; raises for anything not concrete."""
    if arn == "*":
        return "*"
    if isinstance(arn, dict):
        if "Fn::GetAtt" in arn and arn["Fn::GetAtt"][1] in ("Arn", "StreamArn"):
            return arn["Fn::GetAtt"][0]
        if "Ref" in arn and arn["Ref"].endswith("Arn"):
            return arn["Ref"]
        if "Fn::Sub" in arn and (
            index := re.fullmatch(r"\$\{OpenSearchArn\}(/\$\{OpenSearchIndex\}[a-z_/]*)", arn["Fn::Sub"])
        ):
            return f"OpenSearchArn{index[1]}"
        if "Fn::Sub" in arn and (below := re.fullmatch(r"\$\{(\w+)\.Arn\}/([a-z]+/\*)", arn["Fn::Sub"])):
            return f"{below[1]}/{below[2]}"
        if "Fn::Sub" in arn and (within := re.fullmatch(EXECUTE + "(.+)", arn["Fn::Sub"])):
            return f"{within[1]}/{within[2]}"
    raise AssertionError(f"not a concrete ARN: {arn}")


def http_apis(resources: Resources) -> dict[str, dict[str, Any]]:
    """The OpenAPI document of each HTTP API, by its logical id, with all routes that conditions may leave out."""
    return {
        name: whole(api["Properties"]["Body"])
        for name, api in of_type(resources, "AWS::ApiGatewayV2::Api").items()
        if "Body" in api["Properties"]
    }


def http_api(resources: Resources) -> dict[str, Any]:
    """The OpenAPI document of the panel's and programs' API."""
    return http_apis(resources)["HttpApi"]


def webhooks(resources: Resources) -> dict[str, dict[str, Any]]:
    """Operation of the webhooks' API for each "METHOD path"."""
    return operations_of(http_apis(resources)["WebhooksApi"])


def operations(resources: Resources) -> dict[str, dict[str, Any]]:
    """Operation of the HTTP API for each "METHOD path"."""
    return operations_of(http_api(resources))


def operations_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Operation of an API for each "METHOD path"."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def routes(operations: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The function behind each "METHOD path" of an API."""
    found = {}
    for route, operation in operations.items():
        uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        found[route] = re.search(r"\$\{(\w+)\.Arn\}", uri)[1]
    return found


def conditions(resources: Resources, function: str) -> dict[str, Any]:
    """Conditions on a function's permissions: by Sid, of the statements that have one."""
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
    return {
        statement["Sid"]: statement["Condition"]
        for policy in role["Policies"]
        for statement in flat(policy["PolicyDocument"]["Statement"])
        if "Condition" in statement
    }
