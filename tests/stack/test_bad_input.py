"""Bad input over HTTP and on the queue, and the responses to it."""

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hookline_local.client import Delivery, signature
from hookline_local.deploy import aws_client
from hookline_local.shop import sample
from hookline_local.tour import Tour, poll
from patience import impatient

HMAC = "X-Shopify-Hmac-Sha256"
BODY = b'{"id":788032119674292922,"title":"A thing"}'


def update(tour: Tour, body: bytes = BODY) -> Delivery:
    """A genuine products/update."""
    return tour.sign("products/update", body)


def make_known(tour: Tour) -> None:
    """Makes the store known; an unreadable delivery does not."""
    tour.send_product("a product", tour.products["walnut-serving-board"])
    tour.until(tour.status, "the store is known")


BAD_SIGNATURES: dict[str, Callable[[str], str | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: "",
    "wrong": lambda good: base64.b64encode(bytes(32)).decode() if good else None,
    "truncated": lambda good: good[:-8],
    "without padding": lambda good: good.rstrip("="),
    "hex": lambda good: base64.b64decode(good).hex(),
    "doubled with a comma": lambda good: f"{good},{good}",
    "not base64": lambda _: "¤ not base64 ¤".encode().decode("latin-1"),
}


@pytest.mark.parametrize("kind", BAD_SIGNATURES)
def test_a_bad_signature_gets_401_and_nothing_else(tour: Tour, kind: str) -> None:
    """The request leaves no trace of the store."""
    genuine = update(tour)
    forged = genuine.with_headers({HMAC: BAD_SIGNATURES[kind](genuine.header(HMAC))})
    answer = tour.stack.client.send(forged)
    assert (answer.status, answer.body) == (401, b"")
    assert tour.stack.client.status(tour.store).status == 404


def test_a_signature_of_other_bytes_is_refused(tour: Tour) -> None:
    """The signature covers the exact bytes, not their meaning."""
    spaced = json.dumps(json.loads(BODY), indent=1).encode()
    forged = update(tour, spaced).with_headers({HMAC: signature(tour.stack.credentials.shopify, BODY)})
    assert tour.stack.client.send(forged).status == 401


def test_a_repeated_signature_header_is_refused(tour: Tour) -> None:
    """Even if one of the two is correct."""
    genuine = update(tour)
    twice = Delivery(genuine.topic, genuine.body, (*genuine.headers, (HMAC, "AAAA")))
    assert tour.stack.client.send(twice).status == 401


@pytest.mark.parametrize("name", ["X-Shopify-Topic", "X-Shopify-Shop-Domain", "X-Shopify-Webhook-Id"])
def test_a_missing_header_gets_400(tour: Tour, name: str) -> None:
    """Even with a valid signature."""
    assert tour.stack.client.send(update(tour).with_headers({name: None})).status == 400


def test_header_names_are_case_insensitive(tour: Tour) -> None:
    """HTTP/2 sends them in lower case."""
    genuine = update(tour)
    lower = Delivery(genuine.topic, genuine.body, tuple((name.lower(), value) for name, value in genuine.headers))
    assert tour.stack.client.send(lower).status == 200


def test_three_hundred_headers_are_accepted(tour: Tour) -> None:
    """A signed delivery is accepted, an unsigned one is not."""
    many = {f"X-Filler-{number}": "x" * 20 for number in range(300)}
    assert tour.stack.client.send(update(tour).with_headers(many)).status == 200
    assert tour.stack.client.send(update(tour).with_headers(many | {HMAC: None})).status == 401


def noise(size: int) -> str:
    """Letters that compression shortens by at most a quarter."""
    return base64.b64encode(random.Random(1).randbytes(size * 3 // 4)).decode()  # noqa: S311 (not a secret)


def test_a_body_over_the_limit_gets_413(tour: Tour) -> None:
    """Lambda rejects events of 6 MiB or more; the emulator accepts them, and the receiver refuses them."""
    answer = tour.stack.client.send(update(tour, json.dumps({"id": 1, "body_html": noise(6_400_000)}).encode()))
    assert answer.status == 413


def test_a_large_product_is_accepted(tour: Tour) -> None:
    """A description of half a megabyte is compressed, delivered and found."""
    description = " ".join(f"word{number}" for number in range(50_000))
    large = tour.products["linen-curtain-panel"].edited(body_html=f"<p>{description}</p>")
    tour.send_product("a large product", large)
    tour.until(lambda: tour.result(large), "it is found")
    assert tour.failures() == []


def test_a_product_of_five_megabytes_is_accepted(tour: Tour) -> None:
    """A body too large for a message is stored in S3, and removed after it was applied."""
    bucket = tour.stack.outputs["PayloadBucketName"]
    s3 = aws_client("s3", tour.stack.ports)

    def stored_bodies() -> int:
        return s3.list_objects_v2(Bucket=bucket, Prefix=f"bodies/shopify.{tour.store}/")["KeyCount"]

    huge = tour.products["linen-curtain-panel"].edited(body_html=noise(5 * 1024 * 1024))
    assert len(huge.body()) > 5 * 1024 * 1024
    tour.send_product("a product of five megabytes", huge)
    tour.until(lambda: tour.result(huge), "it is found")
    tour.until(lambda: stored_bodies() == 0, "its body is removed")
    assert tour.failures() == []
    # Not a failure: the product has more variants than its webhook carries, and there is no token to fetch them.
    assert poll(lambda: tour.status().get("last_error"))["code"] == "not_connected"


@pytest.mark.parametrize("name", ["hostile/not-json.txt", "hostile/empty.txt"])
def test_a_signed_body_that_is_not_an_object_is_refused(tour: Tour, name: str) -> None:
    """The client secret signs more than webhooks: 401, and no trace of the store."""
    delivery = update(tour, sample(name)).with_headers({"Content-Type": "application/octet-stream"})
    answer = tour.stack.client.send(delivery)
    assert (answer.status, answer.body) == (401, b"")
    assert tour.stack.client.status(tour.store).status == 404


PARKED = ["hostile/wrong-shape.json", "hostile/not-utf8.bin"]


@pytest.mark.parametrize("name", PARKED)
def test_a_signed_body_of_the_wrong_shape_is_parked_and_reported(tour: Tour, name: str) -> None:
    """A retry would not help: the sender gets 200, and the status shows the delivery and the reason to a person."""
    # API Gateway encodes a body that is not text in base64; the emulator would repair broken UTF-8 in JSON.
    delivery = update(tour, sample(name)).with_headers({"Content-Type": "application/octet-stream"})
    make_known(tour)
    before = tour.stack.documents(tour.store)
    assert tour.stack.client.send(delivery).status == 200
    error = poll(lambda: tour.status().get("last_error"))
    assert error
    assert error["code"] == "schema_mismatch"
    assert error["delivery_id"] == delivery.id
    assert error["message"]
    assert tour.stack.documents(tour.store) == before


def test_strange_characters_are_indexed(tour: Tour) -> None:
    """Characters that SQS rejects are delivered all the same."""
    product = json.loads(sample("hostile/noncharacters.json"))
    assert tour.stack.client.send(update(tour, sample("hostile/noncharacters.json"))).status == 200
    assert poll(lambda: tour.stack.documents(tour.store) == 1), product["id"]


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("wrong", 403), ("Bearer", 403)])
def test_the_read_apis_need_a_token(tour: Tour, token: str | None, status: int) -> None:
    """Without a token 401, with an unknown one 403, and nothing about the store."""
    for answer in (
        tour.stack.client.status(tour.store, token=token),
        tour.stack.client.search(tour.store, "x", token=token),
        tour.stack.client.ticket(token=token),
    ):
        assert answer.status == status
        assert tour.store.encode() not in answer.body


QUERIES = {
    "ten kilobytes": "walnut " * 1500,
    "operators": '+-=&&||><!(){}[]^"~*?:\\/ AND OR NOT title:* _exists_:x',
    "a script": "<script>alert(1)</script>",
    "unbalanced": '"(((',
    "unicode": "南部鉄器 \u0000\ufffe 🏕️",
    "empty": "",
}


@pytest.mark.parametrize("kind", QUERIES)
def test_no_query_breaks_the_search(tour: Tour, kind: str) -> None:
    """Every query gets results or a reason, never a failure."""
    board = tour.products["walnut-serving-board"]
    tour.send_product("a product", board)
    tour.until(lambda: tour.result(board), "it is found")
    answer = tour.stack.client.search(tour.store, QUERIES[kind])
    assert answer.status in (200, 400), answer.body
    assert tour.result(board), "the next search must work"


@pytest.mark.parametrize("limit", ["0", "-1", "10000000", "ten", ""])
def test_an_invalid_limit_is_refused(tour: Tour, limit: str) -> None:
    """The response names the reason."""
    board = tour.products["walnut-serving-board"]
    tour.send_product("a product", board)
    tour.until(tour.status, "the store is known")
    path = f"/api/stores/{tour.store}/search?q=walnut&limit={limit}"
    answer = tour.stack.client.request("GET", path, tour.stack.client.authorization())
    assert answer.status == 400
    assert b"limit" in answer.body


@dataclass
class DeadLetters:
    """Bodies of all dead letters received so far."""

    tour: Tour
    bodies: list[str] = field(default_factory=list)

    def find(self, matches: Callable[[str], bool]) -> str | None:
        """A dead letter that matches, if there is one."""
        queue = self.tour.stack.outputs["EventDeadLetterQueueUrl"]
        sqs = aws_client("sqs", self.tour.stack.ports)
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        self.bodies += [message["Body"] for message in received.get("Messages", [])]
        return next(filter(matches, self.bodies), None)


def test_a_foreign_message_fails_alone(tour: Tour) -> None:
    """Other messages of its batch are applied; it ends in the dead-letter queue."""
    foreign = ["not ours", "{}", '{"version": 99}']
    board = tour.products["walnut-serving-board"]
    dead_letters = DeadLetters(tour)
    with impatient(tour.stack):
        for body in foreign:
            aws_client("sqs", tour.stack.ports).send_message(
                QueueUrl=tour.stack.outputs["EventQueueUrl"], MessageBody=body
            )
        tour.send_product("a product", board)
        tour.until(lambda: tour.result(board), "it is found")
        assert tour.failures() == []
        for body in foreign:
            assert poll(lambda body=body: dead_letters.find(lambda dead: dead == body))


def test_a_failing_delivery_ends_in_the_dead_letter_queue(tour: Tour) -> None:
    """Unchanged, after the queue's last receive."""
    broken = update(tour, sample("hostile/wrong-shape.json"))
    with impatient(tour.stack):
        assert tour.stack.client.send(broken).status == 200
        dead_letters = DeadLetters(tour)
        parked = poll(lambda: dead_letters.find(lambda dead: broken.id in dead))
    assert parked
    assert parked.encode().endswith(b"\n" + broken.body)
