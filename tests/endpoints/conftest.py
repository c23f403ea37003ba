"""One server of misbehaving endpoints for all tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from endpoints_peer import Endpoints

CERTIFICATES = Path(__file__).with_name("certificates")
LOCAL = Path(__file__).resolve().parents[2] / "local"


def start(*options: str) -> subprocess.Popen[str]:
    """Starts a server, which ends when its standard input closes."""
    command = [sys.executable, "-m", "hookline_local.endpoints", "--until-stdin-closes", *options]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(LOCAL), "PYTHONWARNINGS": "error"},
    )


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Endpoints]:
    """The running server. It ends with 0 unless one of its tasks failed."""
    with start("--certificates", str(CERTIFICATES)) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Endpoints(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.fixture
def instance(endpoints: Endpoints) -> str:
    """An instance that no other test uses."""
    return endpoints.fresh()
