"""The WebSocket API: connections need a ticket, and changes are pushed in order."""

import json
from pathlib import Path

from hookline_local.places import REPOSITORY
from template_reading import Resources, of_type

ROUTES = {
    "$connect": "LiveConnectFunction",
    "$default": "LiveConnectFunction",
    "$disconnect": "LiveDisconnectFunction",
}


def test_every_route_has_its_function_and_connecting_needs_a_ticket(resources: Resources) -> None:
    """API Gateway calls the authorizer once, on connect."""
    routes = {}
    for route in of_type(resources, "AWS::ApiGatewayV2::Route").values():
        properties = route["Properties"]
        assert properties["ApiId"] == {"Ref": "LiveApi"}
        integration = properties["Target"]["Fn::Sub"].removeprefix("integrations/${").removesuffix("}")
        uri = resources[integration]["Properties"]["IntegrationUri"]["Fn::Sub"]
        routes[properties["RouteKey"]] = uri.split("${")[-1].split(".Arn}")[0]
        authorization = (properties.get("AuthorizationType"), properties.get("AuthorizerId"))
        is_connect = properties["RouteKey"] == "$connect"
        assert authorization == (("CUSTOM", {"Ref": "LiveAuthorizer"}) if is_connect else (None, None))
    assert routes == ROUTES
    ((_, authorizer),) = of_type(resources, "AWS::ApiGatewayV2::Authorizer").items()
    properties = authorizer["Properties"]
    assert (properties["AuthorizerType"], properties["ApiId"]) == ("REQUEST", {"Ref": "LiveApi"})
    assert properties["IdentitySource"] == ["route.request.querystring.ticket"]
    assert "${AuthorizerFunction.Arn}" in properties["AuthorizerUri"]["Fn::Sub"]


def test_the_api_may_call_its_functions_and_no_others(resources: Resources) -> None:
    """Otherwise no connection could be opened."""
    allowed = {}
    for permission in of_type(resources, "AWS::Lambda::Permission").values():
        source = permission["Properties"]["SourceArn"].get("Fn::Sub")
        if isinstance(source, str) and "${LiveApi}" in source:
            assert permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
            allowed[permission["Properties"]["FunctionName"]["Ref"]] = source.split("${LiveApi}/")[1]
    assert allowed == {
        "AuthorizerFunction": "authorizers/${LiveAuthorizer}",
        "LiveConnectFunction": "live/*",
        "LiveDisconnectFunction": "live/*",
    }


def test_streams_are_read_in_order_from_the_latest_record(resources: Resources) -> None:
    """One batch of a shard at a time; a change that cannot be pushed does not block the others forever."""
    for name, table in {"LivePushStores": "StoresTable", "LivePushAccess": "AccessTable"}.items():
        properties = resources[name]["Properties"]
        assert properties["FunctionName"] == {"Ref": "LivePushFunction"}
        assert properties["EventSourceArn"]["Fn::GetAtt"] == [table, "StreamArn"]
        assert (properties["StartingPosition"], properties["ParallelizationFactor"]) == ("LATEST", 1)
        assert properties["MaximumBatchingWindowInSeconds"] == 0
        assert properties["BisectBatchOnFunctionError"] is True
        assert properties["MaximumRetryAttempts"] > 0
        assert properties["MaximumRecordAgeInSeconds"] == 3600
        stream = resources[table]["Properties"]["StreamSpecification"]
        assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    (only,) = resources["LivePushAccess"]["Properties"]["FilterCriteria"]["Filters"]
    assert json.loads(only["Pattern"]) == {
        "eventName": ["MODIFY", "REMOVE"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "token#"}]}}},
    }


def test_only_store_items_are_pushed_from_the_stores_stream(resources: Resources) -> None:
    """The key is written in the code and in the template."""
    (only,) = resources["LivePushStores"]["Properties"]["FilterCriteria"]["Filters"]
    assert json.loads(only["Pattern"]) == {"dynamodb": {"Keys": {"sk": {"S": ["#store"]}}}}
    code = Path(REPOSITORY / "crates/tables/src/stores.rs").read_text()
    assert 'pub const STORE: &str = "#store";' in code


def test_messages_go_to_the_stage_that_browsers_connect_to(resources: Resources) -> None:
    """One address, written in several places."""
    assert resources["LiveStage"]["Properties"]["StageName"] == "live"
    assert resources["LiveStage"]["Properties"]["AutoDeploy"] is True
    endpoint = "https://${LiveApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live"
    for function in ("LiveConnectFunction", "LivePushFunction", "FanOutFunction"):
        variables = resources[function]["Properties"]["Environment"]["Variables"]
        assert variables["LIVE_ENDPOINT"] == {"Fn::Sub": endpoint}
    code = Path(REPOSITORY / "crates/tables/src/access.rs").read_text()
    assert 'strip_prefix("token#")' in code
