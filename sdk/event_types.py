"""Writes the types of events of the TypeScript and the Python package, from docs/events/schemas.

    python3 sdk/event_types.py            # writes both files
    python3 sdk/event_types.py --check    # ends with 1 if one of them is not what would be written

The schemas are those that `crates/events` derives from its Rust types: objects with `$defs`, `$ref`, `const`, `enum`,
`anyOf`, arrays and simple types. Anything else ends with an error. Runs on the plain Python of the machine.
"""

import json
import keyword
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SDK = Path(__file__).resolve().parent
SCHEMAS = SDK.parent / "docs" / "events" / "schemas"
TYPESCRIPT = SDK / "typescript" / "src" / "events.ts"
PYTHON = SDK / "python" / "src" / "hookline_webhooks" / "events.py"

NOTE = "Written by sdk/event_types.py from docs/events/schemas. Do not edit."
ABOUT = "Types of events, version 1."
WIDTH = 118
# The schema of the operator's own types, all of which begin with `custom.`.
CUSTOM = "custom"
# Members of an event that only those about people may have.
OPTIONAL = {"personal", "meta"}

Schema = dict[str, Any]
TypeOf = Callable[[Schema], str]


@dataclass(frozen=True)
class Catalogue:
    """Content of all schemas."""

    version: int
    events: dict[str, Schema]
    """Root schema of each type."""
    definitions: dict[str, Schema]
    """All `$defs`, by name."""

    def base(self) -> Iterator[tuple[str, Schema]]:
        """Members that are the same for all events that have them."""
        members: dict[str, Schema] = {}
        for schema in self.events.values():
            for name, member in schema["properties"].items():
                members.setdefault(name, member)
        return ((name, member) for name, member in members.items() if name not in {"type", "data"})

    def data(self, kind: str) -> str:
        """Name of the type of an event's data."""
        return reference(self.events[kind]["properties"]["data"])


def read(folder: Path) -> Catalogue:
    """Reads all schemas of a folder, each named after its type."""
    events = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    if not events:
        sys.exit(f"no schemas in {folder}")
    definitions: dict[str, Schema] = {}
    for kind, schema in events.items():
        for name, definition in schema.get("$defs", {}).items():
            if definitions.setdefault(name, definition) != definition:
                sys.exit(f"{kind}.json defines {name} otherwise than the schemas before it")
        if set(schema["required"]) != set(schema["properties"]) - OPTIONAL:
            sys.exit(f"{kind}.json has an optional member of the event itself that this script does not know")
    versions = {schema["properties"]["version"]["const"] for schema in events.values()}
    if len(versions) != 1:
        sys.exit(f"schemas of several versions: {sorted(versions)}")
    # Both languages know the types one by one.
    definitions.pop("EventType", None)
    return Catalogue(versions.pop(), events, dict(sorted(definitions.items())))


def reference(schema: Schema) -> str:
    """Name of the definition that a schema refers to."""
    return schema["$ref"].removeprefix("#/$defs/")


# TypeScript.


