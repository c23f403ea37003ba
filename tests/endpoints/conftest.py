"""One server of misbehaving endpoints for all tests."""

import json
from collections.abc import Iterator

import pytest
from endpoints_peer import Endpoints
from endpoints_process import CERTIFICATES, start


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
