"""docs/openapi.json describes exactly the existing routes. tests/stack compares responses with it."""

import json
import re
from typing import Any

import pytest
from hookline_local.places import REPOSITORY
from jsonschema import Draft202012Validator
from template_reading import Resources, operations

DESCRIBED = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
ROUTES = {
    f"{method.upper()} {path}": operation
    for path, methods in DESCRIBED["paths"].items()
    for method, operation in methods.items()
}


def test_every_route_is_described_and_nothing_else(resources: Resources) -> None:
    """Except pages, which are for browsers. Receivers, which are for Shopify, have an API of their own."""
    apis = {route for route in operations(resources) if " /api/" in route}
    assert set(ROUTES) == apis


def test_operations_that_need_a_token_say_so(resources: Resources) -> None:
    """The description's security is the template's."""
    for route, operation in ROUTES.items():
        described = operation.get("security", DESCRIBED["security"])
        assert bool(described) == bool(operations(resources)[route].get("security")), route
        assert (set(operation["responses"]) >= {"401", "403"}) == bool(described), route


@pytest.mark.parametrize("route", ROUTES)
def test_an_operation_is_described_completely(route: str) -> None:
    """It has a name, a line, and each parameter of its path."""
    operation = ROUTES[route]
    assert operation["operationId"]
    assert operation["summary"]
    declared = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
    assert declared == set(re.findall(r"\{(\w+)\}", route))


def test_every_schema_is_valid_and_every_reference_resolves() -> None:
    """JSON Schema 2020-12, as in OpenAPI 3.1; no schema is unused."""
    for name, schema in DESCRIBED["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("description") or schema["type"] == "object", name
    found = set(references(DESCRIBED))
    parts = {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in DESCRIBED["components"][kind]
    }
    assert found == parts


@pytest.mark.parametrize("route", [route for route, operation in ROUTES.items() if operation.get("security", True)])
def test_responses_of_api_gateway_itself_are_described(route: str) -> None:
    """Its errors differ from ours, and occur before any function runs."""
    both = {"401", "403", "503"} | ({"404"} if "404" in ROUTES[route]["responses"] else set())
    for status in both | {"429", "500"}:
        described = ROUTES[route]["responses"][status]
        name = described["$ref"].rpartition("/")[2]
        schema = DESCRIBED["components"]["responses"][name]["content"]["application/json"]["schema"]
        validator = Draft202012Validator(schema | {"components": DESCRIBED["components"]})
        assert validator.is_valid({"message": "Forbidden"}), status
        assert validator.is_valid({"error": "a sentence"}) == (status in both), status


def references(value: Any) -> list[str]:
    """Every `$ref` within."""
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [each for member in value.values() for each in references(member)]
    if isinstance(value, list):
        return [each for member in value for each in references(member)]
    return []
