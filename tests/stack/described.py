"""Compares responses with docs/openapi.json: every required member is present, and no undescribed one."""

import json
from typing import Any

from hookline_local.client import Response
from hookline_local.places import REPOSITORY
from jsonschema import Draft202012Validator

DESCRIBED = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())


def strict(schema: Any) -> Any:
    """The same schema, without undescribed members of objects."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(each) for name, each in schema.items()}
    if closed.get("type") == "object" and isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


COMPONENTS = strict(DESCRIBED["components"])


def checked(operation: str, answer: Response) -> Any:
    """JSON of a response; fails if it does not match the description of the operation."""
    (found,) = (
        each for methods in DESCRIBED["paths"].values() for each in methods.values() if each["operationId"] == operation
    )
    assert str(answer.status) in found["responses"], (operation, answer.status, answer.body)
    response = found["responses"][str(answer.status)]
    if "$ref" in response:
        response = DESCRIBED["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    schema = strict(response["content"]["application/json"]["schema"]) | {"components": COMPONENTS}
    value = answer.json()
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(value)
    ]
    assert not errors, (operation, errors)
    if answer.status < 400:
        assert answer.headers["cache-control"] == "no-store"
    return value
