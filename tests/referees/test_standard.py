"""The official library of Standard Webhooks (PyPI `standardwebhooks`) as the referee of decisions about signatures.

Our receiver's decisions about the same requests are tested in crates/sources/src/standard/tests.rs.
"""

import json
from pathlib import Path

import pytest
import standard_signatures

CASES = json.loads(standard_signatures.FILE.read_text())
SAMPLES = Path(__file__).resolve().parent.parent.parent / "events" / "standard"


def test_cases_are_those_of_the_script() -> None:
    """The file is written by it, and not by hand."""
    kept = [(case["name"], case["key"], case["headers"], case["body"]) for case in CASES]
    assert kept == standard_signatures.cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_decisions_are_those_of_the_official_library(case: dict[str, object]) -> None:
    """Those that our receiver is held to."""
    assert standard_signatures.accepted(case["key"], case["headers"], case["body"]) == case["accepted"]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.headers.json")), ids=lambda path: path.stem)
def test_the_official_library_takes_our_samples(path: Path) -> None:
    """They are signed with the key of the design."""
    headers = json.loads(path.read_text())
    body = path.with_name(path.name.replace(".headers", "")).read_text()
    assert standard_signatures.accepted("whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo", headers, body)
