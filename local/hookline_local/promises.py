"""Promises of Hookline, step by step, against a running stack.

`make demo` shows these steps and tests/stack runs them, so that CI checks what a visitor sees. They build on each
other, in the order of STEPS.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from .shop import Product, sample
from .tour import Tour, poll

EDITS_TIMED = 40


def the_store_is_unknown(tour: Tour) -> None:
    """Before its first webhook a store has no status and no results."""
    tour.show_search("before", "walnut board")
    answer = tour.stack.client.status(tour.store)
    tour.expect(answer.status == 404, f"the status of an unknown store is answered 404 (was {answer.status})")


def the_catalog_becomes_searchable(tour: Tour) -> None:
    """Every product for sale is found; drafts, archived and unpublished ones are not."""
    with tour.applying(len(tour.products), "the whole catalog"):
        for name, product in tour.products.items():
            tour.send_product(name, product, "products/create")
    for name, product in tour.products.items():
        if product.visible:
            result = tour.until(lambda product=product: tour.result(product), f"{name} is found by its title")
            if result:
                prices = (product.prices[0], product.prices[-1])
                shown = (result["price_min"], result["price_max"])
                tour.expect(shown == prices, f"{name} costs {prices} (was {shown})")
        else:
            tour.expect(tour.result(product) is None, f"{name} is {product.fields['status']}, not for sale, not found")
    tour.show_search("catalog sent", "walnut board")
    tour.show_search("catalog sent", "iron skilet")
    tour.show_search("catalog sent", "creme brulee")


def search_tolerates_typos_and_highlights(tour: Tour) -> None:
    """A misspelled word still finds the product, and the result shows where it matched."""
    skillet = tour.products["cast-iron-skillet"]
    results = tour.found("iron skilet")
    tour.expect(bool(results) and results[0]["id"] == skillet.id, "“iron skilet” finds the skillet first")
    results = tour.found("walnut")
    tour.expect(bool(results) and bool(results[0]["highlights"]), "a result has highlights")


def an_edit_is_shown(tour: Tour) -> None:
    """Search shows a changed title and price."""
    board = tour.products["walnut-serving-board"]
    edited = board.edited(price="51.25", title="Walnut Serving Board, Edge Grain")
    with tour.applying(1, "the edit"):
        tour.send_product("new price and title", edited)
        tour.until(lambda: shows(tour, edited, "51.25"), "the search result has the new price and title")
    tour.products["walnut-serving-board"] = edited
    tour.show_search("price and title edited", "walnut board")


def a_duplicate_has_no_effect(tour: Tour) -> None:
    """A repeated delivery is acknowledged and not processed."""
    edited = tour.products["walnut-serving-board"].edited(price="52.50")
    delivery = tour.sign("products/update", edited.body())
    with tour.applying(1, "an edit and its duplicate"):
        answer = tour.send("an edit", delivery)
        tour.expect(answer.status == 200, f"the edit is answered 200 (was {answer.status})")
        tour.until(lambda: shows(tour, edited, "52.50"), "the edit is found")
        dropped = tour.status().get("duplicates_dropped_24h", 0)
        # Until the change is indexed a duplicate gets 503, because the first delivery may still fail.
        answer = poll(lambda: (repeated := tour.stack.client.send(delivery)).status != 503 and repeated)
        if tour.expect(bool(answer) and answer.status == 200, "its duplicate is answered 200"):
            tour.note("the same delivery again", delivery, answer)
        tour.until(
            lambda: tour.status()["duplicates_dropped_24h"] == dropped + 1, "the status counts one dropped duplicate"
        )
    tour.products["walnut-serving-board"] = edited


def duplicates_at_the_same_time_have_one_effect(tour: Tour) -> None:
    """Five copies of a delivery that arrive at once have the effect of one."""
    edited = tour.products["enamel-camp-mug"].edited(price="15.75")
    delivery = tour.sign("products/update", edited.body())
    with tour.applying(1, "five copies at once"):
        with ThreadPoolExecutor(5) as threads:
            answers = list(threads.map(lambda _: tour.stack.client.send(delivery), range(5)))
        for answer in answers:
            tour.note("one of five copies at once", delivery, answer)
        statuses = sorted(answer.status for answer in answers)
        tour.expect(200 in statuses, f"one of them is answered 200 (were {statuses})")
        tour.expect(set(statuses) <= {200, 503}, f"the others are answered 200 or 503 with a retry ({statuses})")
        waits = [answer.headers.get("Retry-After") for answer in answers if answer.status == 503]
        tour.expect(all(waits), f"every 503 says when to retry ({waits})")
        tour.until(lambda: shows(tour, edited, "15.75"), "the change is found")
    tour.products["enamel-camp-mug"] = edited


def an_older_state_changes_nothing(tour: Tour) -> None:
    """A late webhook with an older state is acknowledged and does not change the index."""
    board = tour.products["walnut-serving-board"]
    older = board.edited(at="2026-11-14T09:40:00-05:00", price="1.00", title="Walnut Serving Board, Old News")
    with tour.applying(1, "the late update"):
        tour.send_product("an older state", older)
    tour.expect(shows(tour, board, "52.50"), "the newer price and title stay")


def a_forgery_is_refused(tour: Tour) -> None:
    """A wrong signature gets an empty 401, and the store's status counts it."""
    cheap = tour.products["walnut-serving-board"].edited(price="0.01")
    genuine = tour.sign("products/update", cheap.body())
    before = tour.status().get("signature_failures_24h", 0)
    forged = genuine.with_headers({"X-Shopify-Hmac-Sha256": "A" * 43 + "="})
    answer = tour.send("a forgery", forged)
    tour.expect(answer.status == 401, f"a forgery is answered 401 (was {answer.status})")
    tour.expect(answer.body == b"", "with an empty body")
    tour.until(lambda: tour.status()["signature_failures_24h"] == before + 1, "the status counts the forgery")


