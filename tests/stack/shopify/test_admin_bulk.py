"""Bulk operations, their files, and how they fail."""

import http.client
import http.server
import json
import urllib.error
from typing import Any

import pytest
from asking import CURTAIN, data, fetched
from hookline_local.shopkeeper import Shopkeeper

RUN = """mutation($query: String!, $group: Boolean!) { bulkOperationRunQuery(query: $query, groupObjects: $group) {
    bulkOperation { id status } userErrors { message code } } }"""
POLL = """query($id: ID!) { bulkOperation(id: $id) {
    status url partialDataUrl objectCount rootObjectCount errorCode fileSize } }"""
WHOLE = """{ products { edges { node { id title
    variants { edges { node { id price inventoryItem { id } } } } collections { edges { node { id } } } } } } }"""


def started(shop: Shopkeeper, group: bool = True, query: str = WHOLE) -> str:
    """Starts a bulk operation."""
    return data(shop, RUN, query=query, group=group)["bulkOperationRunQuery"]["bulkOperation"]["id"]


def finished(shop: Shopkeeper, identifier: str) -> dict[str, Any]:
    """Polls until a bulk operation has ended."""
    shop.act("throttle", maximum=1e6)
    while True:
        operation = data(shop, POLL, id=identifier)["bulkOperation"]
        if operation["status"] not in ("CREATED", "RUNNING", "CANCELING"):
            return operation


def test_a_bulk_result_has_children_below_their_parents(shop: Shopkeeper) -> None:
    """Grouped: right below. Its size and counts are those of the operation."""
    operation = finished(shop, started(shop))
    content = fetched(operation["url"])
    lines = [json.loads(line) for line in content.splitlines()]
    roots = [line for line in lines if "__parentId" not in line]
    assert (operation["status"], operation["objectCount"], operation["rootObjectCount"]) == (
        "COMPLETED",
        str(len(lines)),
        "18",
    )
    assert (len(roots), int(operation["fileSize"])) == (18, len(content))
    parent = None
    for line in lines:
        parent = line["id"] if "__parentId" not in line else parent
        assert line.get("__parentId", parent) == parent
    curtain = [line for line in lines if line.get("__parentId") == f"gid://shopify/Product/{CURTAIN}"]
    assert len([line for line in curtain if "/ProductVariant/" in line["id"]]) == 120
    assert all(line["inventoryItem"]["id"] for line in curtain if "price" in line)


def test_an_ungrouped_result_has_the_same_lines_in_another_order(shop: Shopkeeper) -> None:
    """Children follow their parents, but not directly: the default since 2026-07."""
    grouped = fetched(finished(shop, started(shop))["url"]).splitlines()
    ungrouped = fetched(finished(shop, started(shop, group=False))["url"]).splitlines()
    assert sorted(grouped) == sorted(ungrouped)
    assert grouped != ungrouped


def test_a_download_that_breaks_off_is_continued(shop: Shopkeeper) -> None:
    """A range request continues from the last byte."""
    url = finished(shop, started(shop))["url"]
    whole = fetched(url)
    shop.act("bulk", drop=1, drop_after=1000)
    with pytest.raises(http.client.IncompleteRead) as broken:
        fetched(url)
    assert broken.value.partial == whole[:1000]
    assert fetched(url, start=1000) == whole[1000:]
    with pytest.raises(urllib.error.HTTPError, match="416"):
        fetched(url, start=len(whole))


@pytest.mark.parametrize("partial", [True, False])
def test_a_bulk_operation_fails_half_way(shop: Shopkeeper, partial: bool) -> None:
    """With or without a partial result."""
    shop.act("bulk", fail=1, fail_after=30, partial=partial)
    operation = finished(shop, started(shop))
    assert (operation["status"], operation["errorCode"], operation["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert (operation["partialDataUrl"] is not None) == partial
    if partial:
        assert len(fetched(operation["partialDataUrl"]).splitlines()) == 30
    assert finished(shop, started(shop))["status"] == "COMPLETED"


def test_five_bulk_queries_run_at_once_and_can_be_cancelled(shop: Shopkeeper) -> None:
    """The sixth is refused with a user error."""
    shop.act("bulk", pace=5)
    running = [started(shop) for _ in range(5)]
    refused = data(shop, RUN, query=WHOLE, group=True)["bulkOperationRunQuery"]
    assert (refused["bulkOperation"], refused["userErrors"][0]["code"]) == (None, "LIMIT_REACHED")
    shop.act("bulk", pace=None)
    cancel = "mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }"
    for one in running:
        data(shop, cancel, id=one)
    assert {finished(shop, one)["status"] for one in running} == {"CANCELED"}


def test_a_wrong_bulk_query_is_a_user_error(shop: Shopkeeper) -> None:
    """Not an error of the mutation's own document."""
    for wrong in ("{ shop { name } }", "{ products { edges { node { colour } } } }", "{ products {"):
        answer = data(shop, RUN, query=wrong, group=True)["bulkOperationRunQuery"]
        assert answer["bulkOperation"] is None
        assert answer["userErrors"][0]["message"].startswith("Invalid bulk query")


def test_thousands_of_products_are_one_file(shop: Shopkeeper) -> None:
    """Written line by line; 5,000 products here, 100,000 in the README."""
    shop.act("generate", products=5000, variants=3)
    operation = finished(shop, started(shop))
    assert operation["rootObjectCount"] == "5018"
    assert len({json.loads(line)["id"] for line in fetched(operation["url"]).splitlines()} - {None}) > 20000
