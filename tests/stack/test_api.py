"""Responses and actions of the HTTP API at the deployed stack, compared with docs/openapi.json."""

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass, replace
from typing import Any

import pytest
from described import DESCRIBED, checked
from hookline_local.client import Delivery, quoted
from hookline_local.connected import Connected
from hookline_local.shop import sample
from hookline_local.stack import INDEX
from hookline_local.tour import Tour, poll
from jsonschema import Draft202012Validator
from patience import impatient

OTHER = "next-door.myshopify.com"
ACTIONS = ("replay", "redrive", "resync", "reconcile")


@dataclass
class Api:
    """The API, called about one store with one token."""

    tour: Tour
    token: str

    def get(self, operation: str, path: str, status: int = 200, **query: Any) -> Any:
        """Body of a response, checked against its description."""
        address = path.replace("{store}", quoted(self.tour.store))
        if query:
            address += "?" + urllib.parse.urlencode(query)
        answer = self.tour.stack.client.call("GET", address, token=self.token)
        assert answer.status == status, (address, answer.status, answer.body)
        return checked(operation, answer)

    def act(self, action: str, body: Any = None, status: int = 202) -> Any:
        """Response to an action, checked against its description."""
        address = f"/api/stores/{quoted(self.tour.store)}/{action}"
        answer = self.tour.stack.client.call("POST", address, body, token=self.token)
        assert answer.status == status, (address, answer.status, answer.body)
        return checked(action, answer)

    def by(self, role: str, store: str | None = None) -> "Api":
        """The same, with a token of this role for one store only."""
        (made,) = self.tour.stack.hookline.rows("token", "create", "--role", role, "--store", store or self.tour.store)
        return Api(self.tour, made["token"])

    def delivery(self, delivery: Delivery, status: int = 200) -> Any:
        """The history of a delivery."""
        path = f"/api/stores/{{store}}/deliveries/{quoted(delivery.id)}"
        return self.get("delivery", path, status, topic=delivery.topic)

    def fed(self, delivery: Delivery) -> Any:
        """Waits until a delivery is in the feed, and returns it."""
        return poll(lambda: next((each for each in self.feed() if each["id"] == delivery.id), None))

    def feed(self) -> list[dict[str, Any]]:
        """The latest deliveries."""
        return self.get("deliveries", "/api/stores/{store}/deliveries")["deliveries"]


@pytest.fixture
def api(tour: Tour) -> Api:
    """The API with a token of an admin of all stores."""
    return Api(tour, tour.stack.client.token)


@pytest.fixture
def board(tour: Tour) -> Delivery:
    """A product of the store that has been applied."""
    product = tour.products["walnut-serving-board"]
    delivery = tour.sign("products/update", product.body())
    assert tour.send("a product", delivery).status == 200
    assert tour.until(lambda: tour.result(product), "it is found")
    return delivery


def test_the_description_is_public_and_equals_docs(tour: Tour) -> None:
    """All other routes need a token."""
    answer = tour.stack.client.call("GET", "/api/openapi.json", token=None)
    assert answer.status == 200
    assert answer.json() == DESCRIBED
    for path, methods in DESCRIBED["paths"].items():
        for method in methods:
            if path != "/api/openapi.json":
                address = (
                    path.replace("{store}", quoted(tour.store)).replace("{id}", "1").replace("{type}", "order.created")
                )
                assert tour.stack.client.call(method.upper(), address, token=None).status in (401, 403), path


def test_me_returns_the_principal(api: Api) -> None:
    """With all addresses that a page needs."""
    me = api.get("me", "/api/me")
    assert (me["role"], me["stores"]) == ("admin", ["*"])
    base = api.tour.stack.receivers
    assert {"topic": "products/update", "url": f"{base}/products-update"} in me["receivers"]
    viewer = api.by("viewer").get("me", "/api/me")
    assert (viewer["role"], viewer["stores"]) == ("viewer", [api.tour.store])


def test_event_types_have_a_schema_that_their_sample_matches(api: Api) -> None:
    """The catalog is that of docs/events."""
    listed = [each["type"] for each in api.get("eventTypes", "/api/event-types")["event_types"]]
    assert {"inventory.updated", "custom.*"} < set(listed)
    for kind in listed:
        details = api.get("eventType", f"/api/event-types/{quoted(kind)}")
        Draft202012Validator(details["schema"]).validate(details["sample"])
    api.get("eventType", "/api/event-types/order.lost", 404)


