"""Fixtures that several folders of tests share, and the end of a run."""

import os
import sys
import threading
from collections.abc import Iterator

import pytest
from receiving import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A user's server, on a port of its own."""
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


def pytest_unconfigure() -> None:
    """Fails the run instead of waiting for ever for a thread that a failed test left behind."""
    left = [thread.name for thread in threading.enumerate() if not thread.daemon and thread.name != "MainThread"]
    if left:
        print(f"Threads still running after the tests: {', '.join(left)}. End them in `finally`.", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
