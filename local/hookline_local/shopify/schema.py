"""Shopify's real Admin schema as graphql-core knows it, and whether a document fits it."""

import gzip
import json
import re
from functools import cache
from typing import Any

import shopify_schema
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_client_schema,
    parse,
    validate,
    visit,
)

API_VERSION = shopify_schema.API_VERSION


@cache
def load() -> GraphQLSchema:
    """The schema, whole. Takes 0.3 s, once."""
    file = shopify_schema.path()
    if not file.exists():
        raise SystemExit(f"{file} is missing; fetch it with: make schema")
    with gzip.open(file) as packed:
        return build_client_schema(json.load(packed)["data"], assume_valid=True)


def check(source: str) -> tuple[DocumentNode | None, list[dict[str, Any]]]:
    """The parsed document, or its errors as Shopify would report them."""
    try:
        document = parse(source)
    except GraphQLError as error:
        return None, [error.formatted]
    errors = [in_shopifys_words(error) for error in validate(load(), document)]
    return (None if errors else document), errors


def in_shopifys_words(error: GraphQLError) -> dict[str, Any]:
    """A validation error with Shopify's wording and code, where we know them."""
    formatted = dict(error.formatted)
    if match := re.match(r"Cannot query field '(\w+)' on type '(\w+)'", error.message):
        field, owner = match.groups()
        formatted["message"] = f"Field '{field}' doesn't exist on type '{owner}'"
        formatted["extensions"] = {"code": "undefinedField", "typeName": owner, "fieldName": field}
    elif match := re.match(r"Unknown argument '(\w+)' on field '(\w+)\.(\w+)'", error.message):
        argument, _, field = match.groups()
        formatted["message"] = f"Field '{field}' doesn't accept argument '{argument}'"
        formatted["extensions"] = {"code": "argumentNotAccepted", "name": field, "argumentName": argument}
    return formatted


class Deprecations(Visitor):
    """Collects the deprecated fields that a document selects."""

    def __init__(self, info: TypeInfo) -> None:
        """Over a type info that is visited along."""
        super().__init__()
        self.info = info
        self.found: list[str] = []

    def enter_field(self, node: Any, *_: Any) -> None:
        """Notes a field that the schema calls deprecated."""
        field, owner = self.info.get_field_def(), self.info.get_parent_type()
        if field and field.deprecation_reason and isinstance(owner, GraphQLObjectType):
            self.found.append(f"{owner.name}.{node.name.value}: {field.deprecation_reason}")


def deprecated_fields(document: DocumentNode) -> list[str]:
    """The deprecated fields that a valid document selects, with Shopify's advice."""
    info = TypeInfo(load())
    visitor = Deprecations(info)
    visit(document, TypeInfoVisitor(info, visitor))
    return visitor.found
