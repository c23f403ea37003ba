"""Cost of a query, and the leaky bucket that pays for it.

The figures are those of "Rate Limiting GraphQL APIs by Calculating Query Complexity" (Shopify Engineering,
https://shopify.engineering/rate-limiting-graphql-apis-calculating-query-complexity): an object 1, a scalar 0,
a mutation 10, a connection 2 and its nodes times the page size. Shopify's present formula charges large pages less
(https://community.shopify.dev/t/23101 saw 25 points where this one asks 503), so what fits here fits there.
Limits: https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits.
"""

import time
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    value_from_ast_untyped,
)

MOST_PER_QUERY = 1000
MUTATION = 10
CONNECTION = 2


class Bucket:
    """Points of one shop: a maximum, refilled at a rate per second."""

    def __init__(self, maximum: float = 2000, rate: float = 100) -> None:
        """Full."""
        self.maximum, self.rate = maximum, rate
        self.points = maximum
        self.filled_at = time.monotonic()

    def refill(self) -> None:
        """Adds the points restored since the last call."""
        at = time.monotonic()
        self.points = min(self.maximum, self.points + (at - self.filled_at) * self.rate)
        self.filled_at = at

    def take(self, points: float) -> bool:
        """Takes points if the bucket holds enough."""
        self.refill()
        if points > self.points:
            return False
        self.points -= points
        return True

    def refund(self, points: float) -> None:
        """Returns points that a query was charged but did not use."""
        self.points = min(self.maximum, self.points + points)

    def status(self) -> dict[str, float]:
        """Fields of `throttleStatus`."""
        self.refill()
        return {
            "maximumAvailable": float(self.maximum),
            "currentlyAvailable": int(self.points),
            "restoreRate": float(self.rate),
        }


class Estimate:
    """The requested cost of one operation."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> None:
        """For a validated document."""
        self.schema, self.variables = schema, variables
        self.fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }

    def operation(self, operation: OperationDefinitionNode) -> int:
        """The whole."""
        return self.selections(operation.selection_set, self.schema.get_root_type(operation.operation))

    def selections(self, selection_set: SelectionSetNode | None, owner: GraphQLNamedType) -> int:
        """All fields below one object."""
        total = 0
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                total += self.field(selection, owner)
            else:
                fragment = selection
                if isinstance(selection, FragmentSpreadNode):
                    fragment = self.fragments[selection.name.value]
                condition = fragment.type_condition
                inner = self.schema.get_type(condition.name.value) if condition else owner
                total += self.selections(fragment.selection_set, inner)
        return total

    def field(self, node: FieldNode, owner: GraphQLNamedType) -> int:
        """One field with everything below it."""
        definition = getattr(owner, "fields", {}).get(node.name.value)
        if definition is None or is_leaf_type(get_named_type(definition.type)):
            return 0
        kind = get_named_type(definition.type)
        below = self.selections(node.selection_set, kind)
        if owner is self.schema.mutation_type:
            return MUTATION + below
        if kind.name.endswith("Connection"):
            return CONNECTION + self.size(node) * below
        if kind.name == "PageInfo" or kind.name.endswith("Edge"):
            return below
        if owner.name.endswith(("Connection", "Edge")) or not is_composite_type(kind):
            return 1 + below
        ids = self.argument(node, "ids")
        return (len(ids) if isinstance(ids, list) else 1) * (1 + below)

    def size(self, node: FieldNode) -> int:
        """The page size of a connection."""
        for name in ("first", "last"):
            requested = self.argument(node, name)
            if isinstance(requested, int):
                return requested
        return 1

    def argument(self, node: FieldNode, name: str) -> Any:
        """The value of an argument, with variables put in."""
        for argument in node.arguments:
            if argument.name.value == name:
                return value_from_ast_untyped(argument.value, self.variables)
        return None
