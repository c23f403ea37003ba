"""Runs one GraphQL request against a shop: validation, cost, throttling, answer."""

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLResolveInfo,
    GraphQLType,
    execute_sync,
    get_named_type,
    get_operation_ast,
    is_abstract_type,
    is_enum_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_scalar_type,
)

from . import cost, schema
from .nodes import FIELDS, Node
from .paging import Listing, cursor, page
from .roots import MUTATIONS, QUERIES

if TYPE_CHECKING:
    from .shops import Shop

EMPTY_PAGE = {"nodes": [], "edges": [], "pageInfo": {"hasNextPage": False, "hasPreviousPage": False}}
SCALARS = {"Int": 0, "Float": 0.0, "Boolean": False, "UnsignedInt64": "0", "DateTime": "1970-01-01T00:00:00Z"}
SCALARS |= {"Money": "0.0", "Decimal": "0.0", "JSON": {}}
MISSING = object()


@dataclass
class Context:
    """One request: the shop, its cost so far, and warnings about searches."""

    shop: "Shop"
    spent: int = 0
    warnings: list[dict[str, Any]] = field(default_factory=list)


def answer(shop: "Shop", body: dict[str, Any]) -> dict[str, Any]:
    """Shopify's response to a request, with HTTP status 200."""
    source = body.get("query")
    if not isinstance(source, str):
        return {"errors": [{"message": "query is missing"}]}
    document, errors = schema.check(source)
    if document is None:
        return {"errors": errors}
    operation = get_operation_ast(document, body.get("operationName"))
    if operation is None:
        return {"errors": [{"message": "An operation name is required"}]}
    shop.counts[operation.name.value if operation.name else "anonymous"] += 1
    variables = body.get("variables") or {}
    requested = cost.Estimate(schema.load(), document, variables).operation(operation)
    if requested > cost.MOST_PER_QUERY:
        return max_cost_exceeded(shop, requested)
    if not shop.bucket.take(requested):
        shop.counts["throttled"] += 1
        extensions = {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"}
        throttled = [{"message": "Throttled", "extensions": extensions}]
        return {"errors": throttled, "extensions": {"cost": charged(shop, requested, None)}}
    context = Context(shop)
    result = execute_sync(
        schema.load(),
        document,
        context_value=context,
        variable_values=variables,
        operation_name=body.get("operationName"),
        field_resolver=resolve,
        type_resolver=type_of,
    )
    actual = min(requested, context.spent)
    shop.bucket.refund(requested - actual)
    response: dict[str, Any] = {"data": oddly(shop, result.data) if shop.odd else result.data}
    if result.errors:
        response["errors"] = [error.formatted for error in result.errors]
    response["extensions"] = {"cost": charged(shop, requested, actual)}
    if context.warnings:
        response["extensions"]["search"] = context.warnings
    return response


def oddly(shop: "Shop", value: Any) -> Any:
    """A response with the oddities that control has set for its records."""
    if isinstance(value, list):
        return [oddly(shop, one) for one in value]
    if not isinstance(value, dict):
        return value
    record = {name: oddly(shop, one) for name, one in value.items()}
    odd = shop.odd.get(record.get("id"))
    return odd.record(record, "graphql") if odd else record


def type_of(value: Any, *_: Any) -> str:
    """Concrete type of a node whose declared type is abstract."""
    return value.typename if isinstance(value, Node) else value["__typename"]


def charged(shop: "Shop", requested: int, actual: int | None) -> dict[str, Any]:
    """Fields of `extensions.cost`."""
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": shop.bucket.status(),
    }


def max_cost_exceeded(shop: "Shop", requested: int) -> dict[str, Any]:
    """A single query may not cost more than the limit, however full the bucket is."""
    shop.counts["max_cost_exceeded"] += 1
    limit = cost.MOST_PER_QUERY
    message = f"Query cost is {requested}, which exceeds the single query max cost limit ({limit})."
    extensions = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": limit}
    return {"errors": [{"message": message, "extensions": extensions}]}


def resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """Answers a field of anything."""
    context, owner = info.context, info.parent_type
    if owner is info.schema.query_type or owner is info.schema.mutation_type:
        root = (QUERIES if owner is info.schema.query_type else MUTATIONS).get(info.field_name)
        value = root(context, arguments) if root else MISSING
    elif isinstance(source, Node):
        known = FIELDS.get(source.typename, {}).get(info.field_name)
        value = known(source, arguments) if known else MISSING
    else:
        value = source.get(info.field_name, MISSING)
    if isinstance(value, Listing):
        value = as_connection(value, info.field_name, arguments)
    if value is MISSING or (value is None and is_non_null_type(info.return_type)):
        value = default(info.return_type)
    spend(context, info, value)
    return value


def as_connection(listing: Listing, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A page of a connection."""
    found = page(listing, name, arguments)
    cursors = [cursor(key) for key in found.keys]
    return {
        "nodes": found.nodes,
        "edges": [{"cursor": at, "node": node} for at, node in zip(cursors, found.nodes, strict=True)],
        "pageInfo": {
            "hasNextPage": found.more_after,
            "hasPreviousPage": found.more_before,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def spend(context: Context, info: GraphQLResolveInfo, value: Any) -> None:
    """Counts the objects that were really answered, as `cost` prices them."""
    kind = get_named_type(info.return_type).name
    if info.parent_type is info.schema.mutation_type:
        context.spent += cost.MUTATION
    elif kind.endswith("Connection"):
        context.spent += cost.CONNECTION + len(value["nodes"])
    elif info.parent_type.name.endswith(("Connection", "Edge")) or kind == "PageInfo":
        return
    elif isinstance(value, Node | dict):
        context.spent += 1
    elif isinstance(value, list):
        context.spent += sum(isinstance(one, Node | dict) for one in value)


def default(kind: GraphQLType) -> Any:
    """The default value of a type: null if it is nullable."""
    return plainest(kind.of_type) if is_non_null_type(kind) else None


@cache
def plainest(kind: GraphQLType) -> Any:
    """A value of a type that forbids null."""
    if is_list_type(kind):
        return []
    if is_scalar_type(kind):
        return SCALARS.get(kind.name, "")
    if is_enum_type(kind):
        return next(iter(kind.values))
    if is_abstract_type(kind):
        return {"__typename": schema.load().get_possible_types(kind)[0].name}
    return EMPTY_PAGE if is_object_type(kind) and kind.name.endswith("Connection") else {}
