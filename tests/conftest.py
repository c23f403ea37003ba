"""Fixtures for tests/template (template.yaml as SAM transforms it) and tests/stack (the running stack)."""

import os
import sys
import threading


def pytest_unconfigure() -> None:
    """Fails the run instead of waiting for ever for a thread that a failed test left behind."""
    left = [thread.name for thread in threading.enumerate() if not thread.daemon and thread.name != "MainThread"]
    if left:
        print(f"Threads still running after the tests: {', '.join(left)}. End them in `finally`.", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
