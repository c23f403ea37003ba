"""The samples of docs/events, which hold the package to what Hookline sends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from made import SECRET, Log, signed

from hookline_webhooks import create_webhook_handler
from hookline_webhooks.events import EVENT_TYPES

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = {path.stem: path.read_bytes() for path in sorted((ROOT / "../../docs/events/samples").glob("*.json"))}


def test_every_type_has_a_sample() -> None:
    """And the operator's own."""
    assert set(SAMPLES) == {*EVENT_TYPES, "custom"}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_callback_receives_the_sample(sample: bytes) -> None:
    """Whole, as it was sent."""
    log, event = Log(), json.loads(sample)
    handler = create_webhook_handler(SECRET, on={event["type"]: log.events.append}, **log.hooks())
    assert handler.handle("POST", signed(sample, event["id"]), sample)[0] == 204
    assert log.events == [event]


def test_samples_have_the_types_of_the_package(tmp_path: Path) -> None:
    """The type checker knows every field, and refuses one of another type."""
    wrong = json.loads(SAMPLES["product.updated"])
    wrong["data"]["title"] = 1
    write(tmp_path / "right.py", [json.loads(sample) for sample in SAMPLES.values()])
    write(tmp_path / "wrong.py", [wrong])
    settings = ["--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary", "--cache-dir", str(tmp_path)]
    command = [sys.executable, "-m", "mypy", *settings, str(tmp_path / "right.py"), str(tmp_path / "wrong.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (line,) = done.stdout.splitlines()
    assert "wrong.py" in line
    assert 'TypedDict item "title" has type "str"' in line


def write(file: Path, events: list[dict[str, Any]]) -> None:
    """Writes a module that gives each event the class of its type."""
    lines = ["from hookline_webhooks import events"]
    for number, event in enumerate(events):
        name = "custom" if event["type"].startswith("custom.") else event["type"]
        words = name.replace(".", "_").split("_")
        lines.append(f"event{number}: events.{''.join(map(str.capitalize, words))}Event = {event!r}")
    file.write_text("\n".join(lines))
