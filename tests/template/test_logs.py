"""Logged failures name all their causes. An error alone says only "entities failed"."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIELD = re.compile(r"\b(error|cause_of|reason|failure|problem) = [%?](?!(\w+::)*chain\()")
"""A field of a log line that holds an error, and not its chain."""

SDK_FAILURES = ROOT / "crates" / "aws" / "src" / "failure.rs"


def sources(*folders: str) -> Iterator[tuple[Path, str]]:
    """Our Rust sources, each without its tests."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.rs")):
            within = path.relative_to(ROOT).parts
            if "src" in within and "tests" not in within and "target" not in within and path.name != "tests.rs":
                yield path, path.read_text().partition("#[cfg(test)]\nmod tests {")[0]


def test_every_logged_error_has_its_causes() -> None:
    """`error = %chain(&failure)`, and no `error = %failure`."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path, text in sources("crates", "functions")
        for line in text.splitlines()
        if FIELD.search(line)
    ]
    assert found == []


def test_the_rule_finds_an_error_without_causes() -> None:
    """The rule must be able to find something."""
    assert FIELD.search('tracing::warn!(store = %store, error = %failure, "…")')
    assert FIELD.search("error = ?problem")
    assert not FIELD.search("cause = %failure.cause, error = %chain(&failure)")


def test_no_failure_of_an_sdk_loses_its_class() -> None:
    """In `hookline-aws` only `failure.rs` creates failures of ports, by their class."""
    found = [
        str(path.relative_to(ROOT))
        for path, text in sources("crates/aws")
        if "Unavailable::new(" in text and path != SDK_FAILURES
    ]
    assert found == []
