"""Rules of bulk queries: https://shopify.dev/docs/api/usage/bulk-operations/queries#operation-restrictions."""

from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
)

from . import schema

MOST_CONNECTIONS = 5
DEEPEST = 2


@dataclass
class Found:
    """Findings of a walk through a bulk query."""

    connections: int = 0
    depth: int = 0
    without_id: list[str] = field(default_factory=list)
    top: list[str] = field(default_factory=list)


def fields_of(
    selection_set: SelectionSetNode | None, owner: GraphQLNamedType, fragments: dict[str, FragmentDefinitionNode]
) -> list[tuple[FieldNode, GraphQLNamedType]]:
    """The fields of a selection, fragments included, each with its parent type."""
    found = []
    for selection in selection_set.selections if selection_set else ():
        if isinstance(selection, FieldNode):
            found.append((selection, owner))
            continue
        fragment = fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
        condition = fragment.type_condition
        inner = schema.load().get_type(condition.name.value) if condition else owner
        found += fields_of(fragment.selection_set, inner, fragments)
    return found


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The named fragments of a document."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def problems(document: DocumentNode) -> list[str]:
    """Reasons why a valid document is not a bulk query."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        return ["Bulk queries must contain exactly one query operation."]
    if operations[0].variable_definitions:
        return ["Bulk queries cannot have variables."]
    fragments, found = fragments_of(document), Found()
    walk(operations[0].selection_set, schema.load().query_type, fragments, found, 0)
    messages = []
    if {"node", "nodes"} & set(found.top):
        messages.append("Bulk queries cannot be executed when using top level 'node(s)' field.")
    if not found.connections:
        messages.append("Bulk queries must contain at least one connection.")
    if found.connections > MOST_CONNECTIONS:
        messages.append(f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections.")
    # The outermost connection is not nested, so two levels of nesting are three connections.
    if found.depth - 1 > DEEPEST:
        messages.append(f"Bulk queries cannot contain connections with a nesting depth greater than {DEEPEST}.")
    if found.without_id:
        messages.append(
            "The parent 'node' field for a nested connection must select the 'id' field without an alias and must be "
            f"of 'ID' return type. Connection fields without 'id': {', '.join(found.without_id)}."
        )
    return messages


def walk(
    selection_set: SelectionSetNode | None,
    owner: GraphQLNamedType,
    fragments: dict[str, FragmentDefinitionNode],
    found: Found,
    depth: int,
) -> int:
    """Visits a selection; returns how many connections are right below it."""
    connections = 0
    for node, parent in fields_of(selection_set, owner, fragments):
        name = node.name.value
        if parent is schema.load().query_type:
            found.top.append(name)
        definition = getattr(parent, "fields", {}).get(name)
        if definition is None:
            continue
        kind = get_named_type(definition.type)
        if not kind.name.endswith("Connection"):
            connections += walk(node.selection_set, kind, fragments, found, depth)
            continue
        connections += 1
        found.connections += 1
        found.depth = max(found.depth, depth + 1)
        for inner, of in node_selections(node, kind, fragments):
            nested = walk(inner.selection_set, of, fragments, found, depth + 1)
            if nested and not has_id(inner.selection_set, of, fragments):
                found.without_id.append(name)
    return connections


def node_selections(
    connection: FieldNode, kind: GraphQLNamedType, fragments: dict[str, FragmentDefinitionNode]
) -> list[tuple[FieldNode, GraphQLNamedType]]:
    """The `edges { node }` and `nodes` of a connection, with the type of the nodes."""
    result = []
    for one, _ in fields_of(connection.selection_set, kind, fragments):
        if one.name.value == "nodes":
            result.append((one, get_named_type(kind.fields["nodes"].type)))
        elif one.name.value == "edges":
            edge = get_named_type(kind.fields["edges"].type)
            inner = fields_of(one.selection_set, edge, fragments)
            result += [
                (node, get_named_type(edge.fields["node"].type)) for node, _ in inner if node.name.value == "node"
            ]
    return result


def has_id(
    selection_set: SelectionSetNode, owner: GraphQLNamedType, fragments: dict[str, FragmentDefinitionNode]
) -> bool:
    """Returns whether `id` is selected, under its own name."""
    return any(one.name.value == "id" and not one.alias for one, _ in fields_of(selection_set, owner, fragments))