def typescript_type(schema: Schema) -> str:
    """Type of a value."""
    if "$ref" in schema:
        return reference(schema)
    if "const" in schema:
        return literal(schema["const"])
    if "enum" in schema:
        return " | ".join(map(literal, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(map(typescript_type, schema["anyOf"]))
    match schema.get("type"):
        case [*several]:
            return " | ".join(typescript_type(schema | {"type": each}) for each in several)
        case "array":
            item = typescript_type(schema["items"])
            return f"({item})[]" if " " in item else f"{item}[]"
        case "integer" | "number":
            return "number"
        case "string" | "boolean" | "null" as simple:
            return simple
        case "object" if "properties" not in schema:
            return "{ [name: string]: unknown }"
    sys.exit(f"no type for {json.dumps(schema)}")


def literal(value: object) -> str:
    """A number, or a string in single quotes."""
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or "'" in value or "\\" in value:
        sys.exit(f"no literal for {value!r}")
    return f"'{value}'"


def typescript_doc(schema: Schema, indent: str = "") -> Iterator[str]:
    """A doc comment."""
    lines = wrapped(schema.get("description", ""), WIDTH - len(indent) - 7)
    if len(lines) == 1:
        yield f"{indent}/** {lines[0]} */"
    elif lines:
        yield f"{indent}/**"
        yield from (f"{indent} * {line}".rstrip() for line in lines)
        yield f"{indent} */"


def typescript_members(schema: Schema, members: Iterator[tuple[str, Schema]]) -> Iterator[str]:
    """Members of an interface."""
    required = schema.get("required", [])
    for name, member in members:
        yield from typescript_doc(member, "  ")
        yield f"  {name}{'' if name in required else '?'}: {typescript_type(member)};"


def typescript(catalogue: Catalogue) -> str:
    """Content of the TypeScript file."""
    lines = [f"/** {ABOUT} */", f"// {NOTE}", ""]
    for name, schema in catalogue.definitions.items():
        lines += typescript_doc(schema)
        if "properties" in schema:
            members = typescript_members(schema, iter(schema["properties"].items()))
            lines += [f"export interface {name} {{", *members, "}", ""]
        else:
            lines += [f"export type {name} = {typescript_type(schema)};", ""]
    known = [kind for kind in catalogue.events if kind != CUSTOM]
    lines += ["/** Data of the events of each type. */", "export interface DataByType {"]
    for kind, schema in catalogue.events.items():
        name = "[custom: `custom.${string}`]" if kind == CUSTOM else literal(kind)
        lines += [*typescript_doc(schema, "  "), f"  {name}: {catalogue.data(kind)};"]
    root = next(iter(catalogue.events.values()))
    lines += [
        "}",
        "",
        "/** Type of an event. */",
        "export type EventType = keyof DataByType;",
        "",
        "/** An event of one type, or of one of several, told apart by `type`. */",
        "export type Event<T extends EventType = EventType> = T extends EventType",
        "  ? EventBase & { type: T; data: DataByType[T] }",
        "  : never;",
        "",
        "/** Members that events of every type have. */",
        "export interface EventBase {",
        *typescript_members(root, catalogue.base()),
        "}",
        "",
        "/** Version of the schemas. Later ones are skipped. */",
        f"export const VERSION = {catalogue.version};",
        "",
        "/** Every type except the operator's own. */",
        "export const EVENT_TYPES = [",
        *(f"  {literal(kind)}," for kind in known),
        "] as const satisfies readonly EventType[];",
    ]
    return "\n".join(lines) + "\n"


# Python.


def python_type(schema: Schema) -> str:
    """Type of a value."""
    if "$ref" in schema:
        return reference(schema)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    if "anyOf" in schema:
        return " | ".join(map(python_type, schema["anyOf"]))
    match schema.get("type"):
        case [*several]:
            return " | ".join(python_type(schema | {"type": each}) for each in several)
        case "array":
            return f"list[{python_type(schema['items'])}]"
        case "object" if "properties" not in schema:
            return "dict[str, Any]"
        case str(simple):
            return {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None"}[simple]
    sys.exit(f"no type for {json.dumps(schema)}")


def python_doc(schema: Schema, indent: str = "    ") -> Iterator[str]:
    """A docstring."""
    first, *rest = wrapped(schema.get("description", ""), WIDTH - len(indent) - 6) or ["."]
    raw = "r" if "\\" in first + "".join(rest) else ""
    if not rest:
        yield f'{indent}{raw}"""{first}"""'
        return
    yield f'{indent}{raw}"""{first}'
    yield from (f"{indent}{line}".rstrip() for line in rest)
    yield f'{indent}"""'


def python_members(schema: Schema, members: Iterator[tuple[str, Schema]]) -> Iterator[str]:
    """Members of a dictionary."""
    required = schema.get("required", [])
    for name, member in members:
        type_ = python_type(member)
        yield f"    {name}: {type_ if name in required else f'NotRequired[{type_}]'}"
        yield from python_doc(member)


def python_form(name: str, schema: Schema) -> Iterator[str]:
    """A dictionary that cannot be a class, because a member is a word of the language."""
    yield f"{name} = TypedDict("
    yield f'    "{name}",'
    yield "    {"
    for member, type_ in schema["properties"].items():
        if member not in schema["required"]:
            sys.exit(f"{name}.{member} is optional, and another member is a word of Python")
        yield f'        "{member}": "{python_type(type_)}",'
    yield "    },"
    yield ")"


def python_class(kind: str) -> str:
    """Name of the class of a type: `InventoryUpdatedEvent`."""
    return "".join(word.capitalize() for word in kind.replace(".", "_").split("_")) + "Event"


def python(catalogue: Catalogue) -> str:
    """Content of the Python file."""
    lines = [
        f'"""{ABOUT} {NOTE}"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import TYPE_CHECKING, Any, Literal, TypedDict",
        "",
        "if TYPE_CHECKING:",
        "    # Every type checker knows it without an installation; `typing` has it since Python 3.11.",
        "    from typing_extensions import NotRequired",
    ]
    aliases = []
    for name, schema in catalogue.definitions.items():
        if any(keyword.iskeyword(member) for member in schema.get("properties", {})):
            lines += ["", "", *python_form(name, schema), *python_doc(schema, "")]
        elif "properties" in schema:
            members = python_members(schema, iter(schema["properties"].items()))
            lines += ["", "", f"class {name}(TypedDict):", *python_doc(schema), "", *members]
        else:
            aliases += ["", f"{name} = {python_type(schema)}", *python_doc(schema, "")]
    # Evaluated when the module is loaded, so they follow what they name.
    lines += ["", *aliases] if aliases else []
    root = next(iter(catalogue.events.values()))
    lines += ["", "", "class EventBase(TypedDict):", '    """Members that events of every type have."""', ""]
    lines += python_members(root, catalogue.base())
    for kind, schema in catalogue.events.items():
        type_ = "str" if kind == CUSTOM else f'Literal["{kind}"]'
        lines += ["", "", f"class {python_class(kind)}(EventBase):", *python_doc(schema), ""]
        lines += [f"    type: {type_}", f"    data: {catalogue.data(kind)}"]
    names = [python_class(kind) for kind in catalogue.events]
    lines += ["", "", "Event = (", f"    {names[0]}", *(f"    | {name}" for name in names[1:])]
    lines += [")", '"""An event of any type."""', ""]
    lines += [f"VERSION = {catalogue.version}", '"""Version of the schemas. Later ones are skipped."""', ""]
    lines += ["EVENT_TYPES = ("]
    lines += [f'    "{kind}",' for kind in catalogue.events if kind != CUSTOM]
    lines += [")", '"""Every type except the operator\'s own."""', ""]
    return "\n".join(lines)


# Both.


def wrapped(text: str, width: int) -> list[str]:
    """Lines of a description; its paragraphs and list items begin on lines of their own."""
    lines: list[str] = []
    for line in text.replace("*/", "* /").splitlines():
        lines += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    return lines


def main(arguments: list[str]) -> int:
    """Command line: nothing, or `--check`."""
    if arguments not in ([], ["--check"]):
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    catalogue = read(SCHEMAS)
    stale = False
    for file, content in [(TYPESCRIPT, typescript(catalogue)), (PYTHON, python(catalogue))]:
        if not arguments:
            file.write_text(content)
        elif file.read_text() != content:
            stale = True
            name = file.relative_to(SDK.parent)
            print(f"✗ {name} does not match docs/events/schemas: run `python3 sdk/event_types.py`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
