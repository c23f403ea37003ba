"""Sources are data: the code names vendors only in the files listed here, with reasons."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "local"))

import english  # noqa: E402
from template_reading import SOURCES  # noqa: E402

# Crates that may name them anywhere: their own, and test fixtures.
OWN = ("sources", "catalogues", "shopify-admin", "testkit")

# A module (its file, and its directory if it has one), or a directory that ends with a slash: the reason.
ALLOWED = {
    "functions/": "a main wires what it names",
    "crates/api/src/authorizer": "session tokens are those of Shopify's admin",
    "crates/api/src/panel": "the panel may be embedded in Shopify's admin",
    "crates/api/src/api/openapi": "texts for people",
    "crates/api/src/config": "names of environment variables: the app at Shopify",
    "crates/lambda/src/config/sync": "names of environment variables: Shopify's Admin API",
    "crates/cli/src/admin": "commands call Shopify's Admin API",
    "crates/cli/src/args": "help, with examples",
    "crates/cli/src/backfill": "commands call Shopify's Admin API",
    "crates/cli/src/store": "commands call Shopify's Admin API",
    "crates/cli/src/token": "a sentence with an example",
    "crates/cli/src/webhooks": "commands call Shopify's Admin API",
    "crates/domain/src/kernel/ids": "the source whose stores are written by their names alone",
    "crates/domain/src/kernel/advice": "a sentence for people",
    "crates/domain/src/delivery/ledger/explain": "a sentence for people",
    "crates/domain/src/store/status/silence": "a sentence for people",
}

UNIT_TESTS = "#[cfg(test)]\nmod tests {"
# Whoever sends, deployed or not. The generic source has no name of its own: "standard" is a word like any other.
VENDORS = {"shopify", "square", "stripe", "woocommerce", "zendesk"}
NAMES = re.compile("|".join(VENDORS | set(SOURCES) - {"standard"}))
FIXTURES = ("tests.rs", "testing.rs", "fixture.rs")


def code(text: str) -> str:
    """Rust without comments and unit tests; lines stay where they are."""
    text = text.split(UNIT_TESTS)[0]
    return english.TOKEN.sub(lambda token: re.sub(r"[^\n]", " ", token[0]) if token["comment"] else token[0], text)


def naming() -> dict[str, list[int]]:
    """Files outside of the source's own crates whose code names a source, with the lines."""
    found: dict[str, list[int]] = {}
    for path in sorted([*ROOT.glob("crates/*/src/**/*.rs"), *ROOT.glob("functions/*/src/**/*.rs")]):
        name = path.relative_to(ROOT)
        if name.parts[1] in OWN or name.name in FIXTURES or "tests" in name.parts:
            continue
        lines = [at for at, line in enumerate(code(path.read_text()).splitlines(), 1) if NAMES.search(line.lower())]
        if lines:
            found[name.as_posix()] = lines
    return found


def allowance(name: str) -> str | None:
    """The entry of the list that a file is under."""
    return next((entry for entry in ALLOWED if name.startswith((f"{entry.rstrip('/')}/", f"{entry}.rs"))), None)


def test_code_names_sources_only_in_allowed_files() -> None:
    """A new source adds files and changes none of these."""
    others = {name: lines for name, lines in naming().items() if allowance(name) is None}
    assert others == {}, "ask the source's value (hookline_sources::Sender, Platform), or add the file with a reason"


def test_every_allowance_is_needed() -> None:
    """An unused entry would hide a later violation."""
    assert set(ALLOWED) == {allowance(name) for name in naming()} - {None}


def test_comments_and_unit_tests_do_not_count() -> None:
    """Vendor facts are linked in comments."""
    text = '// https://shopify.dev\nlet a = "https://shopify.dev"; /* shopify */\n' + UNIT_TESTS + "\nshopify\n}"
    assert code(text).split("\n")[0].strip() == ""
    assert code(text).lower().count("shopify") == 1
