"""Ports are bundled by types (docs/adr/0027-ports-are-bundled-by-types.md): no struct has many type parameters."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# Type parameters of a struct or an enum, without lifetimes and constants.
LIMIT = 3


def type_parameters(code: str) -> Iterator[tuple[str, int]]:
    """Names of structs and enums, with the number of their type parameters."""
    code = re.sub(r"//.*", "", code).replace("->", "")
    for match in re.finditer(r"\b(?:struct|enum) (\w+)<", code):
        depth, names = 1, [""]
        for character in code[match.end() :]:
            depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(character, 0)
            if depth == 0:
                break
            if character == "," and depth == 1:
                names.append("")
            else:
                names[-1] += character
        given = [name.strip() for name in names]
        yield match[1], sum(bool(name) and not name.startswith(("'", "const ")) for name in given)


def test_no_struct_has_more_than_three_type_parameters() -> None:
    """More are a bundle: a trait with one associated type per port."""
    paths = [path for folder in ("crates", "functions") for path in (REPOSITORY / folder).rglob("*.rs")]
    assert paths
    for path in paths:
        for name, number in type_parameters(path.read_text()):
            assert number <= LIMIT, (
                f"{path.relative_to(REPOSITORY)}: {name} has {number} type parameters: bundle its ports"
            )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pub struct Reindex<P: ConsumerPorts> {", [("Reindex", 1)]),
        ("struct Walk<'a, D, R: Fn(A, B) -> C,> {", [("Walk", 2)]),
        ("enum Kept<const N: usize, T = Vec<(u8, u8)>> {", [("Kept", 1)]),
        ("// struct Old<A, B, C, D>\nstruct Plain;", []),
        ("struct Old<\n    A,\n    B,\n    C,\n    D,\n>(A, B, C, D);", [("Old", 4)]),
    ],
)
def test_type_parameters_are_counted(code: str, expected: list[tuple[str, int]]) -> None:
    """Without lifetimes, constants and what is in nested lists."""
    assert list(type_parameters(code)) == expected