def test_stores_are_listed_filtered_and_paged(api: Api) -> None:
    """By name, and only stores within the token's reach."""
    names = [f"listed-{n}.myshopify.com" for n in range(3)]
    for name in names:
        delivery = replace(api.tour, store=name).sign("products/update", sample("products-update.json"))
        assert api.tour.stack.client.send(delivery).status == 200
    path = "/api/stores"

    def live() -> list[str]:
        listed = api.get("stores", path, q="listed-")["stores"]
        return [each["store"] for each in listed if each["state"] == "live"]

    assert poll(lambda: live() == names), live()
    first = api.get("stores", path, q="LISTED-", limit=2)
    assert ([each["store"] for each in first["stores"]], first["next"]) == (names[:2], names[1])
    second = api.get("stores", path, q="listed-", limit=2, after=first["next"])
    assert ([each["store"] for each in second["stores"]], second["next"]) == (names[2:], None)
    assert api.get("stores", path, q="listed-", state="attention")["stores"] == []
    one = api.by("viewer", names[1]).get("stores", path)
    assert [each["store"] for each in one["stores"]] == [names[1]]
    assert sum(one["counts"].values()) == 1
    for wrong in ({"limit": 0}, {"limit": "many"}, {"state": "asleep"}):
        api.get("stores", path, 400, **wrong)


def test_the_status_describes_a_store(api: Api, board: Delivery) -> None:
    """With its lag and receivers, and the queues for principals who may see all stores."""
    assert api.fed(board)
    status = api.get("status", "/api/stores/{store}/status")
    assert (status["state"], status["failed"]["retrying"], status["failed"]["dead_letters"]) == ("live", 0, 0)
    assert status["lag"]["deliveries"] == 1
    assert status["lag"]["triggered_to_indexed"]["p50"] > 0
    urls = {each["topic"]: each["url"] for each in status["receivers"]}
    assert urls["products/update"] == f"{api.tour.stack.receivers}/products-update"
    assert sum(sum(hour["events"].values()) for hour in status["hours"]) == 1
    assert set(status["queues"]) == {"waiting", "in_flight", "dead_letters"}
    assert "queues" not in api.by("viewer").get("status", "/api/stores/{store}/status")
    found = api.get("search", "/api/stores/{store}/search", q="walnut board")
    assert found["total"] == 1


def test_the_feed_leads_to_the_full_history_of_a_delivery(api: Api, board: Delivery) -> None:
    """With its outcome and an explanation."""
    fed = api.fed(board)
    assert (fed["outcome"], fed["subject"]["kind"]) == ("applied", "product")
    whole = api.delivery(board)
    assert (whole["state"], whole["fate"]) == ("done", "applied")
    assert whole["entries"] == [fed]
    assert "applied to the index" in whole["meaning"]
    first = api.get("deliveries", "/api/stores/{store}/deliveries", limit=1)
    assert first["next"]
    before = api.get("deliveries", "/api/stores/{store}/deliveries", limit=1, before=first["next"])
    assert before["deliveries"] == []
    api.delivery(replace(board, topic="products/create"), 404)
    api.get("delivery", f"/api/stores/{{store}}/deliveries/{board.id}", 400)
    api.get("deliveries", "/api/stores/{store}/deliveries", 400, before="x")


def test_another_store_in_the_path_looks_unknown(api: Api, board: Delivery) -> None:
    """Every request for it, by any role, gets the response of an unknown store."""
    foreign_apis = [api.by(role, OTHER) for role in ("viewer", "admin")]
    nowhere = Api(replace(api.tour, store="nobody-knows.myshopify.com"), api.token)
    requests = [
        ("status", ""),
        ("search", "?q=a"),
        ("deliveries", ""),
        (f"deliveries/{board.id}", "?topic=products/update"),
    ]
    for path, query in requests:
        name = "delivery" if "/" in path else path
        expected = nowhere.get(name, f"/api/stores/{{store}}/{path}{query}", 404)
        for foreign_api in foreign_apis:
            assert foreign_api.get(name, f"/api/stores/{{store}}/{path}{query}", 404) == expected
    for action in ACTIONS:
        body = {"topic": board.topic, "id": board.id} if action == "replay" else {}
        expected = nowhere.act(action, body, 404)
        for foreign_api in foreign_apis:
            assert foreign_api.act(action, body, 404) == expected


def test_a_viewer_changes_nothing(api: Api, board: Delivery) -> None:
    """403, and nothing is sent."""
    viewer = api.by("viewer")
    for action in ACTIONS:
        viewer.act(action, {"topic": board.topic, "id": board.id} if action == "replay" else {}, 403)
    assert api.tour.status()["replayed_24h"] == 0


def test_a_replayed_delivery_is_applied_again(api: Api, board: Delivery) -> None:
    """A replay restores a product whose document was removed directly in the index."""
    product = api.tour.products["walnut-serving-board"]
    spoil(api.tour)
    assert api.tour.until(lambda: not api.tour.result(product), "it is no longer found")
    admin = api.by("admin")
    # The document is found before the delivery is archived.
    replayed = poll(lambda: replay(admin, board))
    assert replayed, "it is in the archive"
    assert api.tour.until(lambda: api.tour.result(product), "it is found again")
    replay_delivery = replace(board, headers=(("X-Shopify-Webhook-Id", replayed),))
    assert poll(lambda: api.delivery(replay_delivery)["fate"] == "applied")
    assert poll(lambda: api.tour.status()["replayed_24h"] == 1)
    assert api.fed(replay_delivery)["replay"] is True


