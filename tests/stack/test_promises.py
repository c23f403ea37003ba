"""The demo's steps as a test, so that CI checks what a visitor sees."""

import json

from hookline_local.promises import STEPS, take
from hookline_local.tour import Tour


def test_the_demo_keeps_every_promise(tour: Tour) -> None:
    """Every step, in order, on one store."""
    for step in STEPS:
        take(tour, step)
    assert tour.failures() == []
    assert len(tour.findings) > 100


def test_stores_do_not_see_each_other(tour: Tour) -> None:
    """The same product in two shops, one of which deletes it and uninstalls the app."""
    other = Tour(tour.stack, store=f"other-{tour.store}")
    board = tour.products["walnut-serving-board"]
    for each in (tour, other):
        each.send_product("the same product", board)
        each.until(lambda each=each: each.result(board), f"{each.store} finds it")
    mine = board.edited(price="1.23")
    tour.send_product("a price change in one of them", mine)
    tour.until(lambda: (result := tour.result(mine)) and result["price_min"] == "1.23", "the one shows it")
    uninstalled = tour.sign("app/uninstalled", json.dumps({"id": 1, "myshopify_domain": tour.store}).encode())
    tour.send("and uninstalls", uninstalled)
    tour.until(lambda: tour.status()["enabled"] is False, "it is disabled")
    tour.until(lambda: not tour.stack.documents(tour.store), "its documents are removed")
    result = other.result(board)
    assert result is not None
    assert result["price_min"] == board.prices[0]
    assert other.status()["enabled"] is True
    assert tour.failures() + other.failures() == []
