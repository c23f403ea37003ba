"""Turns a bulk query into the lines of its result: one JSON object per node, children with `__parentId`.

The query is compiled once into plain functions, so that a hundred thousand products take seconds.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLNamedType,
    OperationDefinitionNode,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

from . import schema
from .bulk_rules import fields_of, fragments_of, node_selections
from .execute import MISSING, Context, default
from .nodes import FIELDS, Node
from .paging import Listing
from .roots import QUERIES

if TYPE_CHECKING:
    from .shops import Shop

# Ungrouped, children follow their parents, but not directly: this many parents come first.
UNGROUPED = 50

# Level of the result, id of the node, and the line.
Row = tuple[int, dict[str, Any]]


@dataclass
class Plan:
    """Output of nodes of one type: plain fields in the line, connections as lines of their own."""

    fields: list[tuple[str, Callable[[Any], Any]]] = field(default_factory=list)
    connections: list[tuple[Callable[[Any], Any], "Shape"]] = field(default_factory=list)

    def line(self, node: Any) -> dict[str, Any]:
        """The line of a node."""
        return {name: read(node) for name, read in self.fields}


class Shape:
    """Selection on a node whose type may only be known at run time."""

    def __init__(self, compiler: "Compiler", selections: list[tuple[FieldNode, GraphQLNamedType]]) -> None:
        """`selections`: selection sets, each with its parent type."""
        self.compiler, self.selections = compiler, selections
        self.plans: dict[str, Plan] = {}

    def plan(self, node: Any, declared: str) -> Plan:
        """Output plan for a node of a concrete type."""
        name = node.typename if isinstance(node, Node) else declared
        if name not in self.plans:
            self.plans[name] = self.compiler.plan(self.selections, name)
        return self.plans[name]


class Compiler:
    """Makes plans of selections, with the fragments of one document."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        """With the named fragments."""
        self.fragments = fragments

    def plan(self, selections: list[tuple[FieldNode, GraphQLNamedType]], typename: str) -> Plan:
        """Output plan for a node of a concrete type, with the selections that apply to it."""
        plan, concrete = Plan(), schema.load().get_type(typename)
        for selected, declared in selections:
            for node, owner in fields_of(selected.selection_set, declared, self.fragments):
                if fits(concrete, owner):
                    self.add(plan, node, concrete)
        return plan

    def add(self, plan: Plan, node: FieldNode, owner: GraphQLNamedType) -> None:
        """Adds one field to a plan."""
        name, key = node.name.value, (node.alias or node.name).value
        if name == "__typename":
            plan.fields.append((key, lambda _: owner.name))
            return
        definition = owner.fields[name]
        read = reader(owner.name, name, get_argument_values(definition, node), definition.type)
        kind = get_named_type(definition.type)
        if kind.name.endswith("Connection"):
            plan.connections.append((read, Shape(self, node_selections(node, kind, self.fragments))))
        elif is_leaf_type(kind):
            plan.fields.append((key, read))
        else:
            shape = Shape(self, [(node, kind)])
            plan.fields.append((key, self.inline(read, shape, kind)))
            # A connection below a plain object belongs to the node of the line.
            if not is_abstract_type(kind):
                for inner, below in shape.plan(None, kind.name).connections:
                    plan.connections.append((through(read, inner), below))

    def inline(self, read: Callable[[Any], Any], shape: Shape, kind: GraphQLNamedType) -> Callable[[Any], Any]:
        """An object or a list of them within the line."""

        def write(value: Any) -> Any:
            if value is None:
                return None
            if isinstance(value, list):
                return [write(one) for one in value]
            return shape.plan(value, kind.name).line(value)

        return lambda node: write(read(node))


def fits(concrete: GraphQLNamedType, owner: GraphQLNamedType) -> bool:
    """Returns whether a selection on one type applies to the concrete type."""
    return owner is concrete or (is_abstract_type(owner) and schema.load().is_sub_type(owner, concrete))


def reader(owner: str, name: str, arguments: dict[str, Any], kind: Any) -> Callable[[Any], Any]:
    """Function that reads a field of a node."""
    known = FIELDS.get(owner, {}).get(name)
    plain = default(kind)

    def read(node: Any) -> Any:
        value = None
        if not isinstance(node, Node):
            value = node.get(name)
        elif known:
            value = known(node, arguments)
        return plain if value is None else value

    return read


def through(outer: Callable[[Any], Any], inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A field of a field."""

    def read(node: Any) -> Any:
        between = outer(node)
        return inner(between) if between is not None else MISSING

    return read


def rows(shop: "Shop", document: DocumentNode, grouped: bool) -> Iterator[Row]:
    """Every line of the result with its level (0 for the outermost), read from the catalog at that time."""
    fragments = fragments_of(document)
    compiler, context = Compiler(fragments), Context(shop)
    operation = next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    query = schema.load().query_type
    for node, _ in fields_of(operation.selection_set, query, fragments):
        definition = query.fields[node.name.value]
        kind = get_named_type(definition.type)
        if not kind.name.endswith("Connection") or node.name.value not in QUERIES:
            continue
        listing = QUERIES[node.name.value](context, get_argument_values(definition, node))
        shape = Shape(compiler, node_selections(node, kind, fragments))
        yield from deep(listing, shape, None, 0) if grouped else wide(listing, shape)


def nodes_of(listing: Any) -> Iterator[Node]:
    """The nodes of a connection that still exist; none for a node that the catalog does not have."""
    if isinstance(listing, Listing):
        for key in list(listing.keys):
            if (node := listing.make(key)) is not None:
                yield node


def deep(listing: Any, shape: Shape, parent: str | None, level: int) -> Iterator[Row]:
    """Each node, then right below it everything it has."""
    for node in nodes_of(listing):
        plan = shape.plan(node, node.typename)
        line = plan.line(node)
        if parent:
            line["__parentId"] = parent
        yield level, line
        for read, below in plan.connections:
            yield from deep(read(node), below, line["id"], level + 1)


def wide(listing: Any, shape: Shape) -> Iterator[Row]:
    """Some nodes, then all that they have, a level at a time."""
    waiting: list[tuple[str | None, Node, Shape]] = []
    for node in nodes_of(listing):
        waiting.append((None, node, shape))
        if len(waiting) == UNGROUPED:
            yield from by_level(waiting)
            waiting = []
    yield from by_level(waiting)


def by_level(waiting: list[tuple[str | None, Node, Shape]]) -> Iterator[Row]:
    """Nodes of one level, then those of the next."""
    level = 0
    while waiting:
        following = []
        for parent, node, shape in waiting:
            plan = shape.plan(node, node.typename)
            line = plan.line(node)
            if parent:
                line["__parentId"] = parent
            yield level, line
            for read, below in plan.connections:
                following += [(line["id"], child, below) for child in nodes_of(read(node))]
        waiting, level = following, level + 1


ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(line: dict[str, Any], shop: "Shop") -> bytes:
    """A line of the file, with the oddities that control has set, and the lines that follow it."""
    odd = shop.odd.get(line["id"])
    if odd is None:
        return ENCODER.encode(line).encode() + b"\n"
    # Half a surrogate pair is written as the original escape.
    record = json.dumps(odd.record(line, "bulk"), separators=(",", ":"))
    return "".join(f"{one}\n" for one in (record, *odd.lines)).encode()
