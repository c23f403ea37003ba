"""Stripe's own library (npm `stripe`) as the referee of our samples, and of decisions about signatures.

Our receiver's decisions about the same requests are tested in crates/sources/tests/stripe_signatures.rs.
"""

import json
import subprocess
from pathlib import Path

import pytest
import stripe_signatures

import sdk
import web

SAMPLES = stripe_signatures.HERE.parent.parent / "events" / "stripe"
CASES = json.loads(stripe_signatures.FILE.read_text())
TYPES = (stripe_signatures.HERE / "stripe_types.cts").read_text()


def samples() -> list[Path]:
    """Bodies of topics that are received here."""
    return sorted(path for path in SAMPLES.glob("*.json") if not path.name.endswith(".headers.json"))


def refused(bodies: list[dict[str, object]], folder: Path) -> str:
    """Complaints of the compiler about bodies, under the types of Stripe's library; empty if it takes them."""
    with web.alone():
        web.install(sdk.TYPESCRIPT)
    modules = sdk.TYPESCRIPT / "node_modules"
    options = {
        "target": "ES2022",
        "module": "NodeNext",
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        "typeRoots": [str(modules / "@types")],
        "types": ["node"],
        "paths": {"stripe": [str(modules / "stripe")]},
    }
    lines = []
    for at, body in enumerate(bodies):
        shape = "Snapshot" if body["object"] == "event" else "Thin"
        lines.append(f"export const sample{at}: {shape}<{json.dumps(body['type'])}> = {json.dumps(body)};")
    (folder / "samples.cts").write_text(TYPES + "\n".join(lines))
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["samples.cts"]}))
    command = [modules / ".bin" / "tsc", "--project", folder, "--pretty", "false"]
    return subprocess.run(command, env=web.environment(), capture_output=True, text=True, check=False).stdout


def test_samples_have_only_names_and_values_that_stripe_knows(tmp_path: Path) -> None:
    """A misspelled name would be a sample of nothing."""
    assert refused([json.loads(path.read_text()) for path in samples()], tmp_path) == ""


def test_samples_are_of_both_shapes() -> None:
    """A snapshot and a thin event have different envelopes."""
    assert {json.loads(path.read_text())["object"] for path in samples()} == {"event", "v2.core.event"}


def snapshot() -> dict[str, object]:
    """Some event of Stripe's."""
    return {"id": "evt_1", "object": "event", "type": "price.updated", "data": {"object": {"id": "price_1"}}}


def thin() -> dict[str, object]:
    """The same of the other shape."""
    return {"id": "evt_2", "object": "v2.core.event", "type": "v1.price.updated", "related_object": {"id": "price_1"}}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (snapshot() | {"merchant": "acct_1"}, "merchant"),
        (snapshot() | {"data": {"object": {"id": "price_1", "amount": 1}}}, "amount"),
        (snapshot() | {"data": {"object": {"id": "price_1", "unit_amount": "1"}}}, "number"),
        (snapshot() | {"type": "price.changed"}, "never"),
        (thin() | {"data": {}}, "data"),
        (thin() | {"related_object": {"name": "price_1"}}, "name"),
    ],
)
def test_a_name_that_stripe_does_not_know_is_refused(body: dict[str, object], named: str, tmp_path: Path) -> None:
    """At the top and below it, in both shapes."""
    assert refused([snapshot(), thin()], tmp_path) == ""
    assert f"'{named}'" in refused([body], tmp_path).replace('"', "")


def test_cases_are_those_of_the_script() -> None:
    """The file is written by it, and not by hand."""
    kept = [(case["name"], case["key"], case["header"], case["body"]) for case in CASES]
    assert kept == stripe_signatures.cases() + stripe_signatures.stricter()


def test_decisions_are_those_of_stripes_library() -> None:
    """Those that our receiver is held to."""
    asked = [(case["name"], case["key"], case["header"], case["body"]) for case in CASES]
    assert stripe_signatures.decided(asked) == [case["accepted"] for case in CASES]
    assert all(case["accepted"] for case in CASES if case["stricter"])


def test_stripe_signs_as_we_do() -> None:
    """The header that its library makes for tests."""
    bodies = [path.read_text() for path in samples()]
    made = stripe_signatures.signed_by_stripe(bodies)
    assert made == [stripe_signatures.header(body) for body in bodies]


def test_stripe_takes_our_samples() -> None:
    """Their headers are stored; hostile ones are signed, too."""
    asked = []
    for path in sorted(SAMPLES.rglob("*.headers.json")):
        body = path.with_name(path.name.replace(".headers", "")).read_text()
        asked.append((path.stem, "hush", json.loads(path.read_text())["stripe-signature"], body))
    assert asked
    assert all(stripe_signatures.decided(asked))
