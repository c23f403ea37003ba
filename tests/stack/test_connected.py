"""The demo's steps for a connected store, as a test, so that CI checks what a visitor sees."""

from hookline_local import connected, stack
from hookline_local.connected import Connected
from hookline_local.promises import take


def test_the_demo_keeps_every_promise_to_a_connected_store(running: stack.Stack) -> None:
    """Every step, in order, in one shop of the local Shopify."""
    tour = Connected(running, store="connected.myshopify.com")
    for step in connected.STEPS:
        take(tour, step)
    assert tour.failures() == []
    assert len(tour.findings) > 50
