"""Checks GraphQL documents against Shopify's real schema.

    python -m hookline_local.shopify.check FILE.graphql…

Files that end in `.bulk.graphql` must also be bulk queries. Prints one line per problem and exits with 1; deprecated
fields are warnings.
"""

import sys
from pathlib import Path

from . import bulk_rules, schema


def check(file: Path) -> tuple[list[str], list[str]]:
    """The errors and the warnings of one file."""
    document, errors = schema.check(file.read_text())
    if document is None:
        return [located(error) for error in errors], []
    problems = bulk_rules.problems(document) if file.name.endswith(".bulk.graphql") else []
    return problems, [f"deprecated {field}" for field in schema.deprecated_fields(document)]


def located(error: dict) -> str:
    """A validation error with its place in the file."""
    location = (error.get("locations") or [{"line": 0, "column": 0}])[0]
    return f"{location['line']}:{location['column']}: {error['message']}"


def main(arguments: list[str]) -> int:
    """Command line: files to check."""
    if not arguments:
        print("usage: python -m hookline_local.shopify.check FILE.graphql…", file=sys.stderr)
        return 2
    failed = 0
    for name in arguments:
        errors, warnings = check(Path(name))
        for warning in warnings:
            print(f"{name}: warning: {warning}", file=sys.stderr)
        for error in errors:
            print(f"{name}: {error}", file=sys.stderr)
        failed += len(errors)
    print(f"{len(arguments)} checked against {schema.API_VERSION}, {failed} problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
