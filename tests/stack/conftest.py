"""One running stack for all tests, on free ports, so that it runs beside `make dev`."""

import itertools
from collections.abc import Iterator

import pytest
from hookline_local import ports, stack
from hookline_local.tour import Tour


@pytest.fixture(scope="session")
def running() -> Iterator[stack.Stack]:
    """The template and the binaries, deployed."""
    with stack.running(ports.any_free()) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Counts."""
    return itertools.count(1)


@pytest.fixture
def tour(running: stack.Stack, numbers: Iterator[int]) -> Tour:
    """A separate store for each test."""
    return Tour(running, store=f"store-{next(numbers)}.myshopify.com")