def test_a_refused_replay_has_a_reason(api: Api, board: Delivery) -> None:
    """An unknown delivery gets 404, a malformed request 400."""
    assert "7 days" in api.act("replay", {"topic": board.topic, "id": "never-came"}, 404)["error"]
    for wrong in (None, {}, [], {"topic": board.topic}, {"topic": "", "id": "a"}, {"topic": board.topic, "id": 7}):
        api.act("replay", wrong, 400)
    for action in ("redrive", "resync", "reconcile"):
        api.act(action, {"store": OTHER}, 400)


def test_dead_letters_of_one_store_are_redriven(api: Api) -> None:
    """They fail and become dead letters again; another store's letter is not moved."""
    hookline = api.tour.stack.hookline
    other = replace(api.tour, store=OTHER)
    mine, theirs = (each.sign("products/update", sample("hostile/wrong-shape.json")) for each in (api.tour, other))
    try:
        for each in (api.tour, other):
            each.send_product("a product, so that the store is known", api.tour.products["walnut-serving-board"])
            assert poll(each.status)
        with impatient(api.tour.stack):
            for broken in (mine, theirs):
                assert api.tour.stack.client.send(broken).status == 200
                assert poll(lambda broken=broken: hookline.rows("dlq", "list", "--id", broken.id))
            parked = api.delivery(mine)
            assert (parked["fate"], parked["problem"]["code"]) == ("parked", "schema_mismatch")
            # By the clock the queue would still retry it; the test has shortened its retries.
            status = api.get("status", "/api/stores/{store}/status")
            assert (status["state"], status["failed"]["attention"]) == ("attention", 1)
            assert status["reasons"][0]["reason"] == "dead_letters"
            assert "dead letter about" in api.act("replay", {"topic": mine.topic, "id": mine.id}, 409)["error"]
            (before,) = hookline.rows("dlq", "list", "--id", theirs.id)
            assert api.by("admin").act("redrive", {}, 200)["moved"] == 1
            (letter,) = hookline.rows("dlq", "list", "--id", theirs.id)
            assert letter["message_id"] == before["message_id"]
            assert poll(lambda: hookline.rows("dlq", "list", "--id", mine.id))
    finally:
        for broken in (mine, theirs):
            hookline.run("dlq", "purge", "--id", broken.id, "--yes")


def test_a_resync_fills_the_index(api: Api) -> None:
    """For a connected store; for another one, the error says what to do."""
    assert "hookline store add" in known(api).act("resync", {}, 409)["error"]
    shop = Connected(api.tour.stack, store="resynced.myshopify.com")
    token = shop.shop.act("install", kind="custom", seed=True)["access_token"]
    shop.hookline.do("store", "add", shop.store, "--token-stdin", stdin=token)
    assert api.tour.stack.documents(shop.store) == 0
    admin = Api(shop, api.token).by("admin")
    for action in ("resync", "reconcile"):
        assert admin.act(action, {}) == {}
        assert poll(lambda action=action: run(admin, action))
        assert run(admin, action)["products"] >= len(shop.on_sale())
    assert api.tour.stack.documents(shop.store) >= len(shop.on_sale())
    assert all(shop.until_shown(each["title"], "it is found") for each in shop.on_sale())


def known(api: Api) -> Api:
    """The API, after the store has become known."""
    assert api.tour.send("any", api.tour.sign("products/update", sample("products-update.json"))).status == 200
    assert poll(api.tour.status)
    return api


def run(api: Api, task: str) -> Any:
    """The last run of this task, once it is done."""
    last = api.get("status", "/api/stores/{store}/status")["run"]
    return last if last and (last["task"], last["stage"]) == (task, "done") else None


def replay(api: Api, delivery: Delivery) -> str | None:
    """Id of the replay; None while the delivery is not archived."""
    path = f"/api/stores/{quoted(api.tour.store)}/replay"
    body = {"topic": delivery.topic, "id": delivery.id}
    answer = api.tour.stack.client.call("POST", path, body, token=api.token)
    accepted = checked("replay", answer)
    assert answer.status in (202, 409), accepted
    return accepted.get("replay_id")


def spoil(tour: Tour) -> None:
    """Overwrites the store's documents directly in the index: the same versions, without content."""
    index = f"{tour.stack.search_url}/{INDEX}"
    found = search_server(f"{index}/_search", {"query": {"term": {"store": tour.store}}})["hits"]["hits"]
    assert found
    for hit in found:
        archived = search_server(f"{index}/_doc/{quoted(hit['_id'])}")
        emptied = {name: hit["_source"][name] for name in ("source", "store", "kind", "id")}
        address = (
            f"{index}/_doc/{quoted(hit['_id'])}?version={archived['_version']}&version_type=external_gte&refresh=true"
        )
        search_server(address, emptied, "PUT")


def search_server(url: str, body: Any = None, method: str = "GET") -> Any:
    """Response of the search server."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)