def a_topic_at_another_receiver_is_refused(tour: Tour) -> None:
    """A signed delivery gets 400 from the receiver of another topic."""
    delivery = tour.sign("products/delete", tour.products["walnut-serving-board"].body())
    answer = tour.send("a topic at another topic's address", delivery, to="products/update")
    tour.expect(answer.status == 400, f"a topic at the wrong receiver is answered 400 (was {answer.status})")


def a_deleted_product_stays_deleted(tour: Tour) -> None:
    """After a delete no update brings the product back, neither an older nor a newer one."""
    lantern = tour.products.pop("storm-lantern")
    tour.show_search("before the delete", "storm lantern")
    body = json.dumps({"id": int(lantern.id)}).encode()
    with tour.applying(1, "the delete"):
        answer = tour.send("a product is deleted", tour.sign("products/delete", body))
        tour.expect(answer.status == 200, f"the delete is answered 200 (was {answer.status})")
        tour.until(lambda: tour.result(lantern) is None, "the deleted product is no longer found")
    with tour.applying(2, "two late updates of it"):
        tour.send_product("a late update of the deleted product", lantern)
        tour.send_product("an update that claims to be newer", lantern.edited(price="1.00"))
    tour.expect(tour.result(lantern) is None, "it stays deleted")
    tour.show_search("deleted, then late updates", "storm lantern")


def a_draft_leaves_and_returns(tour: Tour) -> None:
    """A product that becomes a draft is not found, and is found again once it is active."""
    kettle = tour.products["nambu-tetsubin-kettle"]
    tour.send_product("a product becomes a draft", kettle.edited(status="draft", published_at=None))
    tour.until(lambda: tour.result(kettle) is None, "the draft is not found")
    active = kettle.edited(at=soon(1), price="130.00")
    tour.send_product("and is active again", active)
    tour.until(lambda: shows(tour, active, "130.00"), "the active product is found again")
    tour.products["nambu-tetsubin-kettle"] = active


def a_body_of_the_wrong_shape_is_parked(tour: Tour) -> None:
    """A signed body of the wrong shape is acknowledged; the status names the field of the wrong type."""
    delivery = tour.sign("products/update", sample("hostile/wrong-shape.json"))
    answer = tour.send("a body of another shape", delivery)
    tour.expect(answer.status == 200, f"a body of another shape is answered 200 (was {answer.status})")
    error = tour.until(
        lambda: (error := tour.status().get("last_error")) and error.get("delivery_id") == delivery.id and error,
        "the status shows it as the last error",
    )
    if error:
        message = error["message"]
        tour.expect("variants[0].price" in message, f"the error names the field variants[0].price ({message!r})")


def a_collection_is_found(tour: Tour) -> None:
    """A collection has its own document."""
    answer = tour.send("a collection changes", tour.sign("collections/update", sample("collections-update.json")))
    tour.expect(answer.status == 200, f"a collection is answered 200 (was {answer.status})")
    collection_id = str(json.loads(sample("collections-update.json"))["id"])
    tour.until(
        lambda: any(
            each["id"] == collection_id and each["kind"] == "collection" for each in tour.found("around the campfire")
        ),
        "the collection is found",
    )


