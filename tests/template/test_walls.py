"""Walls of the code: which wing of `domain` may use which, and which crate may depend on which."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOMAIN = REPOSITORY / "crates/domain/src"

# Wings of `crates/domain`: each uses only those before it.
WINGS = [
    "kernel",
    "delivery",
    "event",
    "access",
    "store",
    "catalogue",
    "live",
    "sync",
    "consumer",
    "outbound",
    "memory",
]

# Crates, and our crates that each may depend on. Dev-dependencies are unrestricted.
CRATES = {
    "hookline-events": set(),
    "hookline-domain": {"hookline-events"},
    "hookline-cost": set(),
    "hookline-sources": {"hookline-domain", "hookline-events"},
    "hookline-tables": {"hookline-domain", "hookline-events"},
    "hookline-transport": {"hookline-domain"},
    "hookline-outbound": {"hookline-domain", "hookline-events", "hookline-sealing"},
    "hookline-sealing": {"hookline-domain"},
    "hookline-shopify-admin": {"hookline-domain", "hookline-sources"},
    "hookline-aws": {"hookline-domain", "hookline-events", "hookline-tables", "hookline-transport"},
    "hookline-direct": {"hookline-domain", "hookline-tables", "hookline-transport"},
    "hookline-lambda": {"hookline-domain", "hookline-sources"},
    "hookline-receiver": {"hookline-domain", "hookline-lambda", "hookline-sealing", "hookline-sources"},
    "hookline-api": {
        "hookline-domain",
        "hookline-events",
        "hookline-lambda",
        "hookline-outbound",
        "hookline-sources",
    },
    "hookline-wiring": {
        "hookline-aws",
        "hookline-direct",
        "hookline-lambda",
        "hookline-receiver",
        "hookline-sealing",
        "hookline-sources",
    },
}


def without_tests(code: str) -> str:
    """Code without comments and inline tests."""
    code = re.sub(r"#\[cfg\(test\)\]\s*mod \w+ \{.*\Z", "", code, flags=re.DOTALL)
    return re.sub(r"//.*", "", code)


def used_wings(code: str) -> Iterator[str]:
    """First segments of all paths that begin with `crate::`."""
    for match in re.finditer(r"\bcrate::(\w+|\{)", code):
        if match[1] != "{":
            yield match[1]
            continue
        depth, expect_name = 0, True
        for token in re.finditer(r"\w+|[{},]", code[match.end(1) - 1 :]):
            if token[0] == "{":
                depth += 1
                expect_name = depth == 1
            elif token[0] == "}":
                depth -= 1
                if depth == 0:
                    break
            elif token[0] == ",":
                expect_name = depth == 1
            elif depth == 1 and expect_name:
                yield token[0]
                expect_name = False


def wings() -> dict[str, set[str]]:
    """Wings, and the other wings that the code of each uses."""
    used: dict[str, set[str]] = {}
    for path in DOMAIN.rglob("*.rs"):
        parts = path.relative_to(DOMAIN).with_suffix("").parts
        if parts[0] in ("lib", "testing") or "tests" in parts or parts[-1] == "fixture":
            continue
        names = set(used_wings(without_tests(path.read_text())))
        used.setdefault(parts[0], set()).update(names - {parts[0]})
    return used


def test_every_wing_of_domain_uses_only_wings_below_it() -> None:
    """12 wings and 60 arrows at most, none upwards; the list in `lib.rs` has the same order."""
    used = wings()
    assert sorted(used) == sorted(WINGS)
    for index, wing in enumerate(WINGS):
        upwards = used[wing] - set(WINGS[:index])
        assert not upwards, f"{wing} uses {upwards}, which are above it: move the definition to the lower wing"
    assert len(WINGS) <= 12
    assert sum(map(len, used.values())) <= 60
    assert re.findall(r"^//! \| \[`(\w+)`\]", (DOMAIN / "lib.rs").read_text(), re.MULTILINE) == WINGS


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("use crate::live::Frame;", {"live"}),
        ("use crate::{\n    kernel::{ids::Topic, time},\n    sync::vendor::Catalogue,\n};", {"kernel", "sync"}),
        ("fn f(x: crate::store::stores::Hour) {}", {"store"}),
        ("// crate::memory\n#[cfg(test)]\nmod tests {\n    use crate::memory::X;\n}\n", set()),
    ],
)
def test_uses_are_read_from_code(code: str, expected: set[str]) -> None:
    """Including nested lists, without comments and tests."""
    assert set(used_wings(without_tests(code))) == expected


@pytest.mark.parametrize("crate", sorted(CRATES))
def test_crate_depends_only_on_crates_below_it(crate: str) -> None:
    """The arrows that docs/architecture.md describes."""
    manifest = tomllib.loads((REPOSITORY / "crates" / crate.removeprefix("hookline-") / "Cargo.toml").read_text())
    ours = {name for name in manifest.get("dependencies", {}) if name.startswith("hookline-")}
    assert ours <= CRATES[crate]


def test_every_crate_has_a_place() -> None:
    """The command and the tests' kit may depend on all."""
    crates = {f"hookline-{path.parent.name}" for path in (REPOSITORY / "crates").glob("*/Cargo.toml")}
    assert crates == set(CRATES) | {"hookline-cli", "hookline-testkit"}


def test_receivers_do_not_link_the_api() -> None:
    """An edit in the API must not relink receivers."""
    below = {"hookline-wiring"}
    while more := {other for crate in below for other in CRATES[crate]} - below:
        below |= more
    assert "hookline-api" not in below
