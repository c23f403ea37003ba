"""Adds after the deployment the parts of AWS that the emulator lacks.

The emulated API Gateway does not read the OpenAPI document that SAM writes for an HTTP API, so an API without
routes comes out. The routes, and the authorizer that some of them want, are made here, from that same document: no path
is written down twice.
"""

import re
from collections.abc import Mapping
from typing import Any

from .deploy import STACK, aws_client
from .ports import HOST, Ports
from .processes import REGION
from .translate import translated, whole

# Path of the receivers, without the topic.
RECEIVERS = "/api/webhooks/receive/shopify"


def apis() -> dict[str, dict[str, Any]]:
    """The OpenAPI document of each HTTP API in the translated template, by its logical id, with all optional routes."""
    return {
        name: whole(resource["Properties"]["Body"])
        for name, resource in translated()["Resources"].items()
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]
    }


def webhook_paths() -> list[str]:
    """Paths of all webhook routes."""
    return list(apis()["WebhooksApi"]["paths"])


def add_routes(ports: Ports) -> dict[str, str]:
    """Connects the deployed APIs' routes with their functions; returns each API's base URL, by its logical id."""
    physical = physical_ids(ports)
    for name, document in apis().items():
        connect(ports, physical, physical[name], document)
    return {name: f"http://{HOST}:{ports.aws}/_aws/execute-api/{physical[name]}/$default" for name in apis()}


def connect(ports: Ports, physical: Mapping[str, str], api_id: str, document: dict[str, Any]) -> None:
    """Makes the authorizers and the routes of one API."""
    gateway = aws_client("apigatewayv2", ports)
    lambdas = aws_client("lambda", ports)

    def function_arn(name: str) -> str:
        return lambdas.get_function(FunctionName=physical[name])["Configuration"]["FunctionArn"]

    authorizers = {}
    for name, scheme in document.get("components", {}).get("securitySchemes", {}).items():
        settings = scheme["x-amazon-apigateway-authorizer"]
        _, within = settings["authorizerUri"]["Fn::Sub"]
        made = gateway.create_authorizer(
            ApiId=api_id,
            Name=name,
            AuthorizerType=settings["type"].upper(),
            AuthorizerUri=invocations(function_arn(within["__FunctionArn__"]["Fn::GetAtt"][0])),
            AuthorizerPayloadFormatVersion=settings["authorizerPayloadFormatVersion"],
            AuthorizerResultTtlInSeconds=settings["authorizerResultTtlInSeconds"],
            EnableSimpleResponses=settings["enableSimpleResponses"],
            IdentitySource=settings["identitySource"],
        )
        authorizers[name] = {"AuthorizationType": "CUSTOM", "AuthorizerId": made["AuthorizerId"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if function_of(operation) not in physical:
                # The stack's parameters leave it out.
                continue
            integration = gateway.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationUri=function_arn(function_of(operation)),
                PayloadFormatVersion=operation["x-amazon-apigateway-integration"]["payloadFormatVersion"],
            )
            target = f"integrations/{integration['IntegrationId']}"
            # At most one, because API Gateway allows no more per route.
            (authorizer,) = [authorizers[name] for schemes in operation.get("security", ()) for name in schemes] or [{}]
            gateway.create_route(ApiId=api_id, RouteKey=f"{method.upper()} {path}", Target=target, **authorizer)


def live_url(ports: Ports) -> str:
    """The WebSocket API's address for browsers."""
    return f"ws://{HOST}:{ports.aws}/_aws/execute-api/{physical_ids(ports)['LiveApi']}/live"


def set_variables(ports: Ports, addresses: Mapping[str, str]) -> None:
    """Sets these variables in every function that has them.

    On AWS they follow from the APIs' ids. The emulator addresses an API differently.
    """
    lambdas = aws_client("lambda", ports)
    for function in lambdas.list_functions()["Functions"]:
        variables = function.get("Environment", {}).get("Variables", {})
        changed = {name: address for name, address in addresses.items() if name in variables}
        if changed:
            lambdas.update_function_configuration(
                FunctionName=function["FunctionName"], Environment={"Variables": variables | changed}
            )


def repair_numbers(ports: Ports) -> None:
    """Sets the event source's concurrency again: the emulator stores a parameter's value as text and fails on it."""
    lambdas = aws_client("lambda", ports)
    for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
        if "MaximumConcurrency" not in mapping.get("ScalingConfig", {}):
            continue
        concurrency = int(mapping["ScalingConfig"]["MaximumConcurrency"])
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": concurrency})


def physical_ids(ports: Ports) -> dict[str, str]:
    """Physical id of each resource, by its logical id."""
    described = aws_client("cloudformation", ports).describe_stack_resources(StackName=STACK)
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in described["StackResources"]}


def invocations(arn: str) -> str:
    """URI by which an authorizer invokes a function."""
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"


def function_of(operation: dict) -> str:
    """The logical id of the function behind an operation of the OpenAPI document."""
    uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    return re.search(r"\$\{(\w+)\.Arn\}", uri)[1]