def a_change_is_found_soon(tour: Tour) -> None:
    """Measures the time from sending a webhook to finding its change, over many edits."""
    product = tour.products["birch-kindling-bundle"]
    missed = 0
    for number in range(EDITS_TIMED):
        # `updated_at` has whole seconds, so most of these edits differ only in X-Shopify-Triggered-At.
        product = product.edited(price=f"{8 + number}.10")
        started = time.monotonic()
        tour.send(f"edit {number + 1} of {EDITS_TIMED}", tour.sign("products/update", product.body()))
        if poll(lambda product=product: shows(tour, product, product.prices[0])):
            tour.searchable_after.append(time.monotonic() - started)
        else:
            missed += 1
    tour.expect(missed == 0, f"{EDITS_TIMED} edits are found ({missed} were not)")
    tour.products["birch-kindling-bundle"] = product


def the_status_is_complete(tour: Tour) -> None:
    """The status shows that the store is enabled and live, with times and topics."""
    status = tour.status()
    tour.expect(status["enabled"] is True, "the store is enabled")
    tour.expect(status["activity"] == "live", f"the store is live (was {status['activity']})")
    tour.expect(bool(status["last_event_at"]) and bool(status["last_sync_at"]), "the last event and sync have times")
    topics = status["events_24h"]["by_topic"]
    tour.expect(topics.get("products/create") == 18, f"18 products were created ({topics})")


def an_uninstall_empties_the_store(tour: Tour) -> None:
    """After an uninstall the store is disabled and empty; late deliveries are discarded and counted."""
    shop = json.loads(sample("app-uninstalled.json")) | {"myshopify_domain": tour.store}
    answer = tour.send("the app is uninstalled", tour.sign("app/uninstalled", json.dumps(shop).encode()))
    tour.expect(answer.status == 200, f"the uninstall is answered 200 (was {answer.status})")
    tour.until(lambda: tour.status().get("enabled") is False, "the status says disabled")
    tour.until(lambda: not documents(tour), "its documents are removed from the index")
    tour.expect(not tour.found("walnut"), "nothing is found")
    tour.show_search("uninstalled", "walnut board")
    discarded = tour.status().get("discarded_24h", 0)
    tour.send_product("an update after the uninstall", tour.products["washed-linen-throw"])
    tour.until(
        lambda: tour.status().get("discarded_24h", 0) == discarded + 1, "the late delivery is counted as discarded"
    )
    tour.expect(not documents(tour), "and not indexed")


def a_new_install_starts_clean(tour: Tour) -> None:
    """A state signed after the uninstall starts the next install, without the documents of the last."""
    epoch = tour.status()["epoch"]
    throw = tour.products["washed-linen-throw"].edited(at=soon(2), price="91.00")
    tour.send_product("the first change after installing again", throw)
    tour.until(lambda: shows(tour, throw, "91.00"), "it is found")
    status = tour.status()
    tour.expect(status["enabled"] is True, "the store is enabled again")
    tour.expect(status["epoch"] == epoch + 1, f"in the next epoch (was {status['epoch']} after {epoch})")
    tour.expect(not tour.found("walnut"), "documents of the previous install are not found")
    tour.show_search("installed again, one product changed", "linen throw")


STEPS: tuple[Callable[[Tour], None], ...] = (
    the_store_is_unknown,
    the_catalog_becomes_searchable,
    search_tolerates_typos_and_highlights,
    an_edit_is_shown,
    a_duplicate_has_no_effect,
    duplicates_at_the_same_time_have_one_effect,
    an_older_state_changes_nothing,
    a_forgery_is_refused,
    a_topic_at_another_receiver_is_refused,
    a_deleted_product_stays_deleted,
    a_draft_leaves_and_returns,
    a_collection_is_found,
    a_change_is_found_soon,
    a_body_of_the_wrong_shape_is_parked,
    the_status_is_complete,
    an_uninstall_empties_the_store,
    a_new_install_starts_clean,
)


def take(tour: Tour, step: Callable[[Tour], None]) -> None:
    """Takes a step. A step that raises is recorded as a failure, so that the steps after it still run."""
    tour.step = step.__name__.replace("_", " ")
    try:
        step(tour)
    except Exception as error:
        tour.expect(ok=False, what=f"stopped by {type(error).__name__}: {error}")


def shows(tour: Tour, product: Product, price: str) -> bool:
    """Returns whether search finds a product with this price and its title."""
    result = tour.result(product)
    return bool(result) and (result["price_min"], result["title"]) == (price, product.title)


def documents(tour: Tour) -> int:
    """Number of documents in the index for the tour's store, independent of the search API."""
    return tour.stack.documents(tour.store)


def soon(seconds: int) -> str:
    """A time some seconds ahead, later than anything sent before."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")
