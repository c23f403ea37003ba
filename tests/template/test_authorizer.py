"""Every route needs a token, except for public ones."""

import pytest
from template_reading import RECEIVERS, Resources, http_api, http_apis, of_type, operations, webhooks

# The description of the API holds no secret; the panel's own files are public.
OPEN = {"GET /api/openapi.json"}


def test_every_api_route_needs_the_authorizer_and_no_webhook_does(resources: Resources) -> None:
    """Every route below /api, because a forgotten one would be public."""
    apis = {route: each for route, each in operations(resources).items() if " /api/" in route}
    for route, operation in apis.items():
        expected = [] if route in OPEN else [{"Access": []}]
        assert operation.get("security", []) == expected, route
    closed = set(apis) - OPEN
    assert {"GET /api/stores/{store}/status", "GET /api/stores/{store}/search", "POST /api/live/tickets"} <= closed
    assert len(webhooks(resources)) == len(RECEIVERS)
    assert not any(operation.get("security") for operation in webhooks(resources).values())


def test_authorizer_decisions_are_not_cached(resources: Resources) -> None:
    """A revoked token is refused from the next request on."""
    ((name, scheme),) = http_api(resources)["components"]["securitySchemes"].items()
    settings = scheme["x-amazon-apigateway-authorizer"]
    assert name == "Access"
    assert settings["authorizerResultTtlInSeconds"] == 0
    assert settings["identitySource"] == ["$request.header.Authorization"]
    assert (settings["authorizerPayloadFormatVersion"], settings["enableSimpleResponses"]) == ("2.0", True)
    _, within = settings["authorizerUri"]["Fn::Sub"]
    assert within["__FunctionArn__"]["Fn::GetAtt"] == ["AuthorizerFunction", "Arn"]


def test_the_api_may_call_its_authorizer(resources: Resources) -> None:
    """Otherwise every request is answered 500."""
    permissions = [each["Properties"] for each in of_type(resources, "AWS::Lambda::Permission").values()]
    (allowed,) = [
        each
        for each in permissions
        if each["FunctionName"] == {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}
        and each["SourceArn"]["Fn::Sub"][1] == {"__ApiId__": {"Ref": "HttpApi"}}
    ]
    assert allowed["Principal"] == "apigateway.amazonaws.com"
    assert allowed["SourceArn"]["Fn::Sub"][0].endswith("/authorizers/*")


def test_no_other_origin_may_read_the_api(resources: Resources) -> None:
    """A token in a header, unlike a cookie, needs no protection from other pages; nor do they need to read."""
    assert not any("x-amazon-apigateway-cors" in document for document in http_apis(resources).values())


def test_access_changes_reach_open_pages(resources: Resources) -> None:
    """The table's stream has old and new images."""
    stream = resources["AccessTable"]["Properties"]["StreamSpecification"]
    assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.mark.parametrize("name", ["SHOPIFY_CLIENT_ID", "SHOPIFY_CLIENT_SECRETS_ARN", "ACCESS_TABLE"])
def test_the_authorizer_has_the_variables_it_needs(resources: Resources, name: str) -> None:
    """For the same app as the receivers."""
    variables = resources["AuthorizerFunction"]["Properties"]["Environment"]["Variables"]
    expected = {
        "SHOPIFY_CLIENT_ID": "ShopifyClientId",
        "SHOPIFY_CLIENT_SECRETS_ARN": "ShopifyClientSecretsArn",
        "ACCESS_TABLE": "AccessTable",
    }
    assert variables[name] == {"Ref": expected[name]}
